"""Watches the client of an exchange: for its disconnect, and for silences to bridge."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.types import Receive

from shared.relay.exchange_observation import ExchangeObservation


async def until_disconnected(receive: Receive) -> None:
    """Returns when the client has disconnected. Its request is whole."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def wait_for_either(future: asyncio.Future[Any], receive: Receive) -> None:
    """Returns when the future is done, or the client has disconnected."""
    disconnect = asyncio.create_task(until_disconnected(receive))
    either: set[asyncio.Future[Any]] = {future, disconnect}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        disconnect.cancel()


class ClientWatch:
    """The tasks that run beside an exchange, and end with it.

    The watch refers to the exchange, and the exchange to its watch. `stop` drops callbacks and
    tasks, so that no cycle of references keeps the exchange until the garbage collector runs.
    """

    def __init__(self, receive: Receive, on_disconnect: Callable[[], None]) -> None:
        """`on_disconnect`: called when the client disconnects."""
        self._receive = receive
        self._on_disconnect: Callable[[], None] | None = on_disconnect
        self._tasks: list[asyncio.Task[None]] = []

    def listen(self) -> None:
        """Wait for the client's disconnect. Its request is whole, so nothing else can come.

        Does nothing after `stop`: nobody would end the task.
        """
        if self._on_disconnect is None:
            return
        self._tasks.append(asyncio.create_task(self._report_disconnect()))

    def client_disconnected(self) -> None:
        """Report that the client has disconnected. Does nothing after `stop`."""
        if self._on_disconnect is not None:
            self._on_disconnect()

    def bridge_silences(
        self,
        interval_ms: float,
        observation: ExchangeObservation,
        keep_alive: Callable[[], Awaitable[None]],
    ) -> None:
        """Call `keep_alive` whenever nothing came for the interval. The task reads the time of the
        last piece, so a piece costs nothing more.
        """
        bridging = _bridge_silences(interval_ms, observation, keep_alive)
        self._tasks.append(asyncio.create_task(bridging))

    def stop(self) -> None:
        """End the tasks, and report nothing any more."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        self._on_disconnect = None

    async def _report_disconnect(self) -> None:
        await until_disconnected(self._receive)
        self.client_disconnected()


async def _bridge_silences(
    interval_ms: float,
    observation: ExchangeObservation,
    keep_alive: Callable[[], Awaitable[None]],
) -> None:
    now_ms, response = observation.stopwatch.ms, observation.response
    kept_alive_ms = now_ms()
    while True:
        silent_ms = now_ms() - max(response.to_last_piece_ms or 0.0, kept_alive_ms)
        if silent_ms < interval_ms:
            await asyncio.sleep((interval_ms - silent_ms) / 1000)
            continue
        await keep_alive()
        kept_alive_ms = now_ms()
