"""A part of the stack: one process with its descendants, its output, and how it ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from local.stack.errors import PartDied, PartNotReady, StackError
from local.stack.processes import descendants_of, signal_each
from local.stack.readiness import Ready

OnLine = Callable[[str, str], None]  # (part's name, one line of its output without the line end)

_MAX_LINES: Final = 5_000
_LAST_LINES: Final = 25
_POLL_S: Final = 0.03


@dataclass(frozen=True, kw_only=True)
class PartSpec:
    """The command that starts a part, and how to check that it serves."""

    name: str
    command: Sequence[str]
    ready: Ready
    env: Mapping[str, str] = field(default_factory=dict)  # the whole environment, not an addition
    cwd: Path | None = None  # None: the supervisor's
    ready_within_s: float = 30
    # texts in its output after which it never gets ready, although it keeps running
    hopeless: tuple[str, ...] = ()
    stop_within_s: float = 5  # after SIGTERM; then SIGKILL


class StackPart:
    """Starts, watches and ends one process. Safe to use from several threads, one call at a time
    per part.
    """

    def __init__(self, spec: PartSpec, *, on_line: OnLine) -> None:
        self.spec = spec
        self._on_line = on_line
        self._lines: deque[str] = deque(maxlen=_MAX_LINES)
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._is_stopping = False
        # its lines up to one of `hopeless`
        self._until_hopeless: list[str] | None = None

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def pid(self) -> int:
        """The process started last; it leads its own session and process group."""
        if self._process is None:
            raise StackError(f"{self.name} was not started")
        return self._process.pid

    def descendants(self) -> list[int]:
        """The pids of its descendants (a functions host's workers), nearest first."""
        return descendants_of(self.pid)

    def output(self) -> str:
        """Its output, also of earlier starts: the last 5,000 lines."""
        return "\n".join(self._lines.copy())

    def launch(self) -> None:
        """Start the process and return at once."""
        self._is_stopping = False
        self._until_hopeless = None
        self._process = self._popen()
        self._reader = threading.Thread(
            target=self._read, args=(self._process,), name=f"{self.name}-output", daemon=True
        )
        self._reader.start()

    def wait_ready(self) -> None:
        """Returns when it serves. Raises PartDied or, after the deadline, PartNotReady."""
        deadline = time.monotonic() + self.spec.ready_within_s
        while not self.spec.ready():
            self.check()
            if self._until_hopeless is not None:
                raise PartNotReady(f"{self.name} cannot serve{_join(self._until_hopeless)}")
            if time.monotonic() > deadline:
                raise PartNotReady(
                    f"{self.name} did not serve within {self.spec.ready_within_s:g} s{self._last_lines()}"
                )
            time.sleep(_POLL_S)
        self.check()  # another process may have answered

    def start(self) -> None:
        """Start it (again) and return when it serves."""
        self.launch()
        self.wait_ready()

    def stop(self) -> None:
        """Send SIGTERM, and SIGKILL to what still runs after its time. Returns when it has
        ended.
        """
        self._end(signal.SIGTERM, self.spec.stop_within_s)

    def kill(self) -> None:
        """Send SIGKILL to the process and its descendants. Returns when they have ended."""
        self._end(signal.SIGKILL, 0)

    def check(self) -> None:
        """Raise PartDied if it ended without stop() or kill()."""
        if self._process is None or self._is_stopping or self._process.poll() is None:
            return
        if self._reader is not None:
            self._reader.join(timeout=1)  # the reason is usually in the last line
        raise PartDied(
            f"{self.name} died: {describe_end(self._process.returncode)}{self._last_lines()}"
        )

    def _popen(self) -> subprocess.Popen[str]:
        try:
            return subprocess.Popen(
                list(self.spec.command),
                env=dict(self.spec.env),
                cwd=self.spec.cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                bufsize=1,
                # Ctrl-C reaches the supervisor alone, which then ends the parts in order
                start_new_session=True,
            )
        except OSError as error:
            raise PartDied(f"{self.name} cannot start: {error}") from error

    def _end(self, first: signal.Signals, patience_s: float) -> None:
        if self._process is None:
            return
        self._is_stopping = True
        # The signal goes to the process alone, because a functions host lets its open streams
        # end before it ends its workers.
        if first is not signal.SIGKILL and self._process.poll() is None:
            self._process.send_signal(first)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience_s)
        workers = self.descendants()
        # macOS: EPERM for a group of zombies
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        signal_each(workers, signal.SIGKILL)  # those with a process group of their own
        self._process.wait()
        if self._reader is not None:
            self._reader.join(timeout=1)

    def _read(self, process: subprocess.Popen[str]) -> None:
        if process.stdout is None:
            return
        with process.stdout as lines:
            for line in lines:
                text = line.rstrip("\r\n")
                self._lines.append(text)
                if any(sign in text for sign in self.spec.hopeless):
                    self._until_hopeless = self._until_hopeless or list(self._lines)
                self._on_line(self.name, text)

    def _last_lines(self) -> str:
        return _join(list(self._lines.copy()))


def _join(lines: list[str]) -> str:
    """Join the last lines of a part's output that are not blank, for an error message."""
    last = [line for line in lines if line.strip()][-_LAST_LINES:]
    if not last:
        return " (it printed nothing)"
    return ". Its last lines:\n" + "\n".join(f"    {line}" for line in last)


def describe_end(returncode: int) -> str:
    """3 -> "exit code 3", -9 -> "killed by signal 9 (SIGKILL)"."""
    if returncode >= 0:
        return f"exit code {returncode}"
    try:
        name = f" ({signal.Signals(-returncode).name})"
    except ValueError:  # a real-time signal has no name
        name = ""
    return f"killed by signal {-returncode}{name}"
