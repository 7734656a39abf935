"""uvicorn's HTTP connection, as far as the real host's server (Kestrel) answers otherwise."""

from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from local.http_upgrade import without_upgrade

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

_ANY_LENGTH = 2**63


class HttpConnection(HttpToolsProtocol):
    """Ignores an `Upgrade` that it does not follow; sends no chunks to a client of HTTP/1.0."""

    def data_received(self, data: bytes) -> None:
        """Read what the client has sent."""
        at_head = self.cycle is None or not self.cycle.more_body
        super().data_received(without_upgrade(data) if at_head else data)

    def on_headers_complete(self) -> None:
        """Begin the request."""
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before and self.scope["http_version"] == "1.0":
            self.cycle.__class__ = _OldClientsCycle


class _OldClientsCycle(RequestResponseCycle):
    """HTTP/1.0 knows no chunks: a body without Content-Length ends with the connection."""

    async def send(self, message: "ASGISendEvent") -> None:
        if message["type"] == "http.response.start":
            if all(name.lower() != b"content-length" for name, _ in message.get("headers", ())):
                self.chunked_encoding, self.expected_content_length = False, _ANY_LENGTH
        elif message["type"] == "http.response.body" and not message.get("more_body"):
            self._end_here(message.get("body", b""))
        await super().send(message)

    def _end_here(self, last: bytes) -> None:
        """uvicorn compares what was sent with what was announced."""
        if self.expected_content_length > _ANY_LENGTH // 2:
            self.expected_content_length = len(last)
