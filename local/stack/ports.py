"""The ports of the stack: fixed ones for `make run`, free ones for tests, and a clear word when one is taken."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Final

from local.stack.errors import PortsTaken
from local.stack.processes import listener_on

HOST: Final = "127.0.0.1"

# Below the range that Linux and macOS take outgoing connections' ports from (32768 and up): a port that is free now is
# not given to a client of some other test in between, nor while a part is down to be started again.
_FREE_PORTS: Final = range(20_000, 32_000)


@dataclass(frozen=True, kw_only=True)
class Ports:
    """One port for each thing that listens. The defaults are those of the real tools and emulators."""

    proxy: int = 7071
    event_hubs: int = 5672
    event_hubs_control: int = 5673
    azure_openai: int = 8081
    blob: int = 10000
    queue: int = 10001
    table: int = 10002

    def by_name(self) -> dict[str, int]:
        """Name to port of each."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


# Who listens on it, and how to choose another: the option of `python -m local.run` and the variable of `make run`.
WHAT_LISTENS: Final = {
    "proxy": ("functions_host (the proxy)", "port"),
    "event_hubs": ("event_hubs (AMQP)", "event-hubs-port"),
    "event_hubs_control": ("event_hubs (its control)", "event-hubs-control-port"),
    "azure_openai": ("azure_openai (the stand-in)", "azure-openai-port"),
    "blob": ("azurite (blobs)", "blob-port"),
    "queue": ("azurite (queues)", "queue-port"),
    "table": ("azurite (tables)", "table-port"),
}


def make_variable(option: str) -> str:
    """event-hubs-port -> EVENT_HUBS_PORT."""
    return option.replace("-", "_").upper()


def free_ports() -> Ports:
    """Ports that nobody listens on now, each different."""
    names = Ports().by_name()
    candidates = random.sample(_FREE_PORTS, len(_FREE_PORTS))
    free = (port for port in candidates if is_free(port))
    return Ports(**dict(zip(names, free, strict=False)))


def is_free(port: int) -> bool:
    """Whether a server could listen on the port. A closing connection of an earlier server (TIME_WAIT) does not count."""
    with socket.socket() as probe:
        # Some systems let a specific address be bound beside a listener on all addresses, so bind() alone misses that one.
        if probe.connect_ex((HOST, port)) == 0:
            return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def require_free(ports: Ports, names: Iterable[str]) -> None:
    """Raises PortsTaken, naming every taken one of `names`, who has it and how to choose another."""
    wanted = {name: port for name, port in ports.by_name().items() if name in set(names)}
    taken = {name: port for name, port in wanted.items() if not is_free(port)}
    if taken:
        raise PortsTaken("\n".join(_taken(name, port, set(wanted.values())) for name, port in taken.items()))


def _taken(name: str, port: int, wanted: set[int]) -> str:
    listener, option = WHAT_LISTENS[name]
    owner = listener_on(port)
    by = f" by process {owner.pid} ({owner.name})" if owner else ""
    other = next(number for number in range(port + 1, 65_536) if number not in wanted and is_free(number))
    return (
        f"port {port}, which {listener} needs, is taken{by}. Choose another: "
        f"make run {make_variable(option)}={other}, or python -m local.run --{option} {other}"
    )
