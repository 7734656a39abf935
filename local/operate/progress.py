"""How far a run of reconcile, replay or erase is: as text, and as one line of a terminal."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from typing import Final, TextIO

from local.events.colour import GREEN, RED, has_colours, paint, plain
from shared.core.wire.json.json_shape import JsonObject, integer, mapping, text

_BAR_WIDTH: Final = 24
_LINE_EVERY_S: Final = 10.0  # if the output is not a terminal
_LIVE: Final = frozenset({"Pending", "Running", "ContinuedAsNew", "Suspended"})
# names of the counts of parts, and what one part is
_PARTS: Final = {"windows": "hours", "parts": "parts"}


def is_over(status: JsonObject) -> bool:
    """Whether Durable's status of a run is a final one."""
    state = text(status.get("runtimeStatus"))
    return bool(state) and state not in _LIVE


def share(status: JsonObject) -> float | None:
    """How much of the run is done, 0 to 1; None if that is not known."""
    progress = mapping(status.get("customStatus"))
    for name in _PARTS:
        if total := integer(progress.get(f"{name}_total")):
            return (integer(progress.get(f"{name}_done")) or 0) / total
    return None


def facts(status: JsonObject) -> list[str]:
    """The run's counts that are not zero, and why it waits."""
    return list(_facts(mapping(status.get("customStatus"))))


def _facts(progress: JsonObject) -> Iterator[str]:
    for name, unit in _PARTS.items():
        if total := integer(progress.get(f"{name}_total")):
            yield f"{integer(progress.get(f'{name}_done')) or 0:,} of {total:,} {unit}"
    for name, value in progress.items():
        count = integer(value)
        if count and not name.startswith(tuple(f"{part}_" for part in _PARTS)):
            yield f"{count:,} {name.replace('_', ' ')}"
    if waiting := text(progress.get("waiting")):
        yield f"waits: {waiting}"


class Display:
    """Shows a run until it ends: one line that changes on a terminal, otherwise a line every ten
    seconds in which something changed.
    """

    def __init__(
        self, title: str, out: TextIO, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._title = title
        self._out = out
        self._clock = clock
        self._started_at = clock()
        self._last_facts: list[str] = []
        self._printed_at = float("-inf")
        self._width = 0  # width of the line that the next one overwrites

    def show(self, status: JsonObject) -> None:
        """Show the status of a run that goes on."""
        if self._out.isatty():
            self._overwrite(self._line(status, _bar(share(status))))
            return
        now = self._clock()
        if facts(status) != self._last_facts and now - self._printed_at >= _LINE_EVERY_S:
            self._last_facts, self._printed_at = facts(status), now
            print(self._line(status), file=self._out, flush=True)

    def end(self, status: JsonObject) -> None:
        """The run has ended: its last line."""
        line = self._line(status)
        if self._out.isatty():
            self._overwrite("")
            print("\r", end="", file=self._out)
        coloured = paint if has_colours(self._out) else plain
        state = text(status.get("runtimeStatus"))
        print(
            line.replace(state, coloured(state, GREEN if state == "Completed" else RED), 1),
            file=self._out,
            flush=True,
        )

    def _line(self, status: JsonObject, bar: str = "") -> str:
        state = text(status.get("runtimeStatus")) or "Pending"
        elapsed = f"{self._clock() - self._started_at:.0f} s"
        return f"{self._title} {bar}{', '.join([state, *facts(status), elapsed])}"

    def _overwrite(self, line: str) -> None:
        columns = shutil.get_terminal_size().columns - 1
        visible = line[:columns]
        print(f"\r{visible:<{self._width}}", end="", file=self._out, flush=True)
        self._width = len(visible)


def _bar(done: float | None) -> str:
    if done is None:
        return ""
    full = round(done * _BAR_WIDTH)
    return f"[{'#' * full}{'.' * (_BAR_WIDTH - full)}] "
