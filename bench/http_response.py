"""Reads an HTTP/1.1 response with no work per chunk beyond storing it. Pure.

A library parses every chunk as it arrives, and the load generator shares the machine with what it
measures. So this reader looks at the last bytes alone, and bodies are checked after the load. It
reads only what the parts of the local stack send: chunked bodies or Content-Length, without
trailers, chunk extensions, or CRLF inside a body.
"""

from __future__ import annotations

from typing import Final

_END: Final = b"0\r\n\r\n"
_DONE: Final = b"data: [DONE]"


class ResponseReader:
    """Collects a response and detects its end."""

    def __init__(self) -> None:
        self.status: int | None = None  # None until the headers arrived
        self.first_byte_at: float | None = None  # of the body
        self._head = b""
        self._length: int | None = None  # None: chunked
        self._pieces: list[bytes] = []
        self._received = 0
        self._tail = b""

    def feed(self, data: bytes, at: float) -> bool:
        """Add received data; return True when the response is complete."""
        if self.status is None:
            self._head, head_ended, data = (self._head + data).partition(b"\r\n\r\n")
            if not head_ended:
                return False
            self._read_head()
        if data:
            if self.first_byte_at is None:
                self.first_byte_at = at
            self._pieces.append(data)
            self._received += len(data)
        if self._length is not None:
            return self._received >= self._length
        self._tail = (self._tail + data[-7:])[-7:]
        return self._tail == b"\r\n" + _END or (self._received == len(_END) and self._tail == _END)

    def body(self) -> bytes:
        """The body without its framing."""
        raw = b"".join(self._pieces)
        return raw if self._length is not None else decode_chunked(raw)

    def _read_head(self) -> None:
        lines = self._head.split(b"\r\n")
        self.status = int(lines[0].split(b" ", 2)[1])
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                self._length = int(value)


def decode_chunked(raw: bytes) -> bytes:
    """Decode a chunked body."""
    chunks: list[bytes] = []
    at = 0
    while True:
        line_end = raw.index(b"\r\n", at)
        size = int(raw[at:line_end], 16)
        if size == 0:
            return b"".join(chunks)
        start = line_end + 2
        chunks.append(raw[start : start + size])
        at = start + size + 2


def problem(response: ResponseReader, chunks: int | None) -> str | None:
    """The problem with a response that should have that many SSE events (`chunks` None: that should
    be JSON); None if there is none.
    """
    if response.status != 200:
        return f"status {response.status}"
    body = response.body()
    if chunks is None:
        return None if body.startswith(b"{") else "no JSON"
    if events(body) != chunks:
        return f"{events(body)} events instead of {chunks}"
    return None if body.rstrip().endswith(_DONE) else "no [DONE]"


def events(body: bytes) -> int:
    """The number of SSE events in a stream of the stand-in."""
    return body.count(b"\n\n")
