"""An HTTP client that sends exactly the given bytes, and records every byte that comes back with
its time of arrival.

Each call has a connection of its own. Times are `time.monotonic()` seconds: on Linux and macOS one
clock for all processes, so they compare with those in the stand-in's record.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

import h11

DEADLINE_S: Final = 60  # to send a whole request, and for each wait for more of the response
_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 seconds: close() sends RST. socket(7)

type Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A piece of the body as it arrived."""

    at: float
    data: bytes


@dataclass(kw_only=True)
class ReceivedResponse:
    """A response as far as it arrived."""

    status: int
    headers: list[tuple[str, str]]  # names in lower case
    pieces: list[Piece] = field(default_factory=list)
    whole: bool = (
        False  # it ended as HTTP requires: with its terminator, or after its content-length
    )
    ended_at: float = 0.0

    @property
    def body(self) -> bytes:
        return b"".join(piece.data for piece in self.pieces)

    @property
    def exchange_id(self) -> str:
        values = self.all("x-exchange-id")
        assert len(values) == 1, f"one x-exchange-id is expected, not {values}"
        return values[0]

    def header(self, name: str) -> str:
        """The first value of a header; "" if there is none."""
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> list[str]:
        """Every value of a header, by its name in lower case."""
        return [value for key, value in self.headers if key == name]


class Call:
    """A request under way. Use it in a `with` block, whose end closes the connection."""

    def __init__(
        self,
        url: str,
        method: str,
        target: str,
        headers: Headers = (),
        body: bytes = b"",
        *,
        framed: bool = True,
    ) -> None:
        """Send the request. `target` is path and query, sent as they are; `framed` adds the body's
        content-length.
        """
        address = urlsplit(url)
        framing = (
            [("content-length", str(len(body)))]
            if framed and (body or method in {"POST", "PUT"})
            else []
        )
        lines = [f"{method} {target} HTTP/1.1", f"host: {address.netloc}"]
        lines += [f"{name}: {value}" for name, value in [*headers, *framing]]
        self._socket = socket.create_connection(
            (address.hostname, address.port), timeout=DEADLINE_S
        )
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._parser = _parser_for(method)
        self._response: ReceivedResponse | None = None
        self._last_read_at = 0.0
        self.sent_at = time.monotonic()
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send more bytes of the request."""
        self._socket.sendall(data)

    def response(self) -> ReceivedResponse:
        """Wait for status and headers. The body follows with `piece`."""
        while self._response is None:
            event = self._next_event()
            assert not isinstance(event, (h11.Data, h11.ConnectionClosed)), (
                "the connection was closed before a response"
            )
            if isinstance(event, h11.Response):
                headers = [
                    (name.decode("latin-1"), value.decode("latin-1"))
                    for name, value in event.headers
                ]
                self._response = ReceivedResponse(status=event.status_code, headers=headers)
        return self._response

    def piece(self) -> Piece | None:
        """The next piece of the body; None at the end, see `ReceivedResponse.whole`."""
        response = self.response()
        try:
            event = self._next_event()
        except (h11.RemoteProtocolError, ConnectionResetError):  # broken off within the body
            response.ended_at = time.monotonic()
            return None
        if isinstance(event, h11.Data):
            piece = Piece(at=self._last_read_at, data=bytes(event.data))
            response.pieces.append(piece)
            return piece
        response.whole = isinstance(event, h11.EndOfMessage)
        response.ended_at = self._last_read_at
        return None

    def rest(self) -> ReceivedResponse:
        """Read the response to its end."""
        while self.piece() is not None:
            pass
        return self.response()

    def hang_up(self, *, reset: bool = False) -> None:
        """Close the connection: with FIN as a client that disconnects, with RST as one that is
        killed.
        """
        if reset:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._socket.close()

    def _next_event(self) -> h11.Event:
        while True:
            event = self._parser.next_event()
            if isinstance(event, h11.Event) and not isinstance(event, h11.InformationalResponse):
                return event
            if event is h11.NEED_DATA:
                data = self._socket.recv(65536)
                self._last_read_at = time.monotonic()
                self._parser.receive_data(data)


def call(
    url: str, method: str, target: str, headers: Headers = (), body: bytes = b""
) -> ReceivedResponse:
    """Make a request and read its whole response."""
    with Call(url, method, target, headers, body) as under_way:
        return under_way.rest()


def names(headers: Iterable[tuple[str, str]]) -> set[str]:
    """The headers' names in lower case."""
    return {name.lower() for name, _ in headers}


def _parser_for(method: str) -> h11.Connection:
    """A parser of responses.

    h11 has to believe that it sent the request. The real one bypasses it, since h11 would normalise
    it.
    """
    parser = h11.Connection(h11.CLIENT)
    parser.send(h11.Request(method=method, target="/", headers=[("host", "unused")]))
    parser.send(h11.EndOfMessage())
    return parser
