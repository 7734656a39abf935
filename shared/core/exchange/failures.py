"""What a failure means to the client and to the record: the one place where fnsse's exceptions
become an error of the API and a result of the relay.
"""

from __future__ import annotations

import json
from typing import Final, NamedTuple

from shared.core.api_errors import exchange_errors
from shared.core.api_errors.api_error import ApiError
from shared.core.records.outcome import RelayResult
from shared.core.wire.http.body_start import is_event_stream
from shared.core.wire.http.content_coding import MAX_SMALL_BYTES, ContentDecoder
from shared.core.wire.json.json_shape import JsonObject, mapping, parse_object, text
from shared.core.wire.stream.sse import decode
from shared.errors import (
    BodyTooLarge,
    FnsseError,
    RequestMemoryFull,
    RequestNotCaptured,
    UpstreamError,
    UpstreamInterrupted,
    UpstreamTimeout,
)

_QUOTED_BYTES: Final = 2048  # of an error body that is not in OpenAI's shape


class Meaning(NamedTuple):
    """What a failure means: the error that the client gets, and the relay's result."""

    error: ApiError
    result: RelayResult


def translate(error: FnsseError) -> Meaning:
    """What it means. Any other exception of fnsse is the proxy's own fault."""
    match error:
        case UpstreamTimeout():
            return Meaning(exchange_errors.upstream_timeout(str(error)), RelayResult.TIMEOUT)
        case UpstreamInterrupted():
            return Meaning(
                exchange_errors.upstream_interrupted(str(error)), RelayResult.INTERRUPTED
            )
        case UpstreamError():
            return Meaning(
                exchange_errors.upstream_unreachable(str(error)), RelayResult.UNREACHABLE
            )
        case BodyTooLarge():
            return Meaning(exchange_errors.body_too_large(error.limit_bytes), RelayResult.REJECTED)
        case RequestMemoryFull():
            return Meaning(exchange_errors.request_memory_full(), RelayResult.REJECTED)
        case RequestNotCaptured():
            return Meaning(exchange_errors.capture_unavailable(), RelayResult.REJECTED)
        case _:
            return Meaning(exchange_errors.internal_error(), RelayResult.FAILED)


def unusable_response(form: str) -> Meaning:
    """The upstream answered with something else than the form that the client was promised."""
    message = f"Azure OpenAI answered a request for {form} with something else."
    return Meaning(exchange_errors.upstream_interrupted(message), RelayResult.UNUSABLE)


def one_line_error(body: bytes, content_encoding: str = "") -> bytes:
    """An upstream's error body as JSON of one line, in the shape `{"error": …}`."""
    decoder = ContentDecoder(content_encoding, MAX_SMALL_BYTES)
    decoded = b"".join(decoder.decode([body]))
    document = parse_object(decoded) or _first_event(decoded)
    error = document.get("error")
    if not isinstance(error, dict | str) or not error:
        document = {"error": _flat_error(document) or _error_quoting(decoded)}
    return json.dumps(document, separators=(",", ":")).encode()


def late_error(document: bytes, status: int) -> bytes:
    """The error document `{"error": …}` for a client that was answered 200 before: the error says
    the status that would have been sent, unless it has one already.
    """
    error = parse_object(document).get("error")
    shape: JsonObject = mapping(error) or {"message": error}
    return json.dumps({"error": {"status": status} | shape}, separators=(",", ":")).encode()


def _first_event(body: bytes) -> JsonObject:
    """The document in the first event of a body of events."""
    event = next(decode(body), None) if is_event_stream(body) else None
    return parse_object(event.data) if event is not None else {}


def _flat_error(document: JsonObject) -> JsonObject | None:
    """API Management's own errors are `{"statusCode": 429, "message": …}`."""
    code = document.get("code") or document.get("statusCode")
    if not text(document.get("message")):
        return None
    return {**document, "code": "upstream_error" if code is None else str(code)}


def _error_quoting(body: bytes) -> JsonObject:
    message = body[:_QUOTED_BYTES].decode("utf-8", "replace")
    return {"code": "upstream_error", "message": message, "type": "upstream_error"}
