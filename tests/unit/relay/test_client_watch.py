"""The tasks that watch the client of an exchange."""

from __future__ import annotations

import asyncio

from starlette.types import Message

from shared.relay.client_watch import ClientWatch


async def _disconnect() -> Message:
    return {"type": "http.disconnect"}


async def _silence() -> Message:
    await asyncio.Event().wait()
    raise AssertionError("nothing sets the event")


def test_a_disconnect_is_reported() -> None:
    async def run() -> None:
        disconnected = asyncio.Event()
        ClientWatch(_disconnect, disconnected.set).listen()
        await asyncio.wait_for(disconnected.wait(), 10)

    asyncio.run(run())


def test_a_stopped_watch_starts_no_task() -> None:
    """A request's body may end after its exchange: nobody would end the task."""

    async def run() -> None:
        watch = ClientWatch(_silence, lambda: None)
        watch.stop()
        tasks = asyncio.all_tasks()
        watch.listen()
        assert asyncio.all_tasks() == tasks

    asyncio.run(run())
