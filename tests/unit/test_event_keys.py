"""The event's keys beyond the contract's, as far as the golden set does not cover them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.core.records.exchange.capture import Capture
from shared.core.records.exchange.envelope import Timings
from shared.core.records.exchange.outcome import Outcome
from shared.core.records.exchange.piece_times import PieceTimes
from tests.unit.core.event.event_parts import answering, asking, delta, envelope, event_of

HELLO = asking({"messages": [{"role": "user", "content": "hello"}], "stream": True})
ROLE = {
    "id": "chatcmpl-1",
    "model": "gpt-4o",
    "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}],
}
FILTERED = {"id": "", "model": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]}


def _arriving(*parts: bytes) -> tuple[Capture, dict[str, Any]]:
    """A response whose parts came 100 ms apart, and the envelope's fields about it."""
    body, arrivals = b"", []
    for number, part in enumerate(parts, start=1):
        body += part
        arrivals.append((len(body), number * 100.0))
    return answering(body, "text/event-stream"), {"arrivals": tuple(arrivals)}


def _sse(chunk: dict[str, Any]) -> bytes:
    return answering([chunk]).body.removesuffix(b"data: [DONE]\n\n")


def test_the_first_token_is_the_first_content() -> None:
    """It is not the filter's chunk, not the role's, not a comment."""
    response, arrived = _arriving(
        _sse(FILTERED), _sse(ROLE), b": keep-alive\n\n", _sse(delta("hi")), _sse(delta("!"))
    )
    assert event_of(envelope(**arrived), HELLO, response)["time_to_first_token_ms"] == 400


def test_the_first_token_is_there_when_its_event_is_whole() -> None:
    """A chunk that comes in two pieces came with the second."""
    chunk = _sse(delta("hi"))
    response, arrived = _arriving(_sse(ROLE) + chunk[:20], chunk[20:] + _sse(delta("!")))
    assert event_of(envelope(**arrived), HELLO, response)["time_to_first_token_ms"] == 200


@pytest.mark.parametrize("chunks", [[ROLE], [FILTERED], [delta("")]])
def test_without_content_there_is_no_first_token(chunks: list[dict[str, Any]]) -> None:
    """Null, not zero."""
    response, arrived = _arriving(*map(_sse, chunks))
    assert event_of(envelope(**arrived), HELLO, response)["time_to_first_token_ms"] is None


def test_a_first_token_after_the_recorded_arrivals_is_unknown() -> None:
    """A wrong time would be worse than none."""
    response, arrived = _arriving(_sse(ROLE), _sse(delta("hi")))
    known = {"arrivals": arrived["arrivals"][:1]}
    assert event_of(envelope(**known), HELLO, response)["time_to_first_token_ms"] is None


def test_a_late_first_token_is_timed_by_the_captures_header() -> None:
    """An envelope has room for the first pieces alone."""
    response, arrived = _arriving(_sse(ROLE), _sse(delta("hi")))
    pieces = PieceTimes()
    pieces.sizes.extend([len(_sse(ROLE)), len(_sse(delta("hi")))])
    pieces.times_ms.extend([at_ms for _, at_ms in arrived["arrivals"]])
    timed = replace(response, header={**response.header, "pieces": pieces.to_json()})
    known = {"arrivals": arrived["arrivals"][:1]}
    assert event_of(envelope(**known), HELLO, timed)["time_to_first_token_ms"] == 200


def test_a_drained_stream_has_the_sent_text_and_the_exact_usage() -> None:
    """The capture holds what was drained after the disconnect; the event's content ends with what
    the client got.
    """
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    sent_body = _sse(ROLE) + _sse(delta("one ")) + _sse(delta("two"))
    rest = _sse(delta(" three")) + _sse(
        {"id": "chatcmpl-1", "model": "gpt-4o", "choices": [], "usage": usage}
    )
    disconnected_envelope = envelope(
        sent_bytes=len(sent_body) + 10, outcome=Outcome.CLIENT_DISCONNECTED
    )
    event = event_of(disconnected_envelope, HELLO, answering(sent_body + rest, "text/event-stream"))
    assert (event["content"], event["choices"][0]["content"]) == ("one two", "one two")
    assert (event["usage"], event["usage_source"]) == (usage, "upstream")
    assert (event["type"], event["finish_reason"]) == ("stream_completion", None)


