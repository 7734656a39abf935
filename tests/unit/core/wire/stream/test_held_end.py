"""Holding the end of a response: all of it, nothing else, however the network cuts."""

from __future__ import annotations

import pytest

from harness.cutting import every_way
from shared.core.wire.stream.held_end import HeldEnd

DELTA = b'data: {"choices": [{"delta": {"content": "data: [DONE] event: response.completed"}}]}'


def through(pieces: list[bytes], *, is_stream: bool) -> tuple[bytes, bytes]:
    held_end = HeldEnd()
    passed = b"".join(held_end.feed(piece, is_stream=is_stream) for piece in pieces)
    return passed, held_end.held


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize(
    "end",
    [
        b"data: [DONE]",
        b"data:[DONE]",
        b"event: response.completed|data: {}",
        b"event: response.incomplete|data: {}",
        b"event:response.failed|data: {}",
    ],
)
def test_only_the_last_event_is_held(end: bytes, line_end: bytes) -> None:
    """All before it passes."""
    before = (
        DELTA
        + line_end * 2
        + b": data: [DONE]"
        + line_end * 2
        + b"event: response.created"
        + line_end
        + b"data: {}"
        + line_end * 2
    )
    last = end.replace(b"|", line_end) + line_end * 2
    for pieces in every_way(before + last):
        assert through(pieces, is_stream=True) == (before, last)


def test_a_stream_that_begins_with_its_end_is_held_whole() -> None:
    for pieces in every_way(b"data: [DONE]\n\n"):
        assert through(pieces, is_stream=True) == (b"", b"data: [DONE]\n\n")


def test_nothing_of_a_stream_is_held_up_before_its_end() -> None:
    held_end = HeldEnd()
    for byte in (b"d", b"at", b"a: ", b"[DO"):
        assert held_end.feed(byte, is_stream=True) == b""
    assert held_end.feed(b"T]\n\n", is_stream=True) == b"data: [DOT]\n\n", (
        "as soon as it can no longer become the end"
    )
    assert held_end.feed(DELTA + b"\n\n", is_stream=True) == DELTA + b"\n\n"
    assert held_end.held == b""


def test_of_anything_else_the_last_byte_is_held() -> None:
    for pieces in every_way(b'{"object": "list"}'):
        assert through(pieces, is_stream=False) == (b'{"object": "list"', b"}")


def test_of_nothing_nothing_is_held() -> None:
    assert through([b"", b""], is_stream=False) == (b"", b"")
