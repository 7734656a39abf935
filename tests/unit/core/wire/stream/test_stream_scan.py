"""How a stream ended, whatever its size and however it is cut."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cutting import cut_at_random, every_way
from shared.core.wire.json.json_shape import JsonObject
from shared.core.wire.stream.stream_findings import PARSED_BYTES
from shared.core.wire.stream.stream_scan import PENDING_BYTES, StreamScan, scan
from shared.core.wire.stream.tail import Tail
from tests.unit.core.strategies import json_values

USAGE: JsonObject = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}


BOM = b"\xef\xbb\xbf"


def scan_pieces(pieces: list[bytes], choices: int | None = 1) -> Tail:
    """The end of a stream that arrives in these pieces."""
    scanner = StreamScan(choices)
    for piece in pieces:
        scanner.feed(piece)
    return scanner.tail()


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
        (sse(delta("stop"))[:-2], Tail(finished=False, usage=None, open_end=True)),
        (sse(delta("stop"))[:-3], Tail(finished=False, usage=None)),
        (b"data: [DONE]", Tail(finished=False, usage=None, open_end=True)),
        (b"data: [DON", Tail(finished=False, usage=None)),
        (sse(delta("")), Tail(finished=False, usage=None)),
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
    """The stream may be cut anywhere, and its lines may end in any way."""
    for variant in (body, body.replace(b"\n", b"\r\n"), body.replace(b"\n", b"\r"), BOM + body):
        assert {repr(scan_pieces(pieces)) for pieces in every_way(variant)} == {repr(expected)}


@pytest.mark.parametrize("silence", [0, 2_000, PENDING_BYTES, 5 * PENDING_BYTES])
@pytest.mark.parametrize("size", [10, PARSED_BYTES, PENDING_BYTES, 3 * PENDING_BYTES])
@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            {"type": "response.completed", "response": {"text": ..., "usage": USAGE}},
            Tail(finished=True, usage=USAGE),
        ),
        (
            {"type": "response.completed", "response": {"usage": USAGE, "text": ...}},
            Tail(finished=True, usage=None),
        ),
        (
            {"type": "response.failed", "response": {"text": ..., "usage": None}},
            Tail(finished=True, usage=None, failed=True),
        ),
        (
            {"type": "response.in_progress", "response": {"text": ..., "usage": None}},
            Tail(finished=False, usage=None),
        ),
        (
            {
                "type": "response.in_progress",
                "response": {"text": ..., "tools": [{"properties": {"usage": {"type": "string"}}}]},
            },
            Tail(finished=False, usage=None),
        ),
        (
            {"id": "c", "choices": [{"index": 0, "text": ..., "finish_reason": "stop"}]},
            Tail(finished=True, usage=None),
        ),
        (
            {"id": "c", "choices": [{"index": 0, "text": ..., "finish_reason": None}]},
            Tail(finished=False, usage=None),
        ),
        (
            {"error": {"message": ..., "code": "c"}},
            Tail(finished=False, usage=None, failed=True),
        ),
        (
            {"statusCode": 429, "message": ...},
            Tail(finished=False, usage=None, failed=True),
        ),
    ],
)
def test_an_event_of_any_size_is_read_alike(
    event: JsonObject, expected: Tail, size: int, silence: int
) -> None:
    """It does not matter what follows it. A usage object that is far from both ends of a large
    event is left to enrichment.
    """
    text = json.dumps("x" * size)
    data = json.dumps(event, default=lambda _: "...").replace('"..."', text).encode()
    body = b"data: " + data + b"\n\n" + b": " + b"-" * silence + b"\n\n"
    for seed in range(3):
        tail = scan_pieces(cut_at_random(body, seed))
        assert (tail.finished, tail.failed, tail.unsure) == (
            expected.finished,
            expected.failed,
            False,
        )
        assert tail.usage == expected.usage or (size == 10 and tail.usage == USAGE)
    assert not scan(body[: -len(b"\n\n") - silence - len(b": \n\n") - 10]).finished


def test_a_large_event_may_stay_unknown() -> None:
    """Its first and last members may not say what it is. Nothing is added then, and HTTP decides
    whether the stream is complete.
    """
    event = {"payload": "x" * PENDING_BYTES, "finish_reason": "stop"}
    assert scan(sse(event)) == Tail(finished=False, usage=None, unsure=True)


def test_the_end_of_unknown_choices_is_unsure() -> None:
    """There may be more choices than have begun."""
    assert scan(sse(delta("stop")), choices=None) == Tail(finished=False, usage=None, unsure=True)
    assert scan(sse(delta("stop")), choices=2) == Tail(finished=False, usage=None)
    assert scan(sse(delta("stop"), b"[DONE]"), choices=None).finished


def test_only_the_last_marked_events_are_read() -> None:
    """There may be more of them than can be read."""
    many = sse(*[{"code": 1}] * 3_000)
    assert scan(many).unsure
    assert scan(many + sse(delta("stop", usage=USAGE), b"[DONE]")) == Tail(
        finished=True, usage=USAGE, unsure=True
    )


@given(st.binary(max_size=40), st.integers(0, 40))
def test_a_document_is_not_taken_for_a_stream(rest: bytes, at: int) -> None:
    """It does not matter how it is cut."""
    for start, is_document in ((b"{", True), (BOM + b" \n[", True), (b"data: {", False)):
        body = start + rest
        scanner = StreamScan()
        for piece in (body[:at], body[at:]):
            scanner.feed(piece)
        assert scanner.is_document is is_document


def test_the_next_sequence_number_follows_the_last_one() -> None:
    events = [{"type": "a", "sequence_number": number} for number in (0, 1, 41)]
    for body, expected in ((sse(*events), 42), (sse(delta()), 0), (b"", 0)):
        scanner = StreamScan()
        scanner.feed(body)
        assert scanner.next_sequence_number == expected


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
    assert scan(sse(far) + silence + sse(usage, b"[DONE]")) == expected
    assert scan(sse(far, usage) + silence + sse(b"[DONE]")) == expected


def test_usage_of_zeros_does_not_replace_figures() -> None:
    zeros: JsonObject = dict.fromkeys(USAGE, 0)
    body = sse(
        delta("stop"),
        {"choices": [], "usage": USAGE},
        {"choices": [], "usage": zeros},
        b"[DONE]",
    )
    assert scan(body).usage == USAGE
    assert scan(sse({"choices": [], "usage": zeros}, b"[DONE]")).usage == zeros


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
    assert scan(far) == scan(near)


MEMBERS = (
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
    st.sampled_from(MEMBERS),
    json_values
    | st.lists(st.dictionaries(st.sampled_from(MEMBERS), json_values, max_size=3), max_size=2),
    max_size=5,
)


@given(st.lists(chunks, max_size=3))
def test_chunks_of_any_shape_never_raise(payloads: list[dict[str, Any]]) -> None:
    """A chunk with the marks of an end, an error or usage may hold anything; the record of the
    exchange hangs on it.
    """
    scan(sse(*payloads))


@given(st.binary())
def test_arbitrary_bytes_never_raise(body: bytes) -> None:
    for start in (b"", b"data: ", b"data: {", b'data: {"choices":[{'):
        scan(start + body + b"\n\n")


def test_a_done_with_something_after_it_is_one() -> None:
    """OpenAI's own SDK looks at the beginning of the data alone."""
    assert scan(b"data: {}\n\ndata: [DONE] \n\n").finished


