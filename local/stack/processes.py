"""Queries the machine's processes. The only module of the stack that imports psutil."""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass
from typing import Final

import psutil

# Every process of a stack, grandchildren in sessions of their own included, inherits this variable.
MARKER: Final = "FNSSE_STACK"


@dataclass(frozen=True, kw_only=True)
class Listener:
    """The process that listens on a port."""

    pid: int
    name: str  # the program's name: node, python3.13, dotnet


def listener_on(port: int) -> Listener | None:
    """The process that listens on the port; None if the system hides it (another user's process,
    macOS).
    """
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
            if listens and connection.pid:
                return Listener(pid=connection.pid, name=psutil.Process(connection.pid).name())
    except psutil.Error:
        return None
    return None


def processes_of(stack_id: str) -> list[int]:
    """The pids of the stack's living processes, without this one."""
    return processes_with(MARKER, stack_id)


def processes_with(variable: str, value: str) -> list[int]:
    """The pids of all living processes, without this one, that have the variable. Zombies do not
    count.
    """
    processes = []
    for process in psutil.process_iter():
        # A process may end, or be another user's, between being listed and being read.
        with contextlib.suppress(psutil.Error, OSError):
            marked = process.environ().get(variable) == value
            if marked and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                processes.append(process.pid)
    return processes


def command_of(pid: int) -> str:
    """The command line of a process; "" if it has ended."""
    with contextlib.suppress(psutil.Error):
        return " ".join(psutil.Process(pid).cmdline())
    return ""


def descendants_of(pid: int) -> list[int]:
    """The pids of all living descendants, nearest first; [] for a process that has ended."""
    with contextlib.suppress(psutil.Error):
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    return []


def signal_each(pids: list[int], signal_number: signal.Signals) -> None:
    """Send the signal to each process that still exists."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal_number)
