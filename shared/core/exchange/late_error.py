"""An error that comes after the client's response has begun: its JSON, in the forms in which the
client can still get it.
"""

from __future__ import annotations

import json
from typing import Final

from shared.core.wire.http.body_start import is_event_stream
from shared.core.wire.http.content_coding import MAX_SMALL_BYTES, ContentDecoder
from shared.core.wire.json.json_shape import JsonObject, mapping, parse_object, text
from shared.core.wire.stream.sse import decode

_QUOTED_BYTES: Final = 2048  # of an error body that is not in OpenAI's shape


def error_frame(document: bytes, *, sequence_number: int | None) -> bytes:
    """The event of an error document, `{"error": …}` in one line.

    `sequence_number` is None in a stream of chat chunks: SDKs raise what is in `error`. Elsewhere
    events have a type, and readers of the Responses API want it, the number, and code and message
    beside it; some SDKs raise only if there is an `error` as well, so the event has both.
    """
    if sequence_number is None:
        return b"data: " + document + b"\n\n"
    error = parse_object(document).get("error")
    shape: JsonObject = mapping(error) or {"message": error}
    event: JsonObject = {
        "type": "error",
        "sequence_number": sequence_number,
        "code": shape.get("code"),
        "message": shape.get("message"),
        "param": shape.get("param"),
        "error": error,
    }
    data = json.dumps(event, separators=(",", ":")).encode()
    return b"event: error\ndata: " + data + b"\n\n"


def one_line_error(body: bytes, content_encoding: str = "") -> bytes:
    """An upstream's error body as JSON of one line, in the shape `{"error": …}`."""
    decoder = ContentDecoder(content_encoding, MAX_SMALL_BYTES)
    decoded = b"".join(decoder.decode([body]))
    document = parse_object(decoded) or _first_event(decoded)
    error = document.get("error")
    if not isinstance(error, dict | str) or not error:
        document = {"error": _flat_error(document) or _quoted_error(decoded)}
    return json.dumps(document, separators=(",", ":")).encode()


def with_status(document: bytes, status: int) -> bytes:
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
    """The error that a document is, such as API Management's `{"statusCode": 429, "message": …}`.
    The response's status says that it is an error, so a message is enough; reported_error, which
    has to tell errors from successes, asks for more.
    """
    code = document.get("code") or document.get("statusCode")
    if not text(document.get("message")):
        return None
    return {**document, "code": "upstream_error" if code is None else str(code)}


def _quoted_error(body: bytes) -> JsonObject:
    message = body[:_QUOTED_BYTES].decode("utf-8", "replace")
    return {"code": "upstream_error", "message": message, "type": "upstream_error"}
