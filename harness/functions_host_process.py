"""Starts a Functions host, the embedded or the real one, for a scratch app, and Azurite."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx

from harness.tools import missing
from harness.waiting import poll_until
from local.repository import ROOT
from local.stack.ports import free_port
from local.stack.processes import descendants_of, signal_each

AZURITE: Final = ROOT / "emulators" / "azurite" / "node_modules" / ".bin" / "azurite"
_KEY: Final = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
# The message of an exception in the real host's own start.
_FALLEN: Final = "Value cannot be null. (Parameter 'provider')"
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
WITHIN_S: Final = 60.0  # enough for a busy machine
# A connection for each call, like httpx's own functions, but with a longer timeout than their 5 s.
HTTP: Final = httpx.Client(timeout=WITHIN_S, limits=httpx.Limits(max_keepalive_connections=0))


class HostProcess:
    """A running host."""

    def __init__(self, kind: str, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.kind = kind
        self.process = process
        self.port = port
        self._log = log

    def url(self, path: str) -> str:
        """A URL of the host."""
        return f"http://127.0.0.1:{self.port}{path}"

    def output(self) -> str:
        """The text that the host has printed, without colours."""
        return _COLOUR.sub("", self._log.read_text(errors="replace"))

    def output_matching(self, pattern: str, *, within_s: float = WITHIN_S) -> re.Match[str]:
        """Wait until the output matches a pattern; return the first match."""
        return poll_until(
            lambda: re.search(pattern, self.output()),
            lambda: f"{pattern!r} in\n{self.output()[-3000:]}",
            within_s=within_s,
        )

    def wait_for_report(self, pattern: str) -> dict[str, Any]:
        """Wait for a match and the JSON object after it; return that object.

        It ignores the rest of the line: the Core Tools sometimes print the next line's text there.
        """
        return poll_until(
            lambda: _object_after(pattern, self.output()),
            lambda: f"{pattern!r} in\n{self.output()[-3000:]}",
        )

    def worker_pid(self) -> int:
        """The id of the process that runs the app's code."""
        if self.kind == "embedded":
            self.output_matching(r"Worker process started: pid \d+\n")
            return int(re.findall(r"Worker process started: pid (\d+)\n", self.output())[-1])
        return descendants_of(self.process.pid)[-1]

    def exit_code(self, *, within_s: float = 60.0) -> int:
        """Wait for the host's end; return its exit code."""
        return self.process.wait(within_s)


def _object_after(pattern: str, text: str) -> dict[str, Any] | None:
    match = re.search(pattern, text)
    if match is None:
        return None
    try:
        document: dict[str, Any] = json.JSONDecoder().raw_decode(text, match.end())[0]
    except ValueError:  # not complete yet
        return None
    return document


@contextmanager
def running_host(
    kind: str,
    app_dir: Path,
    settings: Mapping[str, str],
    *arguments: str,
    port: int | None = None,
    ready: bool = True,
) -> Iterator[HostProcess]:
    """Start a host; wait until /health answers if `ready`; end all its processes afterwards."""
    port = port or free_port()
    log = app_dir / f"{kind}.log"

    def start() -> HostProcess:
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*_command(kind, app_dir), "--port", str(port), *arguments],
                cwd=app_dir if kind == "func" else ROOT,
                env=_environment(settings),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return HostProcess(kind, process, port, log)

    host = start()
    try:
        if ready and not _comes_up(host):
            host = start()
            assert _comes_up(host), host.output()
        yield host
    finally:
        _end(host.process)


def _command(kind: str, app_dir: Path) -> list[str]:
    if kind == "func":
        func = shutil.which("func")
        if func is None:
            missing("needs Azure Functions Core Tools (func) on PATH")
        return [func, "start"]
    return [sys.executable, "-m", "emulators.functions_host", "--app-dir", str(app_dir)]


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    # func runs the first `python`
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {
        **os.environ,
        "PATH": path,
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "PYTHONUNBUFFERED": "1",
        **settings,
    }


def _comes_up(host: HostProcess) -> bool:
    """Wait until /health answers; False if func crashed at its start, as it sometimes does."""

    def fell() -> bool:
        return host.kind == "func" and host.process.poll() is not None and _FALLEN in host.output()

    def answers() -> bool:
        if fell():
            return True
        assert host.process.poll() is None, host.output()
        try:
            return HTTP.get(host.url("/health"), timeout=20).status_code == 200
        except httpx.TransportError:
            return False

    poll_until(answers, "/health answers", within_s=120 if host.kind == "func" else 60)
    return not fell()


def _end(process: subprocess.Popen[bytes]) -> None:
    family = [process.pid, *descendants_of(process.pid)]
    signal_each(family, signal.SIGKILL)
    process.wait()
    poll_until(
        lambda: not any(exists(pid) for pid in family),
        "all its processes are gone, and with them its port",
    )


def exists(pid: int) -> bool:
    """Whether a process still runs; a zombie does not."""
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout
    return bool(state.strip()) and not state.startswith("Z")


@contextmanager
def running_azurite(folder: Path) -> Iterator[str]:
    """Start Azurite; return its connection string."""
    if not AZURITE.exists() or shutil.which("node") is None:
        missing("needs Azurite in emulators/azurite (make test installs it) and node on PATH")
    ports = {service: free_port() for service in ("blob", "queue", "table")}
    arguments = [
        argument for service, port in ports.items() for argument in (f"--{service}Port", str(port))
    ]
    quiet = ["--silent", "--skipApiVersionCheck", "--disableTelemetry", "--location", str(folder)]
    process = subprocess.Popen([str(AZURITE), *arguments, *quiet], start_new_session=True)
    try:
        poll_until(lambda: all(_listens(port) for port in ports.values()), "Azurite listens")
        endpoints = "".join(
            f"{service.capitalize()}Endpoint=http://127.0.0.1:{port}/devstoreaccount1;"
            for service, port in ports.items()
        )
        yield f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={_KEY};{endpoints}"
    finally:
        _end(process)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