def test_an_estimate_counts_four_bytes_to_a_token_on_both_sides() -> None:
    """Tokens are rounded up; ten characters of Greek are twenty bytes."""
    request = asking({"messages": [{"content": "x" * 9}], "tools": []})
    event = event_of(
        envelope(outcome=Outcome.UPSTREAM_INTERRUPTED), request, answering([delta("λ" * 10)])
    )
    assert event["usage_estimate"] == {
        "prompt_tokens": 3,
        "completion_tokens": 5,
        "total_tokens": 8,
    }
    assert event["usage"] is None


@pytest.mark.parametrize(
    ("operation", "status", "stream"),
    [
        ("chat.completions", 429, True),
        ("chat.completions", 200, False),
        ("embeddings", 200, True),
        ("call", 200, True),
    ],
)
def test_nothing_is_estimated_if_nothing_was_generated_or_cut(
    operation: str, status: int, stream: bool
) -> None:
    """A response that came whole without usage has none; a refusal has used nothing."""
    exchange = envelope(operation=operation, upstream_status_code=status, stream=stream)
    event = event_of(exchange, HELLO, answering({"choices": []}))
    assert (event["usage_source"], event["usage_estimate"]) == ("none", None)


def test_the_envelopes_usage_is_used_if_the_capture_is_missing() -> None:
    """The event also names what is not known."""
    exchange = envelope(
        usage={"total_tokens": 1}, usage_source="upstream", request_bytes=5, response_bytes=9
    )
    event = event_of(exchange, None, None)
    assert event["usage"] == {"total_tokens": 1}
    assert len(event["problems"]) == 2
    assert (event["request_bytes"], event["request_sha256"]) == (5, None)


def test_the_requested_model_is_the_deployment() -> None:
    """The paths of the v1 routes name no deployment."""
    request = asking({"model": "my-deployment", "input": "hi"})
    event = event_of(envelope(operation="responses", deployment=None, stream=False), request, None)
    assert (event["deployment"], event["prompt"]) == ("my-deployment", "hi")


def test_the_body_of_an_unknown_operation_is_not_parsed() -> None:
    """Its meaning is unknown, so the event shows nothing of it."""
    event = event_of(
        envelope(operation="call", stream=False),
        asking({"messages": ["private"]}),
        answering({"x": "private"}),
    )
    assert (event["type"], event["prompt"], event["content"]) == ("call", None, "")
    assert "private" not in repr(event)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("chat.completions", "completion"),
        ("completions", "completion"),
        ("responses", "completion"),
        ("responses.get", "completion"),
        ("responses.cancel", "completion"),
        ("responses.delete", "call"),
        ("responses.input_items", "call"),
        ("embeddings", "embedding"),
        ("images.generations", "image"),
        ("images.edits", "image"),
        ("audio.speech", "audio"),
        ("audio.translations", "audio"),
        ("call", "call"),
        ("something.new", "call"),
    ],
)
def test_the_type_says_what_kind_of_response_it_is(operation: str, expected: str) -> None:
    """Failures have type error, for every operation."""
    assert event_of(envelope(operation=operation, stream=False), None, None)["type"] == expected
    failed = envelope(operation=operation, stream=False, outcome=Outcome.UPSTREAM_ERROR)
    assert event_of(failed, None, None)["type"] == "error"


