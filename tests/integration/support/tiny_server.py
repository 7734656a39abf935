"""A server of a few lines on a free port that can stall, break the connection, or send malformed
responses, which no real server does.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import re
import socket
import ssl
import sys
import termios
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from harness.waiting import poll_until_async

type Script = Callable[[Connection], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@dataclass
class Connection:
    """One client's connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int  # 0 for the first one of the server

    async def head(self) -> bytes:
        """The next request's line and headers, to the blank line."""
        return await self.reader.readuntil(b"\r\n\r\n")

    async def request(self) -> bytes:
        """The next request with its body, which has a Content-Length."""
        head = await self.head()
        length = re.search(rb"\r\ncontent-length: (\d+)", head, re.IGNORECASE)
        return head + (await self.reader.readexactly(int(length[1])) if length else b"")

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def closed_by_client(self) -> None:
        """Returns when the client has closed the connection."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(65536):
                pass

    async def wait_for_delivery(self) -> None:
        """Returns when the client's machine has received all that was said, or the client has
        closed the connection.
        """
        sock = self.writer.get_extra_info("socket")
        await poll_until_async(
            lambda: self.reader.at_eof() or not _unacknowledged_bytes(sock),
            "the client has received it",
        )

    async def end(self) -> None:
        """Closes this side, and returns when the client has noticed and closed its own."""
        self.writer.write_eof()
        await self.closed_by_client()

    def reset(self) -> None:
        self.writer.transport.abort()


def _unacknowledged_bytes(sock: socket.socket) -> int:
    """The bytes that the operating system still holds for the peer; 0 if it does not say."""
    if sys.platform != "linux":
        return 0
    return int.from_bytes(fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)), sys.byteorder)


@dataclass
class TinyServer:
    """The server's address, and the connections that it accepted."""

    port: int
    connections: int = 0
    ended: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextlib.asynccontextmanager
async def serving(
    script: Script, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[TinyServer]:
    """Runs `script` for each connection; an assertion that fails in it fails the test."""
    server = TinyServer(port=0)
    writers: list[asyncio.StreamWriter] = []

    def serve_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        server.ended.append(
            asyncio.create_task(run(Connection(reader, writer, server.connections)))
        )
        server.connections += 1

    async def run(connection: Connection) -> None:
        try:
            await script(connection)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has disconnected
        finally:
            connection.writer.close()

    listener = await asyncio.start_server(serve_connection, "127.0.0.1", 0, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in server.ended:
            if not task.done():
                task.cancel()
        results = await asyncio.gather(*server.ended, return_exceptions=True)
        for writer in writers:  # also of a task that was cancelled before it ran
            writer.close()
        for result in results:
            if isinstance(result, Exception):
                raise result


async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Pass everything on, until one of the two ends or breaks."""
    with contextlib.suppress(ConnectionError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