@pytest.mark.parametrize("size", [10, 300_000])
def test_the_next_sequence_number_outlasts_what_was_dropped(size: int) -> None:
    """An error frame after many or large events continues the numbers."""
    stream = StreamScan()
    for number in range(600_000 // size if size > 10 else 9_000):
        data = json.dumps({"type": "x", "text": "a" * size, "sequence_number": number})
        stream.feed(f"data: {data}\n\n".encode())
        assert stream.next_sequence_number == number + 1 or number % 100
    assert stream.next_sequence_number == number + 1


def test_a_large_choice_is_known_by_its_index_wherever_it_stands() -> None:
    """The last choice ends in an event that is too large to be parsed."""

    def chunk(index: int, content: str) -> bytes:
        choice = {"delta": {"content": content}, "finish_reason": "stop", "index": index}
        return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"

    assert scan(chunk(0, "a") + chunk(1, "x" * (PARSED_BYTES + 1000)), 2).finished


def test_usage_that_is_too_deep_is_left_out() -> None:
    """Enrichment reads it from the capture."""
    usage = '{"a":1,"x":' + "[" * 298 + "]" * 298 + "}"
    body = f'data: {{"choices":[],"usage":{usage}}}\n\ndata: [DONE]\n\n'.encode()
    assert scan(body).usage is None


def test_small_pieces_take_little_memory() -> None:
    """A worker holds hundreds of streams, and an object of three bytes takes 35 and a place in a
    list.
    """
    scanner = StreamScan()
    tracemalloc.start()
    try:
        for number in range(80_000):
            scanner.feed(b"%03d" % (number % 1000))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 1.25 * 240_000