def test_tool_calls_are_distinguished_by_their_ids() -> None:
    """Their indices do not suffice: some servers give every call the index 0. Some repeat the name
    in each delta.
    """

    def piece(call_id: str | None, name: str | None, arguments: str) -> dict[str, Any]:
        call = {"index": 0, "id": call_id, "function": {"name": name, "arguments": arguments}}
        return {"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}

    chunks = [
        piece("a", "f", '{"x"'),
        piece(None, "f", ":1}"),
        piece("b", "g", ""),
        piece("b", None, "{}"),
    ]
    calls = event_of(envelope(), HELLO, answering(chunks))["choices"][0]["tool_calls"]
    assert [(call["id"], call["function"]) for call in calls] == [
        ("a", {"name": "f", "arguments": '{"x":1}'}),
        ("b", {"name": "g", "arguments": "{}"}),
    ]


def test_the_most_severe_filter_result_of_all_chunks_stays() -> None:
    """A later chunk that is safe does not hide an earlier one that is not."""
    low, safe = (
        {"hate": {"filtered": False, "severity": severity}} for severity in ("low", "safe")
    )
    chunks = [delta("a"), delta("b"), delta("c")]
    for chunk, results in zip(chunks, (safe, low, safe), strict=True):
        chunk["choices"][0]["content_filter_results"] = results
    assert (
        event_of(envelope(), HELLO, answering(chunks))["choices"][0]["content_filter_results"]
        == low
    )


def test_values_of_headers_are_in_the_event() -> None:
    """Numbers appear as numbers; other values are omitted."""
    response = answering(
        {"choices": []},
        **{
            "retry-after-ms": "1500",
            "x-ratelimit-remaining-tokens": "-1",
            # 301 digits, which no consumer's integers hold
            "x-ratelimit-remaining-requests": "1e300",
            "openai-processing-ms": "12.6",
            "retry-after": "soon",
        },
    )
    event = event_of(envelope(stream=False), HELLO, response)
    assert event["rate_limit"] == {
        "remaining_tokens": -1,
        "retry_after": "soon",
        "retry_after_ms": 1500,
    }
    assert event["served"] == {"processing_ms": 13}


def test_the_event_names_the_account_of_a_pool_that_answered() -> None:
    """The pool's policy sets the headers that name it; they are absent where the upstream is one
    account.
    """
    pool = {
        "x-fnsse-backend-account": "oai-france",
        "x-fnsse-backend-region": "francecentral",
        "x-fnsse-backend-attempts": "2",
    }
    event = event_of(envelope(stream=False), HELLO, answering({"choices": []}, **pool))
    assert event["served"]["backend"] == {
        "account": "oai-france",
        "region": "francecentral",
        "attempts": 2,
    }
    named = {"x-ms-region": "France Central", **pool}
    event = event_of(envelope(stream=False), HELLO, answering({"choices": []}, **named))
    assert event["region"] == "France Central"
    event = event_of(envelope(stream=False), HELLO, answering({"choices": []}))
    assert "backend" not in event["served"]


def test_the_parameters_hold_no_content() -> None:
    """Names and types of tools, never their descriptions, schemas or servers."""
    request_body = {
        "messages": [],
        "tools": [
            {
                "type": "function",
                "function": {"name": "f", "description": "PRIVATE", "parameters": {"x": "PRIVATE"}},
            }
        ],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": {"title": "PRIVATE"}},
        },
        "logit_bias": {"PRIVATE": 1},
        "stop": ["PRIVATE"],
        "prediction": {"content": "PRIVATE"},
        "temperature": float("inf"),
        "unknown": "PRIVATE",
    }
    event = event_of(envelope(), asking(request_body), None)
    assert "PRIVATE" not in repr(event)
    assert event["parameters"] == {
        "temperature": None,
        "response_format": {"type": "json_schema", "name": "n"},
        "tools": {"count": 1, "names": ["f"]},
        "stop_count": 1,
        "logit_bias_count": 1,
    }


def test_a_stream_that_never_came_has_the_keys_of_a_stream() -> None:
    """It was asked for; all of its time was waiting."""
    timings = Timings(
        to_headers_ms=None, to_first_chunk_ms=None, to_last_chunk_ms=None, to_end_ms=70.0
    )
    event = event_of(
        envelope(stream=None, timings=timings, outcome=Outcome.CLIENT_DISCONNECTED), HELLO, None
    )
    assert (event["type"], event["stream"]) == ("stream_completion", True)
    assert (
        event["time_to_first_chunk_ms"],
        event["streaming_duration_ms"],
        event["latency_ms"],
    ) == (70, 0, 70)


@pytest.mark.parametrize(
    ("completed_at", "stream", "repeated"),
    [
        (None, True, True),
        (1, True, True),
        (1_763_908_200, True, False),
        (1_763_908_200, False, True),
    ],
)
def test_usage_of_a_response_is_counted_where_it_finished(
    completed_at: int | None, *, stream: bool, repeated: bool
) -> None:
    """A GET repeats it, unless it is the stream in which the response finished."""
    response: dict[str, Any] = {
        "object": "response",
        "id": "resp_1",
        "status": "completed",
        "usage": {"total_tokens": 1},
    }
    if completed_at:
        response["completed_at"] = completed_at
    answer = (
        answering([{"type": "response.completed", "response": response}])
        if stream
        else answering(response)
    )
    event = event_of(envelope(operation="responses.get", stream=stream), None, answer)
    assert event["usage_repeated"] is repeated
    assert event["response_id"] == "resp_1"
    # an upstream whose clock is ahead does not make the stream the one in which it finished
    response["background"] = False
    answer = (
        answering([{"type": "response.completed", "response": response}])
        if stream
        else answering(response)
    )
    assert (
        event_of(envelope(operation="responses.get", stream=stream), None, answer)["usage_repeated"]
        is True
    )
