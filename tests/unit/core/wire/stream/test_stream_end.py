"""The ends of an event and of a stream: one definition, which agrees with the decoder and with
itself in bytes and in text.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.wire.operations import LAST_RESPONSE_EVENTS
from shared.core.wire.stream.held_end import HeldEnd
from shared.core.wire.stream.sse import SseDecoder
from shared.core.wire.stream.stream_end import (
    DONE,
    EVENT_END,
    LAST_EVENTS,
    LONGEST_EVENT_END,
    MARKS,
    ends_event,
    ends_stream,
    is_usage_chunk,
    may_hold_usage_chunk,
    reports_error,
)

LINES = st.lists(
    st.sampled_from([b"data: a", b"event: b", b": c", b"", b"\n", b"\r", b"\r\n", b"\n\n"]),
    max_size=12,
)


@given(LINES)
def test_event_ends_are_those_of_the_decoder(lines: list[bytes]) -> None:
    """Where an event ends in bytes, the decoder has dispatched it. Nothing that was written before
    such a place can become part of a later event.
    """
    body = b"".join(lines)
    for match in EVENT_END.finditer(body):
        decoder = SseDecoder()
        list(decoder.feed(body[: match.end()]))
        assert decoder.flush() is None


@given(LINES)
def test_bytes_end_an_event_exactly_where_the_pattern_ends(lines: list[bytes]) -> None:
    """The last LONGEST_EVENT_END bytes alone decide it."""
    body = b"".join(lines)
    ended = any(
        match.end() == len(body) for at in range(len(body)) if (match := EVENT_END.match(body, at))
    )
    assert ends_event(body) == ends_event(body[-LONGEST_EVENT_END:]) == ended


@pytest.mark.parametrize("kind", sorted(LAST_EVENTS))
def test_a_last_event_is_recognised_before_it_is_parsed(kind: str) -> None:
    """Its type or its SSE name says so."""
    assert ends_stream({"type": kind})
    assert ends_stream({}, kind)
    assert any(mark.search(f'{{"type":"{kind}"}}'.encode()) for mark in MARKS)


@pytest.mark.parametrize(
    "line",
    [f"data: {DONE}", f"data:{DONE}", *(f"event: {kind}" for kind in sorted(LAST_RESPONSE_EVENTS))],
)
def test_capture_policy_required_holds_back_the_end_of_a_stream(line: str) -> None:
    """The held-back bytes are the end mark and all after it, and not a byte before it."""
    before, end = b"data: {}\n\n", line.encode() + b"\n\n"
    held_end = HeldEnd()
    assert held_end.feed(before + end, is_stream=True) == before
    assert held_end.held == end


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (b'data: {"choices":[],"usage":{"total_tokens":1}}\n\n', True),
        (b'data: {"choices": [], "usage" : {"total_tokens":1}}\r\n\r\n', True),
        (b'data: {"choices":[],"usage":null}\n\n', False),
        (b'data: {"choices":[{}],"usage":{"total_tokens":1}}\n\n', False),
        (b'data: {"choices":[],"usage":[1]}\n\n', False),
        (b'data: {"usage":{"total_tokens":1}}\n\n', True),
        (b'data: {"choices":null,"usage":{"total_tokens":1}}\n\n', True),
        (b'data: {"error":{"code":"c"},"usage":{"total_tokens":1}}\n\n', False),
        (
            b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m",'
            b'"system_fingerprint":"fp","service_tier":"default","choices":[],'
            b'"usage":{"total_tokens":1},"obfuscation":"aX","error":null,'
            b'"prompt_filter_results":[]}\n\n',
            True,
        ),
        (
            b'data: {"choices":[],"usage":{"total_tokens":1},'
            b'"prompt_filter_results":[{"prompt_index":0}]}\n\n',
            False,
        ),
        (
            b'data: {"choices":[],"usage":{"total_tokens":1},'
            b'"prompt_annotations":[{"prompt_index":0}]}\n\n',
            False,
        ),
        (b"data: [DONE]\n\n", False),
    ],
)
def test_the_usage_chunk(event: bytes, expected: bool) -> None:
    """A usage object without a choice or other content; what is cheap never misses one."""
    assert is_usage_chunk(event) is expected
    assert may_hold_usage_chunk(event) or not expected


@pytest.mark.parametrize(
    ("chunk", "failed"),
    [
        ({"error": {"message": "m"}}, True),
        ({"type": "error", "message": "m"}, True),
        ({"type": "response.failed"}, True),
        ({"code": "c", "message": "m"}, True),
        ({"code": "c", "message": "m", "choices": []}, False),
        ({"error": None}, False),
        ({}, False),
    ],
)
def test_an_event_that_reports_an_error(chunk: dict[str, Any], failed: bool) -> None:
    assert reports_error(chunk) is failed
