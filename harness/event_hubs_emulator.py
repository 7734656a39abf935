"""Starts the Event Hubs emulator, and receives from it with the real SDK."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any, Final, Self

from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, EventHubProducerClient, PartitionContext

from harness.waiting import poll_until_async
from local.stack.commands import event_hubs_command

DEADLINE_S: Final = 30


class Emulator:
    """The Event Hubs emulator on free ports; ends with the `with` block."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments

    def __enter__(self) -> Self:
        command = [*event_hubs_command(), *self._arguments]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.ready_line = self.process.stdout.readline()
        match = re.match(
            r"event_hubs ready: amqp://127\.0\.0\.1:(\d+) control (http://127\.0\.0\.1:(\d+)) ",
            self.ready_line,
        )
        assert match is not None, (self.ready_line, self.process.communicate(timeout=DEADLINE_S))
        self.port, self.control_url, self.control_port = int(match[1]), match[2], int(match[3])
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """End the emulator; return its exit code and stderr."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, errors

    @property
    def connection_string(self) -> str:
        return (
            f"Endpoint=sb://127.0.0.1:{self.port};SharedAccessKeyName=RootManageSharedAccessKey;"
            "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
        )

    def producer(self, hub: str, **options: Any) -> EventHubProducerClient:
        return EventHubProducerClient.from_connection_string(
            self.connection_string, eventhub_name=hub, **options
        )

    def consumer(self, hub: str, group: str = "$Default", **options: Any) -> EventHubConsumerClient:
        return EventHubConsumerClient.from_connection_string(
            self.connection_string, group, eventhub_name=hub, **options
        )

    def control(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.control_url}{path}", data=data, method=method)  # noqa: S310 - http
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE_S) as response:  # noqa: S310 - http
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def set_mode(self, mode: str) -> None:
        assert self.control("PUT", "/behaviour", {"mode": mode}) == (200, {"mode": mode})

    def refuse(self, text: str, condition: str) -> None:
        """Reject publications with this text, until the next change of mode."""
        behaviour = {"mode": "accept", "unwanted": {"text": text, "condition": condition}}
        assert self.control("PUT", "/behaviour", behaviour)[0] == 200

    def stats(self) -> dict[str, Any]:
        return self.control("GET", "/stats")[1]


@contextlib.asynccontextmanager
async def own_emulator(*arguments: str) -> AsyncIterator[Emulator]:
    """An emulator for one scenario; other scenarios run while it starts and ends."""
    emulator = Emulator("--port", "0", "--control-port", "0", *arguments)
    await asyncio.to_thread(emulator.__enter__)
    try:
        yield emulator
    finally:
        await asyncio.to_thread(emulator.stop)


async def send(producer: EventHubProducerClient, *bodies: str, **options: Any) -> None:
    """Send each body as an event of its own."""
    for body in bodies:
        await producer.send_event(EventData(body), **options)


class ReceivedEvents:
    """The events that a consumer has received so far."""

    def __init__(self) -> None:
        self.events: list[tuple[str, EventData]] = []
        self.error: Exception | None = None
        self.changed = asyncio.Event()

    @property
    def bodies(self) -> list[str]:
        return [event.body_as_str() for _, event in self.events]

    @property
    def sequence_numbers(self) -> list[int | None]:
        return [event.sequence_number for _, event in self.events]

    async def until(self, condition: Callable[[ReceivedEvents], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not condition(self):
                self.changed.clear()
                await self.changed.wait()

    async def count(self, number: int) -> None:
        await self.until(lambda received: len(received.events) >= number)


@contextlib.asynccontextmanager
async def receiving(
    client: EventHubConsumerClient,
    *,
    partition_id: str | None = "0",
    start: str | int | datetime = "-1",
    inclusive: bool = False,
    attached: Callable[[], bool] | None = None,
    **options: Any,
) -> AsyncIterator[ReceivedEvents]:
    """Receive in the background; with `attached`, enter the block when that holds."""
    received = ReceivedEvents()

    async def on_event(context: PartitionContext, event: EventData | None) -> None:
        if event is not None:
            received.events.append((context.partition_id, event))
            received.changed.set()

    async def on_error(_: PartitionContext | None, error: Exception) -> None:
        received.error = error
        received.changed.set()

    async with client:
        partition: dict[str, Any] = {} if partition_id is None else {"partition_id": partition_id}
        task = asyncio.create_task(
            client.receive(
                on_event,
                on_error=on_error,
                starting_position=start,
                starting_position_inclusive=inclusive,
                **partition,
                **options,
            )
        )
        try:
            if attached is not None:
                await poll_until_async(attached, "the consumer is attached")
            yield received
        finally:
            await stop_receiving(task)


async def stop_receiving(task: asyncio.Task[None]) -> None:
    """Cancel a `receive`: closing the client alone lets it sleep until its next poll of the
    partitions.
    """
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
