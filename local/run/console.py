"""The terminal of `make run`: the run's own lines, and the problems that parts report.

A part's complete output goes to its log file. The terminal shows only lines that report a problem,
each after the name of its part, cut to a length that can be read. What the host adds to them (which
invocation failed, the last line of a traceback) is shown with `verbose` alone.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

_NAME_WIDTH: Final = 14

_STAMP: Final = re.compile(r"^\[\d{4}-\d\d-\d\dT(\d\d:\d\d:\d\d)[.\d]*Z\] ?")
# Words of the hosts, of the app's warnings and errors, and of the last line of a traceback. func
# prints no levels, so the words have to do. Its storage client calls an expected 404 an "Error
# response".
_PROBLEM: Final = re.compile(
    r"\b(?:ERROR|WARNING|CRITICAL)\b|\w(?:Error|Exception): |\(Failed\b"
    r"|\b(?:could not|cannot|can never|did not|given up|refused|(?:is|was) rejected|discarded)\b"
    r"|(?<!\")\bfailed\b"  # not the count "failed" of what was delivered
)

# "Executed 'Functions.enrichment' (Failed, …", and the last line of a traceback
_OF_THE_HOST: Final = re.compile(
    r"Executed 'Functions\.|^(?:\d\d:\d\d:\d\d )?(?:[\w.]*(?:Error|Exception)): "
)
_SHOWN_CHARACTERS: Final = 160


class Console:
    """Prints to `out`, and each part's complete output to a file of its own in `logs`."""

    def __init__(self, logs: Path, out: TextIO = sys.stdout, *, verbose: bool = False) -> None:
        self._logs = logs
        self._verbose = verbose
        self._files: dict[str, TextIO] = {}
        self._out = out
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
        """Log a line that a part printed, and show it if it reports a problem."""
        with self._lock:
            self._log(part, line)
            text = problem(line) if self._verbose else brief(problem(line))
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
        try:
            self._out.write(text)
            self._out.flush()
        except BrokenPipeError:
            # The reader has gone (make run | head). The parts still have to be ended in order,
            # which prints as well.
            self._out = Path(os.devnull).open("w")  # noqa: SIM115 - open for as long as this process


def brief(text: str | None) -> str | None:
    """A problem without the rest of a long line; None for what the host adds to a problem."""
    if text is None or _OF_THE_HOST.search(text):
        return None
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]} …"


def problem(line: str) -> str | None:
    """The line as the terminal shows it, without its date; None unless it reports a problem."""
    stamp = _STAMP.match(line)
    text = line[stamp.end() :] if stamp else line
    # Indented lines are the frames of a traceback.
    if text.startswith((" ", "\t")) or not _PROBLEM.search(text):
        return None
    return f"{stamp[1]} {text}" if stamp else text
