"""Asking for usage on the caller's behalf: `stream_options.include_usage` is spliced into a
streaming request that does not ask for it.

The rest of the body stays as it is, byte for byte. The upstream then sends an extra chunk
(`choices: []` with `usage`), which shared.core.wire.usage_chunk takes out again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from shared.core.wire.json_members import JsonText, Span, find_members, first_member_at
from shared.core.wire.operations import OperationSpec
from shared.core.wire.steps import Cooperative
from shared.errors import NotAnObject

# The first api-version that takes stream_options (Azure OpenAI's changelog). Dates compare as text.
_SINCE: Final = "2024-09-01"
_OPTIONS: Final = b'"stream_options":{"include_usage":true}'
_MEMBER: Final = b'"include_usage":true'
_MEMBERS: Final = frozenset({"stream_options", "data_sources", "model"})
_MAX_OPTIONS_BYTES: Final = 4096  # of the caller's own stream_options, which have 30 as a rule
_MAX_MODEL_BYTES: Final = 1024
# What the error says where an upstream does not know the option.
_REFUSALS: Final = (b"stream_options", b"include_usage", b"Extra inputs are not permitted")

# A body in parts: what precedes the addition, the addition, what follows it.
type BodyParts = tuple[bytes | memoryview, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Examination:
    """What a request's body says."""

    stream: bool  # it asks for a stream
    model: str | None  # on the v1 routes this is the deployment
    # the body that asks for usage as well; None: the body is sent as it came
    asking: BodyParts | None


def examine(body: JsonText, operation: OperationSpec, *, may_ask: bool) -> Cooperative[Examination]:
    """What the relay must know of a JSON body. A body that is not a JSON object is sent as it came.

    `may_ask`: the body may be changed so that it asks for usage.
    """
    member = operation.stream_member
    try:
        found = yield from find_members(body, _MEMBERS | {member.name})
    except NotAnObject:
        return Examination(stream=False, model=None, asking=None)
    stream = _short_value(body, found.get(member.name)) == json.dumps(member.value).encode()
    asks = may_ask and stream and _short_value(body, found.get("data_sources")) in (b"", b"null")
    return Examination(
        stream=stream,
        model=_text(body, found.get("model")),
        asking=(yield from _asking(body, found)) if asks else None,
    )


def accepts(operation: OperationSpec, api_version: str | None, *, v1: bool) -> bool:
    """Whether the operation takes the option at this api-version."""
    if not operation.accepts_stream_options:
        return False
    return v1 or api_version is None or not api_version[:4].isdecimal() or api_version >= _SINCE


def is_refusal(error_body: bytes) -> bool:
    """Whether a 400 is about the option."""
    return any(words in error_body for words in _REFUSALS)


def _asking(body: JsonText, found: dict[str, Span]) -> Cooperative[BodyParts | None]:
    """The body that asks for usage; None where the caller asks for it, or is wrong."""
    span = found.get("stream_options")
    if span is None:
        at = first_member_at(body)
        return _replace(body, Span(start=at, end=at), _OPTIONS + b",")
    options = body[span.start : span.end] if span.end - span.start <= _MAX_OPTIONS_BYTES else b""
    if options == b"null":
        return _replace(body, span, b"{" + _MEMBER + b"}")
    if not options.startswith(b"{"):
        return None
    try:
        members = yield from find_members(options, frozenset({"include_usage"}))
    except NotAnObject:
        return None
    value = members.get("include_usage")
    if value is None:
        at = first_member_at(options)
        value, text = Span(start=at, end=at), _MEMBER + (b"" if _is_empty(options) else b",")
    elif options[value.start : value.end] in (b"false", b"null"):
        text = b"true"
    else:
        return None  # true, or a value that the upstream should refuse
    return _replace(body, Span(start=span.start + value.start, end=span.start + value.end), text)


def _is_empty(options: JsonText) -> bool:
    return options[1:-1].strip(b" \t\r\n") == b""


def _replace(body: JsonText, span: Span, text: bytes) -> BodyParts:
    # Views: a copy of a large body would take as long as many chunks of other streams.
    view = memoryview(body)
    return view[: span.start], text, view[span.end :]


def _short_value(body: JsonText, span: Span | None) -> JsonText:
    """The first 8 bytes of the value's text; b"" where there is none."""
    return body[span.start : min(span.end, span.start + 8)] if span else b""


def _text(body: JsonText, span: Span | None) -> str | None:
    if span is None or span.end - span.start > _MAX_MODEL_BYTES:
        return None
    try:
        value = json.loads(body[span.start : span.end])
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, str) else None
