"""An upstream that misbehaves as the path of a call says: `/openai/hostile/<behaviour>`, or
`/openai/deployments/<behaviour>/…`. Any other call gets `{}`.

It answers one request on each connection. `python -m prove.hostile.upstream` prints its port.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final

CHUNKS: Final = 100  # of a bystander's stream
CHUNK_S: Final = 0.02
EVENT: Final = b'data: {"choices":[{"index":0,"delta":{"content":"word "}}]}\n\n'
DONE: Final = b"data: [DONE]\n\n"
FLOOD_PIECE_BYTES: Final = 64 * 1024
BOMB_MB: Final = 1024

_BEHAVIOUR: Final = re.compile(rb"/(?:hostile|deployments)/([a-z0-9-]+)")
_STREAM: Final = b"content-type: text/event-stream\r\n"
_JSON: Final = b"content-type: application/json\r\n"
_CHUNKED: Final = b"transfer-encoding: chunked\r\n"
_OK: Final = b"HTTP/1.1 200 OK\r\nconnection: close\r\n"
_LAST_CHUNK: Final = b"0\r\n\r\n"


class HostileUpstream:
    """Serves until the process ends; counts what it sees."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.port = 0
        self._bomb_body = bomb(BOMB_MB)
        self._behaviours: dict[str, Callable[[asyncio.StreamWriter], Awaitable[None]]] = {
            "stream": _stream,
            "flood": self._flood,
            "headers": lambda writer: _endless(writer, b"x-%d: " + b"a" * 1000 + b"\r\n"),
            "header": lambda writer: _endless(writer, b"a" * 1000, b"x-a: "),
            "informational": lambda writer: _endless(
                writer, b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n", start=b""
            ),
            "trailers": lambda writer: _endless(
                writer, b"x-%d: " + b"a" * 1000 + b"\r\n", _CHUNKED + b"\r\n2\r\n{}\r\n0\r\n"
            ),
            "gzip": lambda writer: self._bomb(writer, "gzip"),
            "br": lambda writer: self._bomb(writer, "br"),
            "zstd": lambda writer: self._bomb(writer, "zstd"),
            "redirect": self._redirect,
            "cookie": lambda writer: _respond(writer, b"set-cookie: who=me; Path=/\r\n", b"{}"),
            "short": lambda writer: _lie(writer, 1000),
            "long": lambda writer: _lie(writer, 1),
            "deep": lambda writer: _respond(writer, b"", b"[" * 2**20),
            "not-utf-8": lambda writer: _respond(writer, b"", b'{"model":"\xff\xfe\xc0\xaf"}'),
            "hold": _hold,
            "split": lambda writer: _respond(writer, b"x-a: a\rset-cookie: b\r\n", b"{}"),
            "counts": lambda writer: _respond(writer, b"", json.dumps(self.counts).encode()),
        }

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and close the connection."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            match = _BEHAVIOUR.search(head.split(b"\r\n", 1)[0])
            behaviour = match[1].decode() if match else ""
            self.counts[behaviour] += 1
            if b"\r\ncookie:" in head.lower():
                self.counts["requests with a cookie"] += 1
            draining = asyncio.create_task(_drain(reader))
            try:
                await self._behaviours.get(behaviour, _nothing)(writer)
                await writer.drain()
            finally:
                draining.cancel()
        writer.close()

    async def _flood(self, writer: asyncio.StreamWriter) -> None:
        """A stream without an end, as fast as it is read."""
        writer.write(_OK + _STREAM + _CHUNKED + b"\r\n")
        data = EVENT * (FLOOD_PIECE_BYTES // len(EVENT))
        chunk = b"%x\r\n%b\r\n" % (len(data), data)
        while True:
            writer.write(chunk)
            self.counts["bytes flooded"] += len(chunk)
            await writer.drain()
            await asyncio.sleep(0)  # drain() lets nobody else run while the peer reads

    async def _bomb(self, writer: asyncio.StreamWriter, coding: str) -> None:
        headers = b"content-encoding: " + coding.encode() + b"\r\n"
        await _respond(writer, headers, self._bomb_body)

    async def _redirect(self, writer: asyncio.StreamWriter) -> None:
        location = b"http://127.0.0.1:%d/openai/hostile/trap" % self.port
        writer.write(
            b"HTTP/1.1 307 Temporary Redirect\r\nconnection: close\r\nlocation: %b\r\n"
            b"content-length: 0\r\n\r\n" % location
        )


def bomb(megabytes: int) -> bytes:
    """The beginning of a gzip file: a JSON text with so many megabytes of blanks.

    After a full flush nothing refers to what came before, so that one megabyte can be repeated.
    """
    compress = zlib.compressobj(9, wbits=31)
    beginning = compress.compress(b'{"messages":"') + compress.flush(zlib.Z_FULL_FLUSH)
    blanks = compress.compress(b" " * 2**20) + compress.flush(zlib.Z_FULL_FLUSH)
    return beginning + blanks * megabytes


async def _stream(writer: asyncio.StreamWriter) -> None:
    writer.write(_OK + _STREAM + _CHUNKED + b"\r\n")
    loop = asyncio.get_running_loop()
    due = loop.time()
    for number in range(CHUNKS):
        data = EVENT if number < CHUNKS - 1 else DONE
        writer.write(b"%x\r\n%b\r\n" % (len(data), data))
        due += CHUNK_S
        await asyncio.sleep(due - loop.time())
    writer.write(_LAST_CHUNK)


async def _endless(
    writer: asyncio.StreamWriter, line: bytes, beginning: bytes = b"", start: bytes = _OK + _JSON
) -> None:
    """A line again and again; `%d` in it is its number."""
    writer.write(start + beginning)
    number = 0
    while True:
        number += 1
        writer.write(line.replace(b"%d", b"%d" % number))
        await writer.drain()
        await asyncio.sleep(0)  # drain() lets nobody else run while the peer reads


async def _respond(writer: asyncio.StreamWriter, headers: bytes, body: bytes) -> None:
    writer.write(_OK + _JSON + headers + b"content-length: %d\r\n\r\n" % len(body) + body)


async def _nothing(writer: asyncio.StreamWriter) -> None:
    await _respond(writer, b"", b"{}")


async def _lie(writer: asyncio.StreamWriter, announced: int) -> None:
    """A body of 10 bytes, although the headers may announce another length."""
    writer.write(_OK + _JSON + b"content-length: %d\r\n\r\n" % announced + b'{"a":"b"} ')


async def _hold(writer: asyncio.StreamWriter) -> None:
    """An answer after 3 s, in which the app holds the request."""
    await asyncio.sleep(3)
    await _respond(writer, b"", b"{}")


async def _drain(reader: asyncio.StreamReader) -> None:
    while await reader.read(FLOOD_PIECE_BYTES):
        pass


async def _main() -> None:
    upstream = HostileUpstream()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0, limit=2**20)
    upstream.port = server.sockets[0].getsockname()[1]
    print(upstream.port, flush=True)
    await asyncio.to_thread(sys.stdin.read)  # until whoever started it has ended


if __name__ == "__main__":
    asyncio.run(_main())
