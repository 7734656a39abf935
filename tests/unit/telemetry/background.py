"""The tasks that telemetry starts beside the deliveries that it reports."""

from __future__ import annotations

import asyncio


def background_tasks() -> list[asyncio.Task[None]]:
    """The tasks of the event loop that run a method of Telemetry or Backlog."""
    return [
        task
        for task in asyncio.all_tasks()
        if getattr(task.get_coro(), "__qualname__", "").startswith(("Telemetry.", "Backlog."))
    ]


async def finish_background_tasks() -> None:
    """Wait until all of them have ended."""
    await asyncio.gather(*background_tasks())
