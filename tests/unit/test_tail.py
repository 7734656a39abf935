"""What the end of an answer tells: whether it is whole, and its usage."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.wire.json_shape import MAX_DEPTH, JsonObject, parse_object
from shared.core.wire.operations import CALL, spec_of
from shared.core.wire.tail import (
    MAX_USAGE_BYTES,
    TAIL_BYTES,
    Tail,
    of_json,
    of_stream,
    usage_of,
)
from tests.unit.envelopes import json_values

CHAT = spec_of("chat.completions")
USAGE: JsonObject = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}


def sse(*chunks: object) -> bytes:
    return b"".join(
        b"data: " + (chunk if isinstance(chunk, bytes) else json.dumps(chunk).encode()) + b"\n\n"
        for chunk in chunks
    )


def delta(finish_reason: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": finish_reason}],
        **more,
    }


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", Tail(finished=False, usage=None)),
        (sse(delta()), Tail(finished=False, usage=None)),
        (sse(delta(), b"[DONE]"), Tail(finished=True, usage=None)),
        (sse(delta("stop")), Tail(finished=True, usage=None)),
        (sse(delta("content_filter")), Tail(finished=True, usage=None)),
        (
            sse(delta("stop", usage=None), {"choices": [], "usage": USAGE}, b"[DONE]"),
            Tail(finished=True, usage=USAGE),
        ),
        (sse({"choices": [], "usage": USAGE}), Tail(finished=False, usage=USAGE)),
        (sse({"choices": [], "prompt_filter_results": []}), Tail(finished=False, usage=None)),
        (
            sse(delta("stop"), {"choices": [{"content_filter_offsets": {}}]}),
            Tail(finished=True, usage=None),
        ),
        (sse(delta("stop"))[:-2], Tail(finished=False, usage=None)),  # a frame that was cut is none
        (
            sse({"choices": [{"index": 1, "finish_reason": "stop"}]}),
            Tail(finished=True, usage=None),
        ),
        (
            sse(delta("stop"), {"choices": [{"index": 1, "delta": {}, "finish_reason": None}]}),
            Tail(finished=False, usage=None),
        ),
        (
            sse({"choices": [{"index": 1, "delta": {}, "finish_reason": None}]}, delta("stop")),
            Tail(finished=False, usage=None),
        ),
        (
            sse(delta("stop"), {"choices": [{"index": 1, "finish_reason": "length"}]}),
            Tail(finished=True, usage=None),
        ),
        (
            sse({"type": "response.created", "response": {"usage": None}}),
            Tail(finished=False, usage=None),
        ),
        (
            sse({"type": "response.completed", "response": {"usage": USAGE}}),
            Tail(finished=True, usage=USAGE),
        ),
        (sse({"type": "response.incomplete", "response": {}}), Tail(finished=True, usage=None)),
        (
            sse({"type": "response.failed", "response": {"usage": USAGE}}),
            Tail(finished=True, usage=USAGE, failed=True),
        ),
        (
            b": keep-alive\n\n" + sse(b"nonsense", b"[]", b"1", b"[DONE]"),
            Tail(finished=True, usage=None),
        ),
        (
            sse({"choices": "none", "usage": "none"}, {"choices": [7, None]}),
            Tail(finished=False, usage=None),
        ),
    ],
)
def test_the_end_of_a_stream(body: bytes, expected: Tail) -> None:
    assert of_stream(body, whole=True) == expected


@pytest.mark.parametrize(
    ("far", "failed"),
    [
        ({"error": {"message": "m"}}, True),
        ({"code": "c", "message": "m"}, True),
        ({"type": "response.failed"}, True),
        (delta(), False),
    ],
)
def test_what_stands_far_before_the_end_counts_too(far: object, failed: bool) -> None:
    silence = b": " + b"-" * 4096 + b"\n\n"
    usage = {"choices": [], "usage": USAGE}
    expected = Tail(finished=True, usage=USAGE, failed=failed)
    assert of_stream(sse(far) + silence + sse(usage, b"[DONE]"), whole=True) == expected
    assert of_stream(sse(far, usage) + silence + sse(b"[DONE]"), whole=True) == expected


@pytest.mark.parametrize("blank", [b"\n\n", b"\r\n\r\n", b"\r\r"])
def test_the_event_that_a_tail_cuts_is_skipped(blank: bytes) -> None:
    body = b'data: {"usage": {"wrong": 1}, "choices": []}' + blank + b"data: [DONE]" + blank
    assert of_stream(body[8:], whole=False) == Tail(finished=True, usage=None)
    assert of_stream(body[-4:], whole=False) == Tail(finished=False, usage=None)


def test_a_byte_order_mark_behind_the_cut_event_is_no_beginning() -> None:
    """Its line is none that the decoder knows, as in the whole stream."""
    body = (
        sse({"cut": 1})
        + b'\xef\xbb\xbfdata: {"choices": [],\n'
        + sse({"choices": [], "usage": USAGE})
        + sse(delta("stop"))
    )
    assert (
        of_stream(body[3:], whole=False)
        == of_stream(body, whole=True)
        == Tail(finished=True, usage=USAGE)
    )


_LINES = st.sampled_from(
    [
        *(
            b"data: " + json.dumps(chunk).encode()
            for chunk in (delta(), delta("stop"), delta("stop", usage=USAGE))
        ),
        *(
            b"data:" + json.dumps(chunk).encode()
            for chunk in ({"error": {"message": "m"}}, {"code": "c", "message": "m"})
        ),
        b'data: {"choices": [{"finish_reason":',
        b'data: "stop", "index": 1}]}',
        b'data: {"usage"',
        b'data: : {"prompt_tokens": 1}}',
        b'data: {"type": "response.completed", "response": {"usage": {"total_tokens": 2}}}',
        b"data: [DONE]",
        b"data:[DONE]",
        b"data",
        b": comment",
        b"event: error",
        b'note: {"usage": {}}',
        b'\xef\xbb\xbfdata: {"usage": {"total_tokens": 3}}',
        b"",
        b"",
        b"",
    ]
)


@given(st.lists(_LINES, max_size=30), st.lists(_LINES, max_size=10))
def test_an_end_says_the_same_however_much_stands_before_it(
    before: list[bytes], lines: list[bytes]
) -> None:
    """Most events are not decoded where the last ones tell all. An event without data tells
    nothing, whatever its length.
    """
    far, near = (
        b"".join(line + b"\n" for line in (*before, b"", *middle, b"", *lines))
        for middle in ([b": " + b"-" * 4096], [])
    )
    assert of_stream(far, whole=True) == of_stream(near, whole=True)


@given(st.integers(0, 400))
def test_wherever_a_stream_is_cut_its_end_is_found(at: int) -> None:
    body = sse(delta(), delta(), {"choices": [], "usage": USAGE}, b"[DONE]")
    start = max(0, len(body) - at)
    end = of_stream(body[start:], whole=start == 0)
    usage_at = body.index(b'data: {"choices": [], "usage"')
    assert end.finished is (start + 2 <= body.index(b"data: [DONE]"))
    assert end.usage == (USAGE if start + 2 <= usage_at else None)


@pytest.mark.parametrize(
    ("body", "usage"),
    [
        (json.dumps({"usage": USAGE}).encode(), USAGE),
        (b"{}", None),
        (b"not json", None),
        (json.dumps({"usage": USAGE, "padding": "x" * TAIL_BYTES}).encode(), None),
    ],
)
def test_a_json_body_that_arrived_whole_is_finished(body: bytes, usage: object) -> None:
    assert of_json(body, CHAT) == Tail(finished=True, usage=usage)  # type: ignore[arg-type]


def test_a_usage_that_is_too_large_for_an_envelope_is_left_to_enrichment() -> None:
    large = {"note": "x" * MAX_USAGE_BYTES}
    assert of_json(json.dumps({"usage": large}).encode(), CHAT).usage is None
    assert of_stream(sse({"choices": [], "usage": large}, b"[DONE]"), whole=True) == Tail(
        finished=True, usage=None
    )


SAID = (
    "type",
    "usage",
    "error",
    "code",
    "message",
    "choices",
    "response",
    "finish_reason",
    "index",
)
chunks = st.dictionaries(
    st.sampled_from(SAID),
    json_values
    | st.lists(st.dictionaries(st.sampled_from(SAID), json_values, max_size=3), max_size=2),
    max_size=5,
)


@given(st.lists(chunks, max_size=3))
def test_chunks_of_any_shape_never_raise(payloads: list[dict[str, Any]]) -> None:
    """What tells of an end, an error or usage may hold anything; the record of the exchange hangs
    on it.
    """
    of_stream(sse(*payloads), whole=True)
    of_json(json.dumps(payloads[0] if payloads else payloads).encode(), CHAT)


@given(st.binary(), st.booleans())
def test_arbitrary_bytes_never_raise(body: bytes, whole: bool) -> None:
    for start in (b"", b"data: ", b"data: {", b'data: {"choices":[{'):
        of_stream(start + body + b"\n\n", whole=whole)
        of_json(start + body, CHAT)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        ("[1]", {}),
        ("null", {}),
        ("", {}),
        ("{", {}),
        (b"\xff", {}),
        (
            '{"a": NaN, "b": -Infinity, "c": 1e999, "d": 1.5}',
            {"a": None, "b": None, "c": None, "d": 1.5},
        ),
        ('{"a": ' + "9" * 5000 + "}", {"a": None}),
        ('{"a": ' + "[" * 100_000, {}),
        ('{"a": ' + "[" * MAX_DEPTH + "]" * MAX_DEPTH + "}", {}),
    ],
)
def test_an_object_is_read_and_anything_else_is_empty(text: str | bytes, value: object) -> None:
    assert parse_object(text) == value


def test_what_is_nested_as_deep_as_real_bodies_is_read() -> None:
    depth = MAX_DEPTH - 2
    assert parse_object('{"a": ' + "[" * depth + "0" * 1 + "]" * depth + "}")


@pytest.mark.parametrize(
    ("chunk", "usage"),
    [
        ({"usage": USAGE}, USAGE),
        ({"usage": None}, None),
        ({"usage": [1]}, None),
        ({"response": {"usage": USAGE}}, USAGE),
        ({"response": {"usage": None}}, None),
        ({"response": "text"}, None),
        ({}, None),
    ],
)
def test_usage_stands_in_the_chunk_or_in_the_response_within(
    chunk: dict[str, Any], usage: object
) -> None:
    assert usage_of(chunk) == usage


def test_an_object_that_is_read_has_a_usage_and_an_error_of_its_own() -> None:
    """A poll of a batch, a job or a run says nothing of the call."""
    for body in (
        {"object": "batch", "usage": USAGE},
        {"object": "fine_tuning.job", "status": "failed", "error": {"code": "c", "message": "m"}},
    ):
        assert of_json(json.dumps(body).encode(), CALL) == Tail(finished=True, usage=None)


@pytest.mark.parametrize("body", [{"error": {"code": None}}, {"code": 0, "message": "ok"}])
def test_a_success_may_have_members_of_an_error(body: JsonObject) -> None:
    assert not of_json(json.dumps(body).encode(), CHAT).failed


def test_usage_of_zeros_does_not_replace_figures() -> None:
    zeros: JsonObject = dict.fromkeys(USAGE, 0)
    body = sse(
        delta("stop"),
        {"choices": [], "usage": USAGE},
        {"choices": [], "usage": zeros},
        b"[DONE]",
    )
    assert of_stream(body, whole=True).usage == USAGE
    assert of_stream(sse({"choices": [], "usage": zeros}, b"[DONE]"), whole=True).usage == zeros
