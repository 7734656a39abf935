"""Checks that a part serves."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

from local.stack.ports import HOST

# True once the part serves. Called every few milliseconds, so it answers within a second and never
# raises.
Ready = Callable[[], bool]


def answers(url: str) -> Ready:
    """Ready when GET `url` answers 200. Ignores HTTP_PROXY."""
    parts = urlsplit(url)

    def ready() -> bool:
        connection = http.client.HTTPConnection(parts.hostname or HOST, parts.port, timeout=1)
        try:
            connection.request("GET", parts.path)
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return ready


def listens(*ports: int) -> Ready:
    """Ready when all of the ports accept connections."""

    def accepts(port: int) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex((HOST, port)) == 0

    return lambda: all(accepts(port) for port in ports)
