"""Asking for usage on the caller's behalf: `stream_options.include_usage`, spliced into a request that did not ask.

The rest of the body stays byte for byte. Where the addition is made, the upstream's extra chunk (`choices: []` with `usage`)
is taken out again (shared.core.usage_chunk).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from shared.core.json_members import NotAnObject, Scan, Span, first_member_at, scan

OPERATIONS: Final = frozenset({"chat.completions", "completions"})
# The first api-version that takes stream_options (Azure OpenAI's changelog); dates compare as text.
_SINCE: Final = "2024-09-01"
_ADDED: Final = b'"stream_options":{"include_usage":true}'
# What a 400 says where the upstream does not know the addition.
_REFUSALS: Final = (b"stream_options", b"include_usage", b"Extra inputs are not permitted")


@dataclass(frozen=True, kw_only=True, slots=True)
class Examined:
    """A request body that was looked at."""

    stream: bool  # it asks for a stream
    model: str | None  # on the v1 routes this is the deployment
    asking: bytes | None  # the body with the addition; None: it is to be sent as it came


def examine(body: bytes, *, may_ask: bool) -> Scan[Examined]:
    """What the relay must know of a JSON body. Anything that is not a JSON object is sent as it came.

    A generator: it pauses between slices of about a millisecond.
    """
    try:
        found = yield from scan(body)
    except (NotAnObject, ValueError, RecursionError):
        return Examined(stream=False, model=None, asking=None)
    stream = _value(body, found.get("stream")) == b"true"
    asks = may_ask and stream and _value(body, found.get("data_sources")) in (b"", b"null")
    return Examined(stream=stream, model=_text(body, found.get("model")), asking=_asking(body, found) if asks else None)


def accepts(operation: str, api_version: str | None, *, v1: bool) -> bool:
    """Whether the addition may be made to this operation at this api-version."""
    if operation not in OPERATIONS:
        return False
    return v1 or api_version is None or not api_version[:4].isdecimal() or api_version >= _SINCE


def is_refusal(error_body: bytes) -> bool:
    """Whether a 400 is about the addition."""
    return any(words in error_body for words in _REFUSALS)


def _asking(body: bytes, found: dict[str, Span]) -> bytes | None:
    span = found.get("stream_options")
    if span is None:
        at = first_member_at(body)
        return body[:at] + _ADDED + b"," + body[at:]
    try:
        options = json.loads(body[span.start : span.end])
    except (ValueError, RecursionError):
        return None
    if options is None:
        options = {}
    if not isinstance(options, dict) or options.get("include_usage") is True:
        return None
    value = json.dumps({**options, "include_usage": True}, separators=(",", ":")).encode()
    return body[: span.start] + value + body[span.end :]


def _value(body: bytes, span: Span | None) -> bytes:
    """The value's text, for short ones; b"" where there is none."""
    return body[span.start : min(span.end, span.start + 8)] if span else b""


def _text(body: bytes, span: Span | None) -> str | None:
    if span is None or span.end - span.start > 1024:
        return None
    try:
        value = json.loads(body[span.start : span.end])
    except ValueError:
        return None
    return value if isinstance(value, str) else None
