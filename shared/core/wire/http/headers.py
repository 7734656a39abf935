"""Raw headers as ASGI has them: a list of (name, value) in bytes."""

from __future__ import annotations

from typing import Final

from shared.core.wire.http.content_coding import is_identity

EVENT_STREAM: Final = "text/event-stream"  # the media type
EXCHANGE_ID_HEADER: Final = "x-exchange-id"  # of every response to a caller

type RawHeaders = list[tuple[bytes, bytes]]


def header(headers: RawHeaders, name: bytes) -> str:
    """The first value of a header, or "". `name` is lower-case."""
    length = len(name)
    # Called a dozen times an exchange. Most names differ in length, which is cheap to compare.
    for key, value in headers:
        if len(key) == length and key.lower() == name:
            return value.decode("latin-1")
    return ""


def kept_headers(headers: RawHeaders, names: frozenset[bytes]) -> dict[str, str]:
    """The named headers, lower-case, each value cut to 1 KB. If a header is repeated, the first
    value is kept, which is the one that `header` returns.
    """
    pairs = ((key, value) for name, value in reversed(headers) if (key := name.lower()) in names)
    return {key.decode("latin-1"): value.decode("latin-1")[:1024] for key, value in pairs}


def has_no_body(method: str, status: int, headers: RawHeaders) -> bool:
    """Whether a response ends with its headers (RFC 9112, 6.3)."""
    return (
        method == "HEAD"
        or status in {204, 304}
        or header(headers, b"content-length").strip() == "0"
    )


def event_stream_announced(headers: RawHeaders) -> bool | None:
    """Whether a response's content type says that it is an SSE stream; None if it leaves doubt:
    there is none, or several that differ.
    """
    types = [
        is_event_stream_type(content_type)
        for name, value in headers
        if name.lower() == b"content-type"
        for content_type in value.decode("latin-1").split(",")
    ]
    return types[0] if len(set(types)) == 1 else None


def names_event_stream(headers: RawHeaders) -> bool:
    """Whether the first of a response's content types is that of an SSE stream."""
    return is_event_stream_type(header(headers, b"content-type"))


def media_type(content_type: str) -> str:
    """The media type of a content type: without parameters, and in lower case, because media types
    have no case (RFC 9110, 8.3.1).
    """
    return content_type.partition(";")[0].strip().lower()


def is_event_stream_type(content_type: str) -> bool:
    """Whether a content type is that of an SSE stream. Of several that a comma joins, the first
    counts.
    """
    return media_type(content_type).startswith(EVENT_STREAM)


def is_json(content_type: str) -> bool:
    """Whether a content type is that of a JSON document."""
    kind = media_type(content_type)
    return kind == "application/json" or kind.endswith("+json")


def is_readable(headers: RawHeaders) -> bool:
    """Whether a body's bytes are its text: it has no content coding."""
    return is_identity(header(headers, b"content-encoding"))
