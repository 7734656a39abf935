"""A socket that listens on a free port, in place of another program's."""

from __future__ import annotations

import socket

from local.stack.ports import HOST


def listening() -> socket.socket:
    """Close it to free the port."""
    server = socket.socket()
    # as every server of the stack does
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((HOST, 0))
    server.listen()
    return server


def port_of(server: socket.socket) -> int:
    """The number of the port."""
    port: int = server.getsockname()[1]
    return port
