"""The memory of the Functions host's processes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

import psutil

_SAMPLE_S: Final = 0.05
_MB: Final = 2**20


@dataclass(kw_only=True)
class Memory:
    """Resident megabytes: of the worker, of the children that it starts, of the host's process."""

    worker: float = 0.0
    children: float = 0.0
    host: float = 0.0

    def or_more(self, other: Memory) -> Memory:
        """The larger value of each member."""
        return Memory(
            worker=max(self.worker, other.worker),
            children=max(self.children, other.children),
            host=max(self.host, other.host),
        )


class MemorySampler:
    """Samples the processes of one Functions host, whose root process is `pid`."""

    def __init__(self, pid: int, worker_pid: int) -> None:
        self._worker = psutil.Process(worker_pid)
        self._root = psutil.Process(pid)

    def now(self) -> Memory:
        """The memory at this moment. Raises psutil.NoSuchProcess if the worker has ended."""
        worker = float(self._worker.memory_info().rss) / _MB
        tree = self._root.children(recursive=True)
        # by their parent: a child may start between two looks
        children = [one for one in tree if _parent(one) == self._worker.pid]
        own = {self._worker.pid, *(child.pid for child in children)}
        others = [one for one in tree if one.pid not in own]
        return Memory(
            worker=worker,
            children=sum(map(_resident, children)),
            host=sum(map(_resident, [self._root, *others])),
        )

    async def most(self, ended: asyncio.Event) -> Memory:
        """The most until `ended` is set."""
        memory = self.now()
        while not ended.is_set():
            await asyncio.sleep(_SAMPLE_S)
            memory = memory.or_more(self.now())
        return memory


def _parent(process: psutil.Process) -> int:
    """Its parent's pid; 0 if the process has ended."""
    try:
        return int(process.ppid())
    except psutil.NoSuchProcess:
        return 0


def _resident(process: psutil.Process) -> float:
    """In megabytes; 0 if the process has ended."""
    try:
        return float(process.memory_info().rss) / _MB
    except psutil.NoSuchProcess:
        return 0.0
