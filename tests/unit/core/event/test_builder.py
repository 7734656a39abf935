"""The event's contract with those who have always parsed it: keys, types, meaning; and that there
always is an event.
"""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.sample_envelope import EXCHANGE_ID, sample_envelope
from harness.schema import valid
from shared.core.event import builder, shape, truncation
from shared.core.records.exchange.capture import Capture
from shared.core.records.exchange.envelope import Envelope, Failure, Timings
from shared.core.records.exchange.outcome import Outcome
from tests.unit.core.strategies import envelopes, json_values

USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
MESSAGES = [{"role": "user", "content": "žluť 🐎"}]
LIMIT = 1_000_000
DONE = b"data: [DONE]\n\n"

# Always there, with these types.
ALWAYS: dict[str, type | tuple[type, ...]] = {
    "type": str,
    "content": str,
    "model": str,
    "prompt": (list, str),
    "region": str,
    "latency_ms": int,
    "timestamp": str,
    "exchange_id": str,
    "schema_version": int,
    "operation": str,
    "outcome": str,
}


def request_capture(**more: Any) -> Capture:
    return Capture(header={"headers": {}}, body=json.dumps({"messages": MESSAGES} | more).encode())


def stream_capture(*chunks: dict[str, Any], **headers: str) -> Capture:
    body = (
        b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)
        + b"data: [DONE]\n\n"
    )
    return Capture(header={"headers": {"content-type": "text/event-stream"} | headers}, body=body)


def answer_capture(body: object, **headers: str) -> Capture:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Capture(header={"headers": {"content-type": "application/json"} | headers}, body=raw)


def event_of(
    envelope: Envelope, request: Capture | None, response: Capture | None, region: str | None = None
) -> dict[str, Any]:
    return valid(json.loads(shape.dump(builder.build(envelope, request, response, region))))


STREAM = stream_capture(
    {"choices": [], "prompt_filter_results": [], "id": "", "model": ""},
    {
        "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}],
        "model": "gpt-4o-2024-08-06",
    },
    {
        "choices": [
            {"index": 0, "delta": {"content": "žluť"}},
            {"index": 1, "delta": {"content": "no"}},
        ],
        "usage": None,
    },
    {"choices": [{"index": 0, "delta": {"content": "\u2028🐎"}}], "usage": None},
    {"choices": [{"index": 0, "content_filter_offsets": {}, "content_filter_results": {}}]},
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {"choices": [], "usage": USAGE},
    **{"x-ms-region": "Sweden Central"},
)
DOCUMENT = answer_capture(
    {
        "model": "gpt-4o-2024-08-06",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "hello"},
                "finish_reason": "stop",
            }
        ],
        "usage": USAGE,
    },
    **{"x-ms-region": "North Central US"},
)


def test_a_stream_has_the_keys_of_the_contract() -> None:
    """Every key that consumers have always parsed is there."""
    fields = event_of(sample_envelope(), request_capture(stream=True), STREAM)
    expected = {
        "type": "stream_completion",
        "content": "žluť\u2028🐎",
        "usage": USAGE,
        "model": "gpt-4o-2024-08-06",
        "prompt": MESSAGES,
        "region": "Sweden Central",
        "latency_ms": 580,
        "time_to_first_chunk_ms": 100,
        "streaming_duration_ms": 480,
        "timestamp": "2024-11-13T06:59:30.584946",
        "exchange_id": EXCHANGE_ID,
    }
    assert {key: fields[key] for key in expected} == expected
    assert all(isinstance(fields[key], kind) for key, kind in ALWAYS.items())


def test_a_document_has_the_same_keys_without_those_of_a_stream() -> None:
    envelope = sample_envelope(
        stream=False,
        timings=Timings(
            to_headers_ms=90, to_first_chunk_ms=91, to_last_chunk_ms=95, to_end_ms=96.4
        ),
    )
    fields = event_of(envelope, request_capture(), DOCUMENT)
    expected = {
        "type": "completion",
        "content": "hello",
        "usage": USAGE,
        "model": "gpt-4o-2024-08-06",
        "prompt": MESSAGES,
        "region": "North Central US",
        "latency_ms": 96,
        "timestamp": "2024-11-13T06:59:30.096400",
    }
    assert {key: fields[key] for key in expected} == expected
    assert "time_to_first_chunk_ms" not in fields
    assert "streaming_duration_ms" not in fields
    assert all(isinstance(fields[key], kind) for key, kind in ALWAYS.items())


