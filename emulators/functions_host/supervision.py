"""The parent process: holds the listening socket, and starts, restarts and ends the worker."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from emulators.functions_host.console import say
from emulators.functions_host.control import CUT, DRAIN, DRAINED, EXIT_START_ERROR, READY
from emulators.functions_host.unsupported import StartError

_FIRST_BACKOFF_S: Final = 0.25
_MAX_BACKOFF_S: Final = 10.0
# The real host aborts responses 30 s after the signal (the default of --drain-timeout) and ends 2 s
# later: seen there.
_CUT_GRACE_S: Final = 2.0
# Starts before a worker was ever ready: RpcFunctionInvocationDispatcher gives up after as many.
_FAILED_STARTS_ALLOWED: Final = 3


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; StartError names a port that is taken and how to choose another.
    Port 0: any free one.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise StartError(
            f"Port {port} is unavailable ({error.strerror}). Close the process that uses it, or choose another with --port."
        ) from error
    listening.listen(2048)
    return listening


@dataclass
class _WorkerProcess:
    process: asyncio.subprocess.Process
    control: socket.socket


class WorkerSupervisor:
    """A host: a listening socket, and one worker process after another."""

    def __init__(
        self,
        app_dir: Path,
        listening: socket.socket,
        environment: Mapping[str, str],
        drain_timeout_s: float,
        data_dir: Path | None = None,
    ) -> None:
        """`drain_timeout_s` limits how long running work may continue after a signal."""
        self._app_dir = app_dir
        self._listening = listening
        self._environment = environment
        self._drain_timeout_s = drain_timeout_s
        self._data_dir = data_dir  # state that a host leaves to the next; None: nothing
        self._stop = asyncio.Event()
        self._stop_at_once = asyncio.Event()
        self._was_ready = False
        # state that a worker leaves to the next
        self._state_dir = tempfile.TemporaryDirectory(prefix="functions-host-")

    async def run(self) -> int:
        """Serve until a signal; return the exit code of the host."""
        with self._state_dir:
            return await self._run()

    async def _run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_signal)
        failed_starts = 0
        while not self._stop.is_set():
            worker = await self._start()
            was_ready = await self._watch(worker)
            worker.control.close()
            if self._stop.is_set():
                break
            if worker.process.returncode == EXIT_START_ERROR:
                return 1
            failed_starts = 0 if was_ready else failed_starts + 1
            if failed_starts >= _FAILED_STARTS_ALLOWED and not self._was_ready:
                say("ERROR: The worker process could not be started; see above why.")
                return 1
            await self._pause(worker.process.returncode or 0, failed_starts)
        return 0

    def _on_signal(self) -> None:
        if self._stop.is_set():
            self._stop_at_once.set()
        self._stop.set()

    async def _start(self) -> _WorkerProcess:
        own_end, worker_end = socket.socketpair()
        own_end.setblocking(False)  # noqa: FBT003 - the only way to say it
        with worker_end:
            arguments = [
                "--app-dir",
                str(self._app_dir),
                "--socket-fd",
                str(self._listening.fileno()),
            ]
            arguments += [
                "--control-fd",
                str(worker_end.fileno()),
                "--state-dir",
                self._state_dir.name,
            ]
            if self._data_dir:
                arguments += ["--data-dir", str(self._data_dir)]
            if not self._was_ready:
                arguments.append("--first-start")
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "emulators.functions_host.worker",
                *arguments,
                pass_fds=(self._listening.fileno(), worker_end.fileno()),
                env={
                    **self._environment,
                    "PYTHONPATH": _with_repository(self._environment.get("PYTHONPATH")),
                },
            )
        return _WorkerProcess(process, own_end)

    async def _watch(self, worker: _WorkerProcess) -> bool:
        """Wait for the worker's end, or end it after a signal; return whether it had been ready."""
        died = asyncio.create_task(worker.process.wait())
        stop = asyncio.create_task(self._stop.wait())
        ready = asyncio.create_task(_receives(worker.control, READY))
        await asyncio.wait({died, stop, ready}, return_when=asyncio.FIRST_COMPLETED)
        was_ready = ready.done() and ready.result()
        if was_ready:
            self._announce(worker.process.pid)
        await asyncio.wait({died, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not died.done():
            await self._end(worker, died, drain=was_ready)
        for task in (stop, ready):
            task.cancel()
        return was_ready

    def _announce(self, pid: int) -> None:
        say(f"Worker process started: pid {pid}")
        if not self._was_ready:
            host, port = self._listening.getsockname()
            say(f"Functions host ready: http://{host}:{port}")
        self._was_ready = True

    async def _end(self, worker: _WorkerProcess, died: asyncio.Task[int], *, drain: bool) -> None:
        """Let running work finish within the limit, then kill the worker: it never gets a signal
        that it could handle.
        """
        self._listening.close()
        if drain:
            say("Stopping: no new requests; running ones may finish (Ctrl-C again ends at once)")
            worker.control.send(DRAIN)
            drained = asyncio.create_task(_receives(worker.control, DRAINED))
            stop_at_once = asyncio.create_task(self._stop_at_once.wait())
            ends = {died, drained, stop_at_once}
            ended, _ = await asyncio.wait(
                ends, timeout=self._drain_timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
            if not ended:
                say(f"Breaking off what still runs after {self._drain_timeout_s:g} s")
                worker.control.send(CUT)
                await asyncio.wait(ends, timeout=_CUT_GRACE_S, return_when=asyncio.FIRST_COMPLETED)
            drained.cancel()
            stop_at_once.cancel()
        if not died.done():
            worker.process.kill()
            await died
        say("Stopped")

    async def _pause(self, code: int, failed_starts: int) -> None:
        """Print how the worker died and wait before the next one; do not wait after one that
        served.
        """
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        delay_s = min(_FIRST_BACKOFF_S * 2**failed_starts, _MAX_BACKOFF_S) if failed_starts else 0.0
        when = f"in {delay_s:g} s" if delay_s else "now"
        say(f"WARNING: The worker process died ({how}); a new one starts {when}")
        stop = asyncio.create_task(self._stop.wait())
        await asyncio.wait({stop}, timeout=delay_s)
        stop.cancel()


async def _receives(control: socket.socket, expected: bytes) -> bool:
    """Wait for the worker's next message; return whether it is the expected one. False if the
    worker has died.
    """
    try:
        return await asyncio.get_running_loop().sock_recv(control, 1) == expected
    except ConnectionError:
        return False


def _with_repository(python_path: str | None) -> str:
    """A PYTHONPATH with which the worker finds `emulators` from any working directory."""
    repository = str(Path(__file__).parents[2])
    return os.pathsep.join(part for part in (repository, python_path) if part)
