"""The terminal of `make run`: whole lines from several threads, each part's behind its name."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from local.selection import Selection

_NAME_WIDTH: Final = 14

# What a host says of each call, and the app of each delivery; beside the answers and events
# themselves it tells nothing.
_EXPECTED: Final = re.compile(r"([\d:]+ )?(Executed 'Functions\.\w+' \(Succeeded|Delivered \{)")


class Console:
    """Prints to `out`, and each part's complete output to a file of its own in `logs`."""

    def __init__(self, logs: Path, out: TextIO = sys.stdout) -> None:
        self._logs = logs
        self._files: dict[str, TextIO] = {}
        self._selections: dict[str, Selection] = {}
        self._out = out
        self._lock = threading.Lock()
        # lines that wait for the end of a paragraph of ours; None: there is none
        self._held: list[str] | None = None

    def line(self, text: str = "") -> None:
        """One line of our own."""
        self.write(f"{text}\n")

    def write(self, text: str) -> None:
        """A piece of a line of our own, within holding()."""
        with self._lock:
            self._write(text)

    def part_line(self, part: str, line: str) -> None:
        """One line that a part printed."""
        with self._lock:
            self._log(part, line)
            self._show(part, self._selections.setdefault(part, Selection()).shown(line))

    def catch_up(self) -> None:
        """Shows what was kept back to be told in one line with its continuation, if that has not
        come. Call it often.
        """
        with self._lock:
            for part, selection in self._selections.items():
                self._show(part, selection.overdue())

    @contextmanager
    def holding(self) -> Iterator[None]:
        """What parts print meanwhile follows afterwards, or at release(); that calls succeeded is
        left to the log files.
        """
        with self._lock:
            self._held = []
        try:
            yield
        finally:
            self.release()
            with self._lock:
                self._held = None

    def release(self) -> None:
        """Within holding(): prints what is held so far, between two paragraphs."""
        with self._lock:
            if self._held:
                self._write("".join(self._held))
                self._held = []

    def close(self) -> None:
        """Closes the log files. No line of a part is printed after it."""
        with self._lock:
            for part, selection in self._selections.items():
                self._show(part, selection.kept_back())
            for file in self._files.values():
                file.close()

    def _show(self, part: str, lines: list[str]) -> None:
        if self._held is None:
            for line in lines:
                self._write(_prefixed(part, line))
        else:
            self._held += [_prefixed(part, line) for line in lines if not _EXPECTED.match(line)]

    def _log(self, part: str, line: str) -> None:
        if part not in self._files:
            self._logs.mkdir(parents=True, exist_ok=True)
            self._files[part] = (self._logs / f"{part}.log").open(
                "w", encoding="utf-8", buffering=1
            )
        if not self._files[part].closed:
            self._files[part].write(f"{line}\n")

    def _write(self, text: str) -> None:
        try:
            self._out.write(text)
            self._out.flush()
        except BrokenPipeError:
            # The reader left (make run | head). The parts still have to be ended in order, which
            # prints as well.
            self._out = Path(os.devnull).open("w")  # noqa: SIM115 - open for as long as this process


def _prefixed(part: str, line: str) -> str:
    return f"{part:<{_NAME_WIDTH}} | {line}\n"
