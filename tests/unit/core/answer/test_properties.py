"""Assembling an event from any bytes never raises, does not depend on how they are cut, and gives a
valid event.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from harness.schema import valid
from shared.core.answer import reader
from shared.core.event import builder, truncation
from shared.core.records.exchange.capture import Capture
from shared.core.records.exchange.envelope import Caller, Envelope, Timings
from shared.core.records.exchange.exchange_id import new_exchange_id
from shared.core.records.exchange.outcome import Outcome
from shared.core.wire.operations import CALL, OPERATIONS

_OPERATIONS = tuple(spec.name for spec in (*OPERATIONS, CALL))
# The keys that assembling looks at, so that arbitrary JSON meets it often.
# fmt: off
_KEYS = st.sampled_from([
    "choices", "delta", "message", "content", "tool_calls", "function", "function_call", "index", "id", "name", "arguments",
    "usage", "error", "model", "response", "output", "type", "object", "status", "item", "output_index", "data", "embedding",
    "audio", "transcript", "text", "logprobs", "annotations", "context", "content_filter_results", "content_filter_offsets",
    "prompt_filter_results", "b64_json", "revised_prompt", "messages", "prompt", "input", "tools", "headers", "metadata",
    "stream", "response_format", "stop", "user", "incomplete_details", "part", "summary", "summary_index", "duration",
])
_WORDS = [
    "response.output_text.delta", "response.completed", "response.output_item.done", "response.function_call_arguments.delta",
    "response.reasoning_summary_text.delta", "response.output_text.annotation.added", "error", "message", "custom", "queued",
    "response", "image_generation.completed", "speech.audio.delta", "transcript.text.done", "output_text",
    "data:image/png;base64,iVBORw0KGgo=", "aGVsbG8gaGVsbG8gaGVsbG8=",
]
# fmt: on
_TEXTS = st.one_of(st.text(max_size=12), st.sampled_from(_WORDS), st.just("\ud800"))
_NUMBERS = st.one_of(
    st.integers(), st.floats(), st.sampled_from([0, 1, 2, -1, 10**400, float("inf"), float("nan")])
)
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), _NUMBERS, _TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(_KEYS, st.text(max_size=4)), inner, max_size=5),
    ),
    max_leaves=25,
)
_DOCUMENTS = st.dictionaries(_KEYS, _JSON, max_size=6)
_ENCODINGS = st.sampled_from(["", "gzip", "deflate", "br", "identity"])
_TYPES = st.sampled_from(
    [
        "application/json",
        "text/event-stream",
        "text/plain",
        "audio/mpeg",
        "",
        "multipart/form-data; boundary=x",
    ]
)


def _stream(documents: list[Any]) -> bytes:
    return b"".join(b"data: " + json.dumps(document).encode() + b"\n\n" for document in documents)


_BODIES = st.one_of(
    st.binary(max_size=300),
    _JSON.map(lambda value: json.dumps(value).encode()),
    _DOCUMENTS.map(lambda value: json.dumps(value).encode()),
    st.lists(_DOCUMENTS, max_size=6).map(_stream),
    st.lists(st.one_of(_DOCUMENTS, st.text(max_size=5)), max_size=6).map(
        lambda values: _stream(values) + b'data: {"cho'
    ),
)


@st.composite
def _cut(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    body = draw(_BODIES)
    ends = sorted(draw(st.lists(st.integers(0, len(body)), max_size=8)))
    return body, [
        body[start:end] for start, end in zip([0, *ends], [*ends, len(body)], strict=True)
    ]


@given(
    cut=_cut(),
    operation=st.sampled_from(_OPERATIONS),
    content_type=_TYPES,
    encoding=_ENCODINGS,
    status=st.sampled_from([200, 429]),
)
def test_an_answer_reads_the_same_however_it_is_cut(
    cut: tuple[bytes, list[bytes]], operation: str, content_type: str, encoding: str, status: int
) -> None:
    """The cuts change nothing, even for bytes that are not a response."""
    whole, pieces = cut
    body = reader.AnswerBody(
        operation=operation,
        status_code=status,
        content_type=content_type,
        content_encoding=encoding,
    )
    assert repr(reader.read(pieces, body)) == repr(reader.read((whole,), body))


@given(
    request_body=_BODIES,
    response_body=_BODIES,
    operation=st.sampled_from(_OPERATIONS),
    types=st.tuples(_TYPES, _TYPES),
    encoding=_ENCODINGS,
    outcome=st.sampled_from(list(Outcome)),
    stream=st.sampled_from([None, False, True]),
    sent_bytes=st.integers(0, 300),
    limit_bytes=st.sampled_from([8192, 1_000_000]),
)
def test_any_captures_give_a_valid_event(
    *,
    request_body: bytes,
    response_body: bytes,
    operation: str,
    types: tuple[str, str],
    encoding: str,
    outcome: Outcome,
    stream: bool | None,
    sent_bytes: int,
    limit_bytes: int,
) -> None:
    """Valid by the published schema, within its limit, and JSON that any parser takes."""
    envelope = _envelope(operation, outcome, stream, sent_bytes)
    request = Capture(header={"headers": {"content-type": types[0]}}, body=request_body)
    response = Capture(
        header={"headers": {"content-type": types[1], "content-encoding": encoding}},
        body=response_body,
    )
    fitted = truncation.truncate(builder.build(envelope, request, response, None), limit_bytes)
    assert len(fitted) <= limit_bytes
    valid(json.loads(fitted.decode("utf-8"), parse_constant=_refuse))


def _refuse(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def _envelope(operation: str, outcome: Outcome, stream: bool | None, sent_bytes: int) -> Envelope:
    return Envelope(
        exchange_id=new_exchange_id(1_763_908_200_000, bytes(10)),
        operation=operation,
        deployment=None,
        api_version=None,
        stream=stream,
        started_at="2025-11-23T14:30:00.000000+00:00",
        status_code=200,
        upstream_status_code=200,
        outcome=outcome,
        failure=None,
        timings=Timings(
            to_headers_ms=None, to_first_chunk_ms=20.5, to_last_chunk_ms=40.5, to_end_ms=41.0
        ),
        arrivals=((10, 20.5),),
        chunk_count=1,
        usage=None,
        usage_source="none",
        usage_requested=False,
        request_bytes=1,
        response_bytes=1,
        sent_bytes=sent_bytes,
        request_capture=None,
        response_capture=None,
        caller=Caller(),
        trace_parent=None,
    )
