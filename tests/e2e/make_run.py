"""`make run` as a process, for tests of what it prints and of what is done beside it."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path

from harness.waiting import poll_until
from local.repository import ROOT
from local.stack import Ports, free_ports
from local.stack.ports import WHAT_LISTENS, is_free
from local.stack.processes import processes_with

MARKER = "FNSSE_TEST_RUN"
READY_WITHIN_S = 180  # func's first start on a machine


class MakeRun:
    """One `python -m local.run` on free ports, with all its output in a file."""

    def __init__(
        self,
        folder: Path,
        *options: str,
        ports: Ports | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.id = uuid.uuid4().hex
        self.ports = ports or free_ports()
        self._output = folder / "output"
        chosen = [
            text
            for name, port in self.ports.by_name().items()
            for text in (f"--{WHAT_LISTENS[name][1]}", str(port))
        ]
        self.folder = folder / "run"
        own = ["--folder", str(self.folder), "--settings", str(folder / "none.json")]
        with self._output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "local.run", *chosen, *own, *options],
                cwd=ROOT,
                env=self._environment(environment or {}),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _environment(self, own: Mapping[str, str]) -> dict[str, str]:
        """Nothing that this machine's developer set for the app."""
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AZURE_", "AzureWebJobs"))
        }
        return {**environment, **own, MARKER: self.id}

    def output(self) -> str:
        return self._output.read_text()

    def until_it_says(self, text: str, *, times: int = 1) -> None:
        poll_until(
            lambda: self.output().count(text) >= times or self.process.poll() is not None,
            lambda: f"{text!r} in\n{self.output()}",
            within_s=READY_WITHIN_S,
        )
        assert self.output().count(text) >= times, self.output()

    def wait(self) -> int:
        return self.process.wait(timeout=READY_WITHIN_S)

    def processes(self) -> list[int]:
        """The pids of all that belong to this run, the supervisor included."""
        return processes_with(MARKER, self.id)

    def has_ended_completely(self) -> bool:
        return not self.processes() and all(is_free(port) for port in self.ports.by_name().values())

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        # its watchdog, which removes the temporary folder as well
        poll_until(lambda: not self.processes(), "all its processes have ended")
