"""uvicorn's HTTP connection, with the answers of the real host's server (Kestrel)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from emulators.functions_host.head_limits import MAX_UNENDED_BYTES, HeadLimits
from emulators.http_upgrade import without_upgrade

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

_ANY_LENGTH: Final = 2**63


class HttpConnection(HttpToolsProtocol):
    """Ignores an `Upgrade` that it does not follow; sends no chunks to a client of HTTP/1.0;
    refuses a head beyond the limits.
    """

    _limits = HeadLimits()
    _unended_bytes = 0  # the bytes of a head that is not complete

    def data_received(self, data: bytes) -> None:
        """Read what the client has sent."""
        at_head = self.cycle is None or not self.cycle.more_body
        self._unended_bytes += len(data) if at_head else 0
        super().data_received(without_upgrade(data) if at_head else data)
        if self._unended_bytes > MAX_UNENDED_BYTES and not self.transport.is_closing():
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Begin to count the head of a request."""
        self._limits = HeadLimits()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        self._limits.target(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header or a trailer."""
        self._limits.header(name, value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin the request."""
        self._limits.end(self.parser.get_http_version())
        self._unended_bytes = 0
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before and self.scope["http_version"] == "1.0":
            self.cycle.__class__ = _OldClientsCycle

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that the parser or the limits do not accept. `msg` is uvicorn's text."""
        del msg
        self._refuse(self._limits.status)

    def _refuse(self, status: HTTPStatus) -> None:
        """Close the connection; answer `status` before, unless another response has begun."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete or not cycle.response_started:
            self.transport.write(
                f"HTTP/1.1 {status.value} {status.phrase}\r\n"
                "content-length: 0\r\nconnection: close\r\n\r\n".encode()
            )
        self.transport.close()


class _OldClientsCycle(RequestResponseCycle):
    """HTTP/1.0 knows no chunks: a body without Content-Length ends with the connection."""

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "http.response.start":
            if all(name.lower() != b"content-length" for name, _ in message.get("headers", ())):
                self.chunked_encoding, self.expected_content_length = False, _ANY_LENGTH
        elif message["type"] == "http.response.body" and not message.get("more_body"):
            self._end_here(message.get("body", b""))
        await super().send(message)

    def _end_here(self, last: bytes) -> None:
        """Announce the size of the last piece: uvicorn compares the two."""
        if self.expected_content_length > _ANY_LENGTH // 2:
            self.expected_content_length = len(last)
