"""Asking for usage on the caller's behalf: `stream_options.include_usage` is spliced into a
streaming request that does not ask for it.

The rest of the body stays as it is, byte for byte. The upstream then sends an extra chunk
(`choices: []` with `usage`), which shared.core.wire.stream.usage_chunk takes out again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from shared.core.wire.json.json_members import JsonText, MemberSpan, find_members, first_member_at
from shared.core.wire.json.json_shape import Json, parse
from shared.core.wire.operations import OPERATIONS, OperationSpec
from shared.core.wire.steps import Cooperative
from shared.errors import NotAnObject

# The first api-version that takes stream_options (Azure OpenAI's changelog). Dates compare as text.
_SINCE: Final = "2024-09-01"
_OPTIONS: Final = b'"stream_options":{"include_usage":true}'
_MEMBER: Final = b'"include_usage":true'
_MEMBERS: Final = frozenset(
    {"stream_options", "data_sources", "model", "n"}
    | {spec.prompt_member for spec in OPERATIONS if spec.answers_each_prompt and spec.prompt_member}
)
_MAX_OPTIONS_BYTES: Final = 4096  # the caller's own stream_options have 30 as a rule
_MAX_MODEL_BYTES: Final = 1024
_MAX_PROMPTS_BYTES: Final = 16 * 1024  # several prompts that take more are not counted
_NO_STREAM: Final = (b"", b"false", b"null")
# Words in the error of an upstream that does not know the option.
_OPTION_NAMES: Final = (b"stream_options", b"include_usage")
_UNKNOWN_MEMBER: Final = b"Extra inputs are not permitted"
_UNKNOWN_MEMBER_STATUSES: Final = frozenset({400, 422})

# A body in three parts: before the addition, the addition, after it.
type BodyParts = tuple[bytes | memoryview, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Examination:
    """Members of a request's body that the relay needs."""

    # it asks for a stream; None: that is not known, as it is not a JSON object, or as the member
    # has a value that servers may take in different ways
    stream: bool | None
    model: str | None  # on the v1 routes this is the deployment
    choices: int | None  # how many the response will have; None if the body does not say
    # the body that asks for usage as well; None: the body is sent as it came
    with_usage_request: BodyParts | None


def examine(body: JsonText, operation: OperationSpec, *, may_ask: bool) -> Cooperative[Examination]:
    """Examine a JSON body for the relay. A body that is not a JSON object is sent as it came.

    `may_ask`: the body may be changed so that it asks for usage.
    """
    member = operation.stream_member
    try:
        spans = yield from find_members(body, _MEMBERS | {member.name})
    except NotAnObject:
        return Examination(stream=None, model=None, choices=None, with_usage_request=None)
    value = _short_value(body, spans.get(member.name))
    asks_for_stream = value == json.dumps(member.value).encode()
    stream = asks_for_stream or (False if value in _NO_STREAM else None)
    adds_option = (
        may_ask
        and asks_for_stream
        and _short_value(body, spans.get("data_sources")) in (b"", b"null")
    )
    return Examination(
        stream=stream,
        model=_text(body, spans.get("model")),
        choices=_choices(body, spans, operation),
        with_usage_request=(yield from _with_usage_request(body, spans)) if adds_option else None,
    )


def accepts(operation: OperationSpec, api_version: str | None, *, v1: bool) -> bool:
    """Whether the operation takes the option at this api-version."""
    if not operation.accepts_stream_options:
        return False
    return v1 or api_version is None or not api_version[:4].isdecimal() or api_version >= _SINCE


def rejects_stream_options(status: int, error_body: bytes) -> bool:
    """Whether an error is about the option. Servers that do not know it answer 400, 422, 501 and
    others; most of them name it.
    """
    unknown_member = status in _UNKNOWN_MEMBER_STATUSES and _UNKNOWN_MEMBER in error_body
    return unknown_member or any(name in error_body for name in _OPTION_NAMES)


def _with_usage_request(
    body: JsonText, spans: dict[str, MemberSpan]
) -> Cooperative[BodyParts | None]:
    """The body that asks for usage; None if the caller asks for it, or is wrong."""
    span = spans.get("stream_options")
    if span is None:
        at = first_member_at(body)
        return _replace(body, MemberSpan(start=at, end=at), _OPTIONS + b",")
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
        value, text = MemberSpan(start=at, end=at), _MEMBER + (b"" if _is_empty(options) else b",")
    elif options[value.start : value.end] in (b"false", b"null"):
        text = b"true"
    else:
        return None  # true, or a value that the upstream should refuse
    return _replace(
        body, MemberSpan(start=span.start + value.start, end=span.start + value.end), text
    )


def _choices(body: JsonText, spans: dict[str, MemberSpan], operation: OperationSpec) -> int | None:
    """`n` for each prompt."""
    n = _parse_member(body, spans.get("n"), default=1)
    prompt = spans.get(operation.prompt_member or "") if operation.answers_each_prompt else None
    prompt_count = 1 if prompt is None else _prompt_count(body, prompt)
    if type(n) is not int or n < 1 or prompt_count is None:
        return None
    return n * prompt_count


def _prompt_count(body: JsonText, prompt: MemberSpan) -> int | None:
    """An array of texts, or of arrays of tokens, holds several prompts; None if it is empty, or too
    long to be parsed.
    """
    if body[prompt.start : prompt.start + 1] != b"[":
        return 1
    prompts = _parse_member(body, prompt)
    if not isinstance(prompts, list) or not prompts:
        return None
    return len(prompts) if all(isinstance(item, str | list) for item in prompts) else 1


def _parse_member(body: JsonText, span: MemberSpan | None, default: Json = None) -> Json:
    """A member's value; `default` if it is null or absent, None if it is long."""
    if span is None:
        return default
    value = parse(bytes(body[span.start : span.end])) if _is_short(span) else ""
    return default if value is None else value


def _is_short(span: MemberSpan) -> bool:
    return span.end - span.start <= _MAX_PROMPTS_BYTES


def _is_empty(options: JsonText) -> bool:
    return options[1:-1].strip(b" \t\r\n") == b""


def _replace(body: JsonText, span: MemberSpan, text: bytes) -> BodyParts:
    # Views: a copy of a large body would take as long as many chunks of other streams.
    view = memoryview(body)
    return view[: span.start], text, view[span.end :]


def _short_value(body: JsonText, span: MemberSpan | None) -> JsonText:
    """The first 8 bytes of the value's text; b"" if there is none."""
    return body[span.start : min(span.end, span.start + 8)] if span else b""


def _text(body: JsonText, span: MemberSpan | None) -> str | None:
    if span is None or span.end - span.start > _MAX_MODEL_BYTES:
        return None
    try:
        value = json.loads(body[span.start : span.end])
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, str) else None
