"""The ports of the stack: fixed ones for `make run`, free ones for tests, and a clear error for a
taken one.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import random
import socket
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from local.stack.errors import PortsTaken, StackError
from local.stack.processes import listener_on

HOST: Final = "127.0.0.1"

# Below the range that Linux and macOS take outgoing connections' ports from (32768 and up): no
# client of another test gets a port that is free now, nor that of a part which restarts.
_FREE_PORTS: Final = range(20_000, 32_000)


@dataclass(frozen=True, kw_only=True)
class Ports:
    """A port for each listener. The defaults are those of the real tools and emulators."""

    proxy: int = 7071
    event_hubs: int = 5672
    event_hubs_control: int = 5673
    azure_openai: int = 8081
    blob: int = 10000
    queue: int = 10001
    table: int = 10002
    view: int = 8090

    def by_name(self) -> dict[str, int]:
        """The ports by their names."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


# Who listens on it, and how to choose another: the option of `python -m local.run` and the variable
# of `make run`.
WHAT_LISTENS: Final = {
    "proxy": ("functions_host (the proxy)", "port"),
    "event_hubs": ("event_hubs (AMQP)", "event-hubs-port"),
    "event_hubs_control": ("event_hubs (its control)", "event-hubs-control-port"),
    "azure_openai": ("azure_openai (the stand-in)", "azure-openai-port"),
    "blob": ("azurite (blobs)", "blob-port"),
    "queue": ("azurite (queues)", "queue-port"),
    "table": ("azurite (tables)", "table-port"),
    "view": ("view (the page)", "view-port"),
}


def make_variable(option: str) -> str:
    """event-hubs-port -> EVENT_HUBS_PORT."""
    return option.replace("-", "_").upper()


def free_ports() -> Ports:
    """Different free ports; see `free_port`."""
    return Ports(**{name: free_port() for name in Ports().by_name()})


def free_port(candidates: range = _FREE_PORTS) -> int:
    """A free port of `candidates`, which no other call gets while this process lives. Raises
    StackError if there is none.

    Seconds pass until its server starts, and other processes choose ports meanwhile.
    """
    for port in random.sample(candidates, len(candidates)):
        if _claims.take(port) and is_free(port):
            return port
    raise StackError(f"no port of {candidates[0]} to {candidates[-1]} is free")


class _PortClaims:
    """The ports that this process owns. Each is a locked byte of a file; the system unlocks it when
    the process ends.
    """

    def __init__(self) -> None:
        self._file: int | None = None
        self._own: set[int] = set()

    def take(self, port: int) -> bool:
        """Claim a port; False if it is already claimed, even by this process."""
        if self._file is None:
            path = Path(tempfile.gettempdir()) / f"fnsse-ports-{os.getuid()}"
            # stays open until the process ends, on purpose
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        if port in self._own:
            return False
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
        except OSError:
            return False
        self._own.add(port)
        return True


_claims: Final = _PortClaims()


def is_free(port: int) -> bool:
    """Whether a server could listen on the port. A closing connection of an earlier server
    (TIME_WAIT) does not count.
    """
    with socket.socket() as probe:
        # Some systems allow to bind a specific address while another listener has all addresses,
        # which bind() alone does not detect.
        if probe.connect_ex((HOST, port)) == 0:
            return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def require_free(requested: Mapping[str, int]) -> None:
    """Raise PortsTaken if a port is requested twice, or else if any is taken; it names all of them.

    `requested`: ports by their names in Ports.
    """
    problems = _shared_ports(requested) or [
        _taken_message(name, port) for name, port in requested.items() if not is_free(port)
    ]
    if problems:
        raise PortsTaken("\n".join(problems), instead=alternatives(requested))


def alternatives(requested: Mapping[str, int]) -> dict[str, int]:
    """The ports to use instead of those that are taken or given twice, all different: the next free
    ones above them.

    Of two names with one port, the chosen one keeps it, and the default one gets another.
    """
    defaults = Ports().by_name()
    assignment: dict[str, int] = {}
    for name in sorted(requested, key=lambda name: requested[name] == defaults[name]):
        if requested[name] not in assignment.values() and is_free(requested[name]):
            assignment[name] = requested[name]
    used = set(requested.values())
    others = {}
    for name, port in requested.items():
        if name not in assignment:
            others[name] = _next_free(port, used)
            used.add(others[name])
    return others


def _next_free(port: int, used: Collection[int]) -> int:
    candidates = itertools.chain(range(port + 1, 65_536), range(1024, port))
    return next(number for number in candidates if number not in used and is_free(number))


def _shared_ports(requested: Mapping[str, int]) -> list[str]:
    by_port: dict[int, list[str]] = {}
    for name, port in requested.items():
        by_port.setdefault(port, []).append(make_variable(WHAT_LISTENS[name][1]))
    return [
        f"{' and '.join(variables)} are the same port, {port}: everything that listens needs one of its own"
        for port, variables in by_port.items()
        if len(variables) > 1
    ]


def _taken_message(name: str, port: int) -> str:
    listener, option = WHAT_LISTENS[name]
    owner = listener_on(port)
    by = f" by process {owner.pid} ({owner.name})" if owner else ""
    return f"port {port} ({make_variable(option)}), which {listener} needs, is taken{by}"
