"""The kind of body that begins with some bytes, whatever its content type says."""

from __future__ import annotations

import codecs
from typing import Final

# A stream of events begins with one of these; neither JSON nor a transcript does.
_EVENT_STARTS: Final = (b"data:", b"event:", b"id:", b"retry:", b":")
# A body that is not made of events begins with one of these.
_DOCUMENT_STARTS: Final = (b"{", b"[", b"<", b'"')
_WHITE_SPACE: Final = b" \t\r\n"
_MOST_BYTES: Final = 64  # that may precede the first field of a stream of events


def is_event_stream(body: bytes) -> bool | None:
    """Whether a body that begins with these bytes is a stream of events; None: it takes more bytes
    to say.
    """
    content = _content(body)
    if content.startswith(_EVENT_STARTS):
        return True
    may_become = len(body) < _MOST_BYTES and any(
        start.startswith(content) for start in (codecs.BOM_UTF8, *_EVENT_STARTS)
    )
    return None if may_become else False


def is_document(body: bytes) -> bool:
    """Whether a body that begins with these bytes is a document."""
    return _content(body).startswith(_DOCUMENT_STARTS)


def _content(body: bytes) -> bytes:
    return body.removeprefix(codecs.BOM_UTF8).lstrip(_WHITE_SPACE)
