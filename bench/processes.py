"""Finds the measured processes, and reads their CPU time and memory."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import psutil

from bench.errors import BenchError
from bench.statistics import Cpu
from local.stack import StackPart

_MB: Final = 2**20


@dataclass(frozen=True, kw_only=True)
class Process:
    """A process of a host, with what distinguishes a worker from the host itself."""

    pid: int
    parent: int
    program: str  # the executable's name: python3.13, dotnet, func


class CpuMeter:
    """Reads CPU times and memory of a running stack's Functions host and upstream."""

    def __init__(self, parts: Mapping[str, StackPart]) -> None:
        host, stand_in = parts["functions_host"], parts["azure_openai"]
        pids = [host.pid, *host.descendants()]
        worker = worker_of([_describe(pid) for pid in pids])
        self._worker = psutil.Process(worker)
        self._host = [psutil.Process(pid) for pid in pids if pid != worker]
        self._stand_in = psutil.Process(stand_in.pid)

    def cpu(self) -> Cpu:
        """The CPU times so far. Raises BenchError if a process has ended."""
        return Cpu(
            worker_s=_cpu_s([self._worker]),
            host_s=_cpu_s(self._host),
            stand_in_s=_cpu_s([self._stand_in]),
        )

    def worker_mb(self) -> float:
        """Resident memory of the worker."""
        return float(self._worker.memory_info().rss / _MB)

    def host_mb(self) -> float:
        """Resident memory of the host's other processes."""
        return float(sum(process.memory_info().rss for process in self._host) / _MB)


def cpu_s_of(part: StackPart) -> float:
    """CPU seconds of a part of the stack so far. Raises BenchError if one of its processes has
    ended.
    """
    return _cpu_s([psutil.Process(pid) for pid in (part.pid, *part.descendants())])


@dataclass(frozen=True, kw_only=True)
class Busy:
    """CPU seconds since the machine or the processes started."""

    at: float
    all_s: float
    own_s: float


class Machine:
    """Measures how much of the machine processes outside the benchmark use, which slows it down."""

    def __init__(self, parts: Mapping[str, StackPart]) -> None:
        pids = [pid for part in parts.values() for pid in (part.pid, *part.descendants())]
        self._own_processes = [psutil.Process(), *(psutil.Process(pid) for pid in pids)]

    def read(self) -> Busy:
        """CPU seconds used so far."""
        times = psutil.cpu_times()
        return Busy(
            at=time.monotonic(),
            all_s=float(times.user + times.nice + times.system),
            own_s=_cpu_s(self._own_processes),
        )

    def others_share(self, before: Busy, load_generator_s: float) -> float:
        """The others' share of all cores since then, 0 to 1."""
        now = self.read()
        others_s = now.all_s - before.all_s - (now.own_s - before.own_s) - load_generator_s
        return max(0.0, others_s / (now.at - before.at) / (psutil.cpu_count() or 1))


def worker_of(processes: Sequence[Process]) -> int:
    """The pid of the worker: the Python process without a Python child. Raises BenchError."""
    python = [process for process in processes if process.program.startswith("python")]
    parents = {process.parent for process in python}
    leaves = [process.pid for process in python if process.pid not in parents]
    if len(leaves) != 1:
        raise BenchError(
            f"expected one worker process below the Functions host, found {len(leaves)}"
        )
    return leaves[0]


def _describe(pid: int) -> Process:
    process = psutil.Process(pid)
    return Process(pid=pid, parent=process.ppid(), program=process.name())


def _cpu_s(processes: Sequence[psutil.Process]) -> float:
    try:
        times = [process.cpu_times() for process in processes]
    except psutil.NoSuchProcess as error:
        raise BenchError(
            f"process {error.pid} of the Functions host or the stand-in ended while it was measured"
        ) from error
    return float(sum(time.user + time.system for time in times))
