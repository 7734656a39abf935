"""A capture as the page shows it: headers, body as text or as hexadecimal digits, and the events of
a stream with the times at which they came.
"""

from __future__ import annotations

import codecs
from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from shared.core.records.exchange.capture import Capture
from shared.core.wire.http.content_coding import ContentDecoder
from shared.core.wire.http.headers import is_event_stream_type
from shared.core.wire.json.json_shape import JsonObject
from shared.core.wire.stream.sse import SseDecoder
from view.exchange.timeline import PieceArrival, arrivals, last_chunk_ms

# What is shown of one body; the rest is for a download.
MAX_BYTES: Final = 256 * 1024
READ_BYTES: Final = 1024 * 1024  # what is read of a body for its events
MAX_FRAMES: Final = 2_000
_MAX_BINARY_BYTES: Final = 2 * 1024


def request_view(capture: Capture, *, size: int) -> JsonObject:
    """`size`: bytes of the whole body, of which the capture may hold the beginning."""
    method, path = capture.header.get("method"), capture.header.get("path")
    return {
        "method": method if isinstance(method, str) else None,
        "path": path if isinstance(path, str) else None,
        "headers": {**capture.headers, **capture.copied_headers},
        **_body_view(capture, size),
    }


def response_view(capture: Capture, *, size: int) -> JsonObject:
    """`frames` is null unless the answer is a stream of events."""
    body = _decode_body(capture)
    status = capture.header.get("status_code")
    return {
        "status": status if isinstance(status, int) else None,
        "headers": dict(capture.headers),
        **_body_view(capture, size),
        "frames": list(_frames(capture, body)) if _is_stream(capture, body) else None,
    }


def _body_view(capture: Capture, size: int) -> JsonObject:
    body = _decode_body(capture)
    beginning = body[:MAX_BYTES]
    is_whole = size <= len(capture.body) and len(beginning) == len(body)
    text = _as_text(beginning, is_cut=not is_whole)
    return {
        "body": beginning[:_MAX_BINARY_BYTES].hex(" ") if text is None else text,
        "encoding": "hex" if text is None else "text",
        "size": size,
        "truncated": not is_whole or (text is None and len(beginning) > _MAX_BINARY_BYTES),
    }


def _as_text(body: bytes, *, is_cut: bool) -> str | None:
    """The bytes as a text, without a last character that is cut; None if they are not a text."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(body, final=not is_cut)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _decode_body(capture: Capture) -> bytes:
    """The body without its content coding, as far as it can be read."""
    decoder = ContentDecoder(capture.headers.get("content-encoding", ""), READ_BYTES)
    decoded = b"".join(decoder.decode([capture.body]))
    return decoded if decoded or not capture.body else capture.body


def _is_stream(capture: Capture, body: bytes) -> bool:
    content_type = capture.headers.get("content-type", "")
    return is_event_stream_type(content_type) or body.startswith((b"data:", b"event:", b": "))


def _frames(capture: Capture, body: bytes) -> Iterator[JsonObject]:
    """The events of a stream: `at_ms` is null if the time is not known. A capture keeps the times
    of the first pieces and of the last, and none that fit a body with a content coding.
    """
    is_encoded = body is not capture.body and body != capture.body
    arrival_times = () if is_encoded else arrivals(capture.header)
    decoder = SseDecoder()
    frames = list(decoder.feed(body))
    event = decoder.flush()
    if event is not None:
        frames.append(event)
    start = 0
    for frame in frames[:MAX_FRAMES]:
        at_ms = _arrived_at(arrival_times, frame.end)
        if at_ms is None and frame.end == len(capture.body) and not is_encoded:
            at_ms = last_chunk_ms(capture.header)
        yield {
            "at_ms": at_ms,
            "offset": start,
            "size": frame.end - start,
            "event": frame.event,
            "text": frame.data[:MAX_BYTES],
        }
        start = frame.end


def _arrived_at(arrival_times: tuple[PieceArrival, ...], end: int) -> float | None:
    place = bisect_left(arrival_times, end, key=lambda arrival: arrival.end)
    return arrival_times[place].at_ms if place < len(arrival_times) else None
