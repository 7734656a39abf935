"""The response to a client that is answered before the upstream has answered: its promise, and the
body that keeps it.
"""

from __future__ import annotations

from enum import Enum

from shared.core.exchange.client_body import ClientBody
from shared.core.wire.http.content_coding import ContentDecoder, PieceDecoder
from shared.core.wire.http.headers import EVENT_STREAM, RawHeaders, header, is_json
from shared.core.wire.operations import OperationSpec
from shared.core.wire.steps import Cooperative
from shared.core.wire.stream.text_filters import BomFilter
from shared.errors import UpstreamInterrupted


class EarlyResponse(Enum):
    """The form that an early response promises. Its value is its content type."""

    STREAM = EVENT_STREAM  # comments keep it alive
    DOCUMENT = "application/json"  # white space keeps it alive: JSON may begin with it


def early_response(
    operation: OperationSpec, *, stream_requested: bool | None
) -> EarlyResponse | None:
    """The promise for a request; None if the form of its response is not known.
    `stream_requested` is None if it is not known whether the request asks for a stream.
    """
    if stream_requested:
        return EarlyResponse.STREAM
    if stream_requested is False and operation.returns_json:
        return EarlyResponse.DOCUMENT
    return None


def matches_promise(
    promise: EarlyResponse, status: int, headers: RawHeaders, *, is_stream: bool, bodiless: bool
) -> bool:
    """Whether the upstream's response is what the client was promised: a success of that form, in
    bytes that can be decoded.
    """
    if not ContentDecoder(header(headers, b"content-encoding")).is_known:
        return False
    if promise is EarlyResponse.STREAM:
        return is_stream and status == 200
    is_document = not is_stream and is_json(header(headers, b"content-type"))
    return is_document and 200 <= status < 300 and not bodiless


class EarlyBody(ClientBody):
    """A ClientBody whose client has read headers and a comment, or white space, before the first
    byte.

    The headers named no content coding, so one is undone. A byte order mark counts only if a
    body begins: after the comment it would be part of the first event's first line, and is dropped.
    """

    def __init__(self, coding: str, *, is_stream: bool = True, holds_back: bool) -> None:
        super().__init__(is_stream=is_stream, holds_back=holds_back)
        self._decoder = PieceDecoder(coding)
        self._bom_filter = BomFilter()

    def feed(self, piece: bytes) -> bytes:
        """The bytes to send now; maybe none. Raises UpstreamInterrupted if the content coding
        cannot be undone.
        """
        return super().feed(self._bom_filter.feed(self._decode(piece)))

    def feed_steps(self, piece: bytes) -> Cooperative[bytes]:
        """Do what `feed` does, with pauses. Raises UpstreamInterrupted."""
        return (yield from super().feed_steps(self._bom_filter.feed(self._decode(piece))))

    def flush(self) -> bytes:
        """The bytes that waited for the end of their event, or of a possible BOM."""
        start = self._bom_filter.flush()
        return (super().feed(start) if start else b"") + super().flush()

    @property
    def is_whole(self) -> bool:
        """Whether what was fed so far can be all of the response."""
        return self._decoder.is_at_end

    def _decode(self, piece: bytes) -> bytes:
        decoded = self._decoder.feed(piece)
        if decoded is None:
            raise UpstreamInterrupted("The content coding of Azure OpenAI's response is malformed.")
        return decoded


class EarlyDocument(EarlyBody):
    """A JSON document after an early response: white space may be sent until it begins."""

    def __init__(self, coding: str, *, holds_back: bool) -> None:
        super().__init__(coding, is_stream=False, holds_back=holds_back)

    @property
    def is_whole(self) -> bool:
        """Whether what was fed so far can be all of the response. White space alone is not a
        document.
        """
        return super().is_whole and (self.has_output or self.held_bytes > 0)

    @property
    def before_document(self) -> bool:
        """Whether nothing of the document was sent."""
        return not self.has_output
