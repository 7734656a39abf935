"""An error as an event of a stream that has begun, in the shape that the stream's readers raise."""

from __future__ import annotations

import json

from shared.core.wire.json.json_shape import JsonObject, mapping, parse_object


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