@pytest.mark.parametrize(
    ("outcome", "of_a_stream", "of_a_document"),
    [
        (Outcome.COMPLETED, "stream_completion", "completion"),
        (Outcome.CLIENT_DISCONNECTED, "stream_completion", "completion"),
        (Outcome.UPSTREAM_ERROR, "error", "error"),
        (Outcome.UPSTREAM_INTERRUPTED, "error", "error"),
        (Outcome.TIMED_OUT, "error", "error"),
        (Outcome.REJECTED, "error", "error"),
        (Outcome.ABORTED, "error", "error"),
    ],
)
def test_the_type_follows_from_the_outcome(
    outcome: Outcome, of_a_stream: str, of_a_document: str
) -> None:
    """A disconnect is not a failure: the event keeps its type."""
    assert (
        event_of(sample_envelope(outcome=outcome), request_capture(), STREAM)["type"] == of_a_stream
    )
    assert (
        event_of(sample_envelope(outcome=outcome, stream=False), request_capture(), DOCUMENT)[
            "type"
        ]
        == of_a_document
    )


@pytest.mark.parametrize(
    ("response", "default", "region"),
    [
        (answer_capture({}, **{"x-ms-region": "Japan East"}), "default", "Japan East"),
        (answer_capture({}, **{"x-fnsse-backend-region": "japaneast"}), "default", "japaneast"),
        (answer_capture({}), "default", "default"),
        (answer_capture({}), None, "unknown"),
        (None, "default", "default"),
        (None, None, "unknown"),
    ],
)
def test_the_region_is_the_upstreams_word_the_setting_or_unknown(
    response: Capture | None, default: str, region: str
) -> None:
    assert event_of(sample_envelope(), request_capture(), response, default)["region"] == region


def test_nothing_but_the_envelope_gives_an_event_too() -> None:
    fields = event_of(sample_envelope(usage=USAGE), None, None)
    assert (fields["content"], fields["model"], fields["prompt"], fields["usage"]) == (
        "",
        "unknown",
        None,
        USAGE,
    )


def test_the_upstreams_error_is_unchanged() -> None:
    """The event holds the error object exactly as the upstream sent it."""
    error = {"code": "429", "message": "slow down"}
    envelope = sample_envelope(stream=False, outcome=Outcome.UPSTREAM_ERROR, status_code=429)
    fields = event_of(envelope, request_capture(), answer_capture({"error": error}))
    assert (fields["type"], fields["status_code"], fields["error"]) == ("error", 429, error)


def test_the_proxys_own_failure_is_in_the_event() -> None:
    failure = Failure(code="upstream_timeout", message="why")
    envelope = sample_envelope(
        stream=None, outcome=Outcome.TIMED_OUT, failure=failure, response_capture=None
    )
    assert event_of(envelope, request_capture(stream=True), None)["error"] == {
        "code": "upstream_timeout",
        "message": "why",
    }


@given(envelopes)
def test_a_streams_latency_is_exactly_the_sum_of_its_parts(envelope: Envelope) -> None:
    fields = event_of(envelope, None, None)
    if "time_to_first_chunk_ms" in fields:
        assert (
            fields["latency_ms"]
            == fields["time_to_first_chunk_ms"] + fields["streaming_duration_ms"]
        )
        assert min(fields["time_to_first_chunk_ms"], fields["streaming_duration_ms"]) >= 0
    assert (
        ("time_to_first_chunk_ms" in fields)
        == ("streaming_duration_ms" in fields)
        == bool(envelope.stream)
    )


