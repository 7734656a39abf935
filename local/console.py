"""The terminal of `make run`: whole lines from several threads, each part's behind its name."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

_NAME_WIDTH: Final = 14
_STAMP: Final = re.compile(r"^\[\d{4}-\d\d-\d\dT(\d\d:\d\d:\d\d)[.\d]*Z\] ?")

# func prints its whole configuration as JSON at each start, and four lines for each request. The log files have them all.
_JSON_DUMP: Final = re.compile(r'\s*("[^"]*"(:|,?$)|[{}\[\]]+,?$)')
_CHATTER: Final = re.compile(
    r"\w+Options$|Execut(ing|ed) HTTP request|Executing '|Executed 'Functions\.health"
    r"|Reading |Loading |Looking for |Found a matching |Fetching |Initializing |Starting |Script Startup |LoggerFilter"
    r"|Azurite \w+ service (is starting|is closing|successfully closed)"
    r"|Trigger Details: |Host lock lease |For detailed output"
    r"|Building host|Host (configuration|initializ)|Worker indexing|Generating |Running in offline mode|When you have network"
)


def readable(line: str) -> str | None:
    """The line as the terminal shows it: the date cut off its time stamp; None for one that only a log file needs."""
    stamp = _STAMP.match(line)
    text = line[stamp.end() :] if stamp else line
    if not text.strip() or _JSON_DUMP.match(text) or _CHATTER.match(text):
        return None
    return f"{stamp.group(1)} {text}" if stamp else text


class Console:
    """Prints to `out`, and each part's complete output to a file of its own in `logs`."""

    def __init__(self, logs: Path, out: TextIO = sys.stdout) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self._logs = logs
        self._files: dict[str, TextIO] = {}
        self._out = out
        self._lock = threading.Lock()
        self._held: list[str] | None = None  # lines that wait for the end of a streamed answer; None: nothing streams

    def line(self, text: str = "") -> None:
        """One line of our own."""
        with self._lock:
            self._write(f"{text}\n")

    def part_line(self, part: str, line: str) -> None:
        """One line that a part printed."""
        shown = readable(line)
        with self._lock:
            self._log(part, line)
            if shown is None:
                return
            prefixed = f"{part:<{_NAME_WIDTH}} | {shown}\n"
            if self._held is None:
                self._write(prefixed)
            else:
                self._held.append(prefixed)

    @contextmanager
    def streaming(self) -> Iterator[Callable[[str], None]]:
        """Gives a function that prints pieces of a line as they come; what parts print meanwhile follows afterwards."""
        with self._lock:
            self._held = []
        try:
            yield self._write
        finally:
            with self._lock:
                held, self._held = self._held, None
                self._write("\n" + "".join(held))

    def close(self) -> None:
        """Closes the log files. Nothing is printed after it."""
        with self._lock:
            for file in self._files.values():
                file.close()

    def _log(self, part: str, line: str) -> None:
        if part not in self._files:
            self._files[part] = (self._logs / f"{part}.log").open("w", encoding="utf-8", buffering=1)
        if not self._files[part].closed:
            self._files[part].write(f"{line}\n")

    def _write(self, text: str) -> None:
        try:
            self._out.write(text)
            self._out.flush()
        except BrokenPipeError:
            # The reader left (make run | head). The parts still have to be ended in order, which prints as well.
            self._out = Path(os.devnull).open("w")  # noqa: SIM115 - open for as long as this process
