"""Asking for usage on the caller's behalf: `stream_options.include_usage`, spliced into a request
that did not ask.

The rest of the body stays byte for byte. Where the addition is made, the upstream's extra chunk
(`choices: []` with `usage`) is taken out again (shared.core.wire.usage_chunk).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from shared.core.wire.cooperative import Cooperative
from shared.core.wire.json_members import JsonText, Span, first_member_at, scan
from shared.core.wire.operations import OperationSpec
from shared.errors import NotAnObject

# The first api-version that takes stream_options (Azure OpenAI's changelog); dates compare as text.
_SINCE: Final = "2024-09-01"
_ADDED: Final = b'"stream_options":{"include_usage":true}'
_MEMBER: Final = b'"include_usage":true'
_MEMBERS: Final = frozenset({"stream_options", "data_sources", "model"})
_LONGEST_OPTIONS: Final = 4096  # bytes of the caller's own stream_options; real ones have 30
# What a 400 says where the upstream does not know the addition.
_REFUSALS: Final = (b"stream_options", b"include_usage", b"Extra inputs are not permitted")


@dataclass(frozen=True, kw_only=True, slots=True)
class Examined:
    """A request body that was looked at."""

    stream: bool  # it asks for a stream
    model: str | None  # on the v1 routes this is the deployment
    # the body with the addition, in parts; None: it is to be sent as it came
    asking: tuple[bytes | memoryview, ...] | None


def examine(body: JsonText, operation: OperationSpec, *, may_ask: bool) -> Cooperative[Examined]:
    """What the relay must know of a JSON body. Anything that is not a JSON object is sent as it
    came.

    A generator: it pauses between slices of about a millisecond.
    """
    member = operation.stream_member
    try:
        found = yield from scan(body, _MEMBERS | {member.name})
    except (NotAnObject, ValueError, RecursionError):
        return Examined(stream=False, model=None, asking=None)
    stream = _value(body, found.get(member.name)) == json.dumps(member.value).encode()
    asks = may_ask and stream and _value(body, found.get("data_sources")) in (b"", b"null")
    return Examined(
        stream=stream,
        model=_text(body, found.get("model")),
        asking=(yield from _asking(body, found)) if asks else None,
    )


def accepts(operation: OperationSpec, api_version: str | None, *, v1: bool) -> bool:
    """Whether the addition may be made to this operation at this api-version."""
    if not operation.accepts_stream_options:
        return False
    return v1 or api_version is None or not api_version[:4].isdecimal() or api_version >= _SINCE


def is_refusal(error_body: bytes) -> bool:
    """Whether a 400 is about the addition."""
    return any(words in error_body for words in _REFUSALS)


def _asking(
    body: JsonText, found: dict[str, Span]
) -> Cooperative[tuple[bytes | memoryview, ...] | None]:
    span = found.get("stream_options")
    if span is None:
        return _replaced(
            body, Span(start=first_member_at(body), end=first_member_at(body)), _ADDED + b","
        )
    options = body[span.start : span.end] if span.end - span.start <= _LONGEST_OPTIONS else b""
    if options == b"null":
        return _replaced(body, span, b"{" + _MEMBER + b"}")
    if not options.startswith(b"{"):
        return None
    try:
        inner = yield from scan(options, frozenset({"include_usage"}))
    except (NotAnObject, ValueError, RecursionError):
        return None
    at = first_member_at(options)
    asked, place, text = (
        inner.get("include_usage"),
        Span(start=at, end=at),
        _MEMBER + (b"" if _is_empty(options) else b","),
    )
    if asked is not None:
        if options[asked.start : asked.end] not in (b"false", b"null"):
            return None  # it asks itself, or is wrong, which the upstream is to say
        place, text = asked, b"true"
    return _replaced(body, Span(start=span.start + place.start, end=span.start + place.end), text)


def _is_empty(options: JsonText) -> bool:
    return options[1:-1].strip(b" \t\r\n") == b""


def _replaced(body: JsonText, span: Span, text: bytes) -> tuple[bytes | memoryview, ...]:
    # a copy of a large body would take as long as many chunks of other streams
    view = memoryview(body)
    return view[: span.start], text, view[span.end :]


def _value(body: JsonText, span: Span | None) -> JsonText:
    """The value's text, for short ones; b"" where there is none."""
    return body[span.start : min(span.end, span.start + 8)] if span else b""


def _text(body: JsonText, span: Span | None) -> str | None:
    if span is None or span.end - span.start > 1024:
        return None
    try:
        value = json.loads(body[span.start : span.end])
    except ValueError:
        return None
    return value if isinstance(value, str) else None