@given(st.floats(0, 1_740_000, allow_nan=False))
def test_the_timestamp_is_the_end_in_utc(to_end_ms: float) -> None:
    """It has microseconds and no offset."""
    timings = Timings(
        to_headers_ms=None, to_first_chunk_ms=None, to_last_chunk_ms=None, to_end_ms=to_end_ms
    )
    timestamp = event_of(sample_envelope(timings=timings), None, None)["timestamp"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", timestamp)
    passed = datetime.fromisoformat(timestamp) - datetime(2024, 11, 13, 6, 59, 30)  # noqa: DTZ001 - the contract has no offset
    assert abs(passed.total_seconds() * 1000 - to_end_ms) < 0.001


# --- there always is an event, and it is JSON -----------------------------------------------------


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


@given(
    st.binary() | json_values.map(lambda value: json.dumps(value).encode()),
    st.binary() | json_values.map(lambda value: b"data: " + json.dumps(value).encode() + b"\n\n"),
    st.booleans(),
    st.sampled_from(
        [
            "chat.completions",
            "responses",
            "embeddings",
            "images.generations",
            "audio.speech",
            "call",
        ]
    ),
)
def test_arbitrary_bodies_give_an_event(
    request: bytes, response: bytes, stream: bool, operation: str
) -> None:
    kind = "text/event-stream" if stream else "application/json"
    sides = (
        Capture(header={"headers": {}}, body=request),
        Capture(header={"headers": {"content-type": kind}}, body=response),
    )
    text = truncation.truncate(
        builder.build(sample_envelope(stream=stream, operation=operation), *sides, None), LIMIT
    ).decode()
    valid(json.loads(text, parse_constant=refuse))


def test_a_character_split_over_two_chunks_is_one() -> None:
    """Servers that cut a text by UTF-16 units send each half as an escape."""
    chunks = [
        {"choices": [{"index": 0, "delta": {"content": half}}]}
        for half in ("a \ud83d", "\ude42 b", " \ud83d", "!")
    ]
    assert (
        event_of(sample_envelope(), request_capture(), stream_capture(*chunks))["content"]
        == "a \U0001f642 b ?!"
    )


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "x-gzip", "nonsense"])
def test_a_coding_that_cannot_be_undone_gives_an_event(coding: str) -> None:
    response = answer_capture(b"not what it says", **{"content-encoding": coding})
    assert event_of(sample_envelope(stream=False), request_capture(), response)["content"] == ""


@pytest.mark.parametrize(
    "body",
    [
        b'{"messages": [{"role": "user", "content": "\\ud83d alone"}]}',
        b'{"messages": [NaN, Infinity, 1e999]}',
        b'{"messages": ' + b"[" * 2000 + b"]" * 2000 + b"}",
        b'{"messages": ' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}",
        b'{"messages": ' + b"[" * 200_000,
        b'{"messages": ' + b"9" * 5000 + b"}",
    ],
    ids=[
        "lone surrogate",
        "no numbers of JSON",
        "nested arrays",
        "nested objects",
        "unclosed",
        "a long number",
    ],
)
@pytest.mark.parametrize("limit", [LIMIT, 8192])
def test_hostile_json_on_either_side_gives_an_event(body: bytes, limit: int) -> None:
    response = Capture(
        header={"headers": {"content-type": "application/json"}},
        body=body.replace(b"messages", b"usage"),
    )
    for other in (
        response,
        stream_capture(),
        Capture(header={"headers": {}}, body=b"data: " + body + b"\n\n"),
    ):
        data = truncation.truncate(
            builder.build(
                sample_envelope(stream=other is not response),
                Capture(header={}, body=body),
                other,
                None,
            ),
            limit,
        )
        assert len(data) <= limit
        valid(json.loads(data, parse_constant=refuse))


# --- the Event Hub's limit ------------------------------------------------------------------------


