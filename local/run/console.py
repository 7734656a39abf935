"""The terminal of `make run`: the run's own lines, and the problems that parts report.

A part's complete output goes to its log file. The terminal shows the warnings and errors among its
lines, each after the name of the part and cut to a length that can be read; with `verbose` it shows
every line whole.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

_NAME_WIDTH: Final = 14

_STAMP: Final = re.compile(r"\[\d{4}-\d\d-\d\dT(\d\d:\d\d:\d\d)[.\d]*Z\] ?")
# All parts but func begin a warning with its level. func prints no level: of its lines, those about
# executions that failed are shown.
_PROBLEM: Final = re.compile(r"(?:WARNING|ERROR|CRITICAL): |Executed '[^']*' \(Failed\b")
_SHOWN_CHARACTERS: Final = 160


class Console:
    """Prints to `out`, and each part's complete output to a file of its own in `logs`."""

    def __init__(self, logs: Path, out: TextIO = sys.stdout, *, verbose: bool = False) -> None:
        self._logs = logs
        self._verbose = verbose
        self._files: dict[str, TextIO] = {}
        self._out: TextIO | None = out  # None once its reader has gone (make run | head)
        self._lock = threading.Lock()
        # Lines that wait for the end of a paragraph of ours. None: no paragraph is being written.
        self._delayed_lines: list[str] | None = None

    def line(self, text: str = "") -> None:
        """Print a line of the run itself."""
        self.write(f"{text}\n")

    def write(self, text: str) -> None:
        """Print a piece of a line of the run itself; call it within holding()."""
        with self._lock:
            self._write(text)

    def part_line(self, part: str, line: str) -> None:
        """Log a line that a part printed, and show it if it reports a problem, or if all are
        shown.
        """
        with self._lock:
            self._log(part, line)
            text = line if self._verbose else problem(line)
            if text is not None:
                self._show(f"{part:<{_NAME_WIDTH}} | {text}\n")

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Delay the lines of parts to the end of the block, or to the next release()."""
        with self._lock:
            self._delayed_lines = []
        try:
            yield
        finally:
            self.release()
            with self._lock:
                self._delayed_lines = None

    def release(self) -> None:
        """Print the lines held so far, between two paragraphs within holding()."""
        with self._lock:
            if self._delayed_lines:
                self._write("".join(self._delayed_lines))
                self._delayed_lines = []

    def close(self) -> None:
        """Close the log files. A part's line that comes later is not logged."""
        with self._lock:
            for file in self._files.values():
                file.close()

    def _show(self, line: str) -> None:
        if self._delayed_lines is None:
            self._write(line)
        else:
            self._delayed_lines.append(line)

    def _log(self, part: str, line: str) -> None:
        if part not in self._files:
            self._logs.mkdir(parents=True, exist_ok=True)
            self._files[part] = (self._logs / f"{part}.log").open(
                "w", encoding="utf-8", buffering=1
            )
        if not self._files[part].closed:
            self._files[part].write(f"{line}\n")

    def _write(self, text: str) -> None:
        if self._out is None:
            return
        try:
            self._out.write(text)
            self._out.flush()
        except BrokenPipeError:
            # The parts still have to be ended in order, which prints as well.
            self._out = None


def problem(line: str) -> str | None:
    """The line as the terminal shows it, without its date and cut if it is long; None unless it
    reports a problem.
    """
    stamp = _STAMP.match(line)
    text = line[stamp.end() :] if stamp else line
    if not _PROBLEM.match(text):
        return None
    shown = text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]} …"
    return f"{stamp[1]} {shown}" if stamp else shown
