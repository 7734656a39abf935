"""How much an event loop does before it serves others, in counts, which are the same on a slow
machine and on a busy one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any, Final

_LINES: Final = sys.monitoring.PROFILER_ID
_PARSES: Final = sys.monitoring.OPTIMIZER_ID
# All of json's functions that parse call it.
_PARSER: Final[CodeType] = json.JSONDecoder.raw_decode.__code__


@dataclass(kw_only=True)
class LoopTurns:
    """The turns of a task that only waits for its turn."""

    count: int = 0
    most_lines: int = 0  # of Python that were executed between two of them
    lines: int = 0  # that have been executed since the last one


@contextlib.asynccontextmanager
async def loop_turns(*, pause_s: float = 0, count_lines: bool = True) -> AsyncIterator[LoopTurns]:
    """The turns within the block; the task waits for `pause_s` after each. Counting lines makes
    everything several times as slow.
    """
    turns = LoopTurns()

    async def observe() -> None:
        while True:
            turns.count += 1
            turns.most_lines = max(turns.most_lines, turns.lines)
            turns.lines = 0
            await asyncio.sleep(pause_s)

    observer = asyncio.create_task(observe())
    try:
        with _counted_lines(turns) if count_lines else contextlib.nullcontext():
            await asyncio.sleep(0)  # from here on it takes its turns
            yield turns
            await asyncio.sleep(2 * pause_s)  # what has just ended counts as well
    finally:
        observer.cancel()


@contextlib.contextmanager
def _counted_lines(turns: LoopTurns) -> Iterator[None]:
    def count(_code: CodeType, _line: int) -> None:
        turns.lines += 1

    with _monitor(_LINES, sys.monitoring.events.LINE, count):
        sys.monitoring.set_events(_LINES, sys.monitoring.events.LINE)
        yield


@contextlib.contextmanager
def parsed_json() -> Iterator[list[int]]:
    """The lengths of the texts that this process parses as JSON within the block. Parsing holds the
    interpreter's lock, in whichever thread.
    """
    lengths: list[int] = []

    def record(_code: CodeType, _offset: int) -> None:
        lengths.append(len(sys._getframe(1).f_locals["s"]))

    with _monitor(_PARSES, sys.monitoring.events.PY_START, record):
        sys.monitoring.set_local_events(_PARSES, _PARSER, sys.monitoring.events.PY_START)
        yield lengths


@contextlib.contextmanager
def _monitor(tool: int, event: int, callback: Any) -> Iterator[None]:
    sys.monitoring.use_tool_id(tool, __name__)
    sys.monitoring.register_callback(tool, event, callback)
    try:
        yield
    finally:
        sys.monitoring.set_events(tool, sys.monitoring.events.NO_EVENTS)
        sys.monitoring.set_local_events(tool, _PARSER, sys.monitoring.events.NO_EVENTS)
        sys.monitoring.free_tool_id(tool)