@pytest.mark.parametrize("character", ["x", "\0", '"', "é", "→", "🐎"])
@pytest.mark.parametrize("limit", [8 * 1024, 64 * 1024, 1024 * 1024 - 2048])
@pytest.mark.parametrize(
    ("prompt_share", "answer_share"),
    [(2, 0), (0, 2), (1.5, 1.5)],
    ids=["prompt", "answer", "both"],
)
def test_an_event_is_cut_to_the_limit_and_no_further(
    character: str, limit: int, prompt_share: float, answer_share: float
) -> None:
    """Texts of so many times the limit, or of ten bytes."""
    prompt_bytes, answer_bytes = int(10 + prompt_share * limit), int(10 + answer_share * limit)
    character_bytes = len(json.dumps(character, ensure_ascii=False).encode()) - 2
    request = Capture(
        header={},
        body=json.dumps(
            {
                "messages": [
                    {"role": "user", "content": character * (prompt_bytes // character_bytes)}
                ]
            }
        ).encode(),
    )
    response = answer_capture(
        {
            "choices": [
                {"index": 0, "message": {"content": character * (answer_bytes // character_bytes)}}
            ]
        }
    )
    data = truncation.truncate(
        builder.build(sample_envelope(stream=False), request, response, None), limit
    )
    fields = valid(json.loads(data))
    assert len(data) <= limit
    assert fields["truncated"] is True
    assert fields["exchange_id"] == EXCHANGE_ID
    assert fields["response_capture"] == sample_envelope().response_capture
    assert len(data) > limit * 0.7, "what the limit allows is used"


def test_an_event_that_fits_is_not_cut() -> None:
    data = truncation.truncate(
        builder.build(sample_envelope(), request_capture(), STREAM, None), LIMIT
    )
    assert valid(json.loads(data))["truncated"] is False


FAILED = {"object": "response", "status": "failed", "error": {"code": "x", "message": "m"}}


@pytest.mark.parametrize("coding", ["", "gzip"])
@pytest.mark.parametrize("size", [0, 40_000])
@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("responses", FAILED),
        ("responses.get", FAILED),
        ("chat.completions", {"error": {"code": "x", "message": "m"}}),
        ("embeddings", {"object": "error", "code": "x", "message": "m"}),
    ],
)
def test_an_error_inside_a_200_is_the_upstreams(
    coding: str, size: int, operation: str, body: dict[str, Any]
) -> None:
    """Its size and its coding do not matter. The relay sees neither a large document nor a coded
    one, and says that it completed.
    """
    raw = json.dumps(body | {"instructions": "x" * size}).encode()
    raw = gzip.compress(raw) if coding else raw
    event = event_of(
        sample_envelope(operation=operation, stream=False, response_bytes=len(raw)),
        None,
        answer_capture(raw, **{"content-encoding": coding}),
    )
    assert (event["type"], event["outcome"]) == ("error", "upstream_error")
    assert event["error"]["code"] == "x"


@pytest.mark.parametrize(
    ("end", "outcome", "code"),
    [
        (b"data: [DONE]\n\n", "completed", None),
        (b"", "upstream_interrupted", "upstream_interrupted"),
        (b'data: {"error": {"code": "x"}}\n\n', "upstream_error", "x"),
    ],
)
def test_a_coded_stream_ended_as_its_text_says(end: bytes, outcome: str, code: str | None) -> None:
    raw = gzip.compress(b'data: {"choices": [{"index": 0, "delta": {"content": "a"}}]}\n\n' + end)
    sent = sample_envelope(response_bytes=len(raw), sent_bytes=len(raw))
    headers = {"content-type": "text/event-stream", "content-encoding": "gzip"}
    event = event_of(sent, None, Capture(header={"headers": headers}, body=raw))
    assert (event["outcome"], (event["error"] or {}).get("code")) == (outcome, code)
    assert event["content"] == "a"


@pytest.mark.parametrize(
    ("recorded", "coding", "operation", "end", "outcome"),
    [
        (Outcome.CLIENT_DISCONNECTED, "gzip", "chat.completions", DONE, "completed"),
        (Outcome.CLIENT_DISCONNECTED, "gzip", "chat.completions", b"", "client_disconnected"),
        # the relay read this one, and the client did not get the end that the capture holds
        (Outcome.CLIENT_DISCONNECTED, "", "chat.completions", DONE, "client_disconnected"),
        (Outcome.TIMED_OUT, "gzip", "chat.completions", DONE, "timed_out"),
        # nobody knows how a stream of this operation has to end
        (Outcome.COMPLETED, "gzip", "images.edits", b"", "completed"),
    ],
)
def test_the_captured_stream_corrects_the_outcome(
    recorded: Outcome, coding: str, operation: str, end: bytes, outcome: str
) -> None:
    """Only as far as the relay did not see it. A timeout is the relay's own observation."""
    raw = b'data: {"choices": [{"index": 0, "delta": {"content": "a"}}]}\n\n' + end
    raw = gzip.compress(raw) if coding else raw
    sent = sample_envelope(
        operation=operation, outcome=recorded, response_bytes=len(raw), sent_bytes=len(raw)
    )
    headers = {"content-type": "text/event-stream", "content-encoding": coding}
    event = event_of(sent, None, Capture(header={"headers": headers}, body=raw))
    assert event["outcome"] == outcome


def test_a_client_may_disconnect_at_error_headers() -> None:
    """The outcome is upstream_error: the status is known, although the body is not."""
    envelope = sample_envelope(
        stream=False, outcome=Outcome.UPSTREAM_ERROR, upstream_status_code=429, response_bytes=0
    )
    event = event_of(envelope, None, None)
    assert event["type"] == "error"
    assert event["error"] == {
        "code": "upstream_error",
        "message": "Azure OpenAI answered 429, and no body came.",
    }


@pytest.mark.parametrize("operation", ["chat.completions", "embeddings", "responses"])
@pytest.mark.parametrize("stream", [False, True])
def test_an_empty_200_is_unreadable(operation: str, *, stream: bool) -> None:
    """If the client disconnected before anything came, it is not an error."""
    kind = "text/event-stream" if stream else "application/json"
    empty = answer_capture(b"", **{"content-type": kind})
    envelope = sample_envelope(operation=operation, stream=stream, response_bytes=0, sent_bytes=0)
    event = event_of(envelope, request_capture(), empty)
    assert event["error"]["code"] == "unreadable_answer"
    assert len(event["problems"]) == 1
    assert event_of(envelope, request_capture(), None)["error"]["code"] == "unreadable_answer"
    event_without_client = event_of(
        replace(envelope, outcome=Outcome.CLIENT_DISCONNECTED), request_capture(), empty
    )
    assert (event_without_client["error"], event_without_client["problems"]) == (None, [])


def test_the_usage_of_an_object_that_is_polled_is_not_the_calls() -> None:
    """The event of a poll has no usage, even if an older envelope holds it."""
    polled = sample_envelope(
        operation="call", stream=False, usage=dict(USAGE), usage_source="upstream"
    )
    event = event_of(polled, None, answer_capture({"object": "batch", "usage": USAGE}))
    assert (event["usage"], event["tokens"], event["usage_source"]) == (None, None, "none")


def test_numbers_with_a_fraction_of_nothing_are_tokens() -> None:
    usage = {"prompt_tokens": 5.0, "completion_tokens": 1.0, "total_tokens": 6.0}
    event = event_of(
        sample_envelope(stream=False, usage=None), None, answer_capture({"usage": usage})
    )
    assert event["usage"] == usage
    assert (event["tokens"]["input"], event["tokens"]["total"]) == (5, 6)


@pytest.mark.parametrize("missing", [4, 8])
def test_an_answer_with_a_cut_coding_is_read(missing: int) -> None:
    """It is read as far as it can be decoded."""
    body = json.dumps({"choices": [{"index": 0, "message": {"content": "hello"}}]}).encode()
    raw = gzip.compress(body)[:-missing]
    event = event_of(
        sample_envelope(stream=False, response_bytes=len(raw)),
        request_capture(),
        answer_capture(raw, **{"content-encoding": "gzip"}),
    )
    assert event["content"] == "hello"
    assert event["problems"] == [
        "the answer cannot be read whole: its content-encoding gzip is cut short"
    ]
