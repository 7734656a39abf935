"""Starts parts in order, detects when one dies, and ends all of them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from local.repository import ROOT
from local.stack.part import OnLine, PartSpec, StackPart
from local.stack.processes import MARKER

_POLL_S: Final = 0.1


def _ignore_line(part: str, line: str) -> None:
    """Ignore a line: Part.output keeps it."""


class StackSupervisor:
    """Owns the parts of one stack. `parts` is ordered by start; they are ended in the opposite
    order.
    """

    def __init__(
        self, *, on_line: OnLine = _ignore_line, temporary_folder: Path | None = None
    ) -> None:
        self.id = uuid.uuid4().hex
        self.parts: dict[str, StackPart] = {}
        self._on_line = on_line
        self._watchdog = self._start_watchdog(temporary_folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self, specs: Iterable[PartSpec]) -> None:
        """Start these concurrently and return when all serve. Raises PartDied or PartNotReady; call
        stop() then.
        """
        started = []
        for spec in specs:
            marked = replace(spec, env={**spec.env, MARKER: self.id})
            part = self.parts[spec.name] = StackPart(marked, on_line=self._on_line)
            part.launch()
            started.append(part)
        for part in started:
            part.wait_ready()

    def check(self) -> None:
        """Raise PartDied for the first part that ended by itself."""
        for part in self.parts.values():
            part.check()

    def wait(self, stop: threading.Event) -> None:
        """Returns when `stop` is set. Raises PartDied as soon as a part ended by itself."""
        while not stop.wait(_POLL_S):
            self.check()

    def stop(self) -> None:
        """End all parts, last started first. Returns when no process of this stack runs; may be
        called again.
        """
        for part in reversed(self.parts.values()):
            part.stop()
        if self._watchdog.stdin is not None:
            self._watchdog.stdin.close()
        self._watchdog.wait()

    def _start_watchdog(self, temporary_folder: Path | None) -> subprocess.Popen[bytes]:
        folder = [str(temporary_folder)] if temporary_folder else []
        environment = {name: value for name, value in os.environ.items() if name != MARKER}
        return subprocess.Popen(
            [sys.executable, "-m", "local.stack.watchdog", self.id, *folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            cwd=ROOT,
            env=environment,
            start_new_session=True,
        )
