"""The promise to a client that is answered before the upstream has answered."""

from __future__ import annotations

from enum import Enum

from shared.core.wire.http.content_coding import ContentDecoder
from shared.core.wire.http.headers import EVENT_STREAM, RawHeaders, header, is_json
from shared.core.wire.operations import OperationSpec


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
