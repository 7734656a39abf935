"""Taking the usage chunk out: the client gets the bytes of all events but that one, however the
network cut them.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cutting import every_way
from shared.core.wire.steps import run_to_end
from shared.core.wire.stream import usage_chunk
from shared.core.wire.stream.usage_chunk import UsageChunkFilter
from tests.unit.core.wire.scanning import MOST_LINES, count_slices

USAGE = {"prompt_tokens": 4, "completion_tokens": 5, "total_tokens": 9}
USAGE_CHUNK = {"id": "1", "choices": [], "usage": USAGE}
CHUNKS = [
    {"choices": [], "prompt_filter_results": [{"prompt_index": 0}], "usage": None},
    {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}], "usage": None},
    {
        "choices": [{"index": 0, "delta": {"content": 'h\u00e9 "usage": {\u2028\n\n'}}],
        "usage": None,
    },
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": USAGE},
    {"choices": [], "usage": {}, "x": ["choices"]},
]
LINE_ENDS = ["\n", "\r\n", "\r"]


def event(
    data: object, line_end: str = "\n", before: str = "", *, blank_line: str | None = None
) -> bytes:
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return (
        f"{before}data: {text}{line_end}{line_end if blank_line is None else blank_line}".encode()
    )


def filter_pieces(pieces: list[bytes]) -> bytes:
    """All bytes that the client gets."""
    chunk_filter = UsageChunkFilter()

    def output_of(piece: bytes) -> bytes:
        return (
            run_to_end(chunk_filter.feed_steps(piece))
            if len(piece) > usage_chunk.SLICE_BYTES
            else chunk_filter.feed(piece)
        )

    return b"".join(map(output_of, pieces)) + chunk_filter.flush()


@pytest.mark.parametrize("line_end", LINE_ENDS, ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("comment", [False, True], ids=["plain", "comments"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"], ids=["", "BOM"])
def test_only_the_usage_chunk_is_missing(line_end: str, comment: bool, bom: bytes) -> None:
    """A whole stream in Azure's order, cut in every way."""
    before = f": beat{line_end}" if comment else ""
    events = [
        bom,
        *(event(chunk, line_end, before) for chunk in CHUNKS[:4]),
        event("[DONE]", line_end, before),
    ]
    stream = b"".join([*events[:-1], event(USAGE_CHUNK, line_end, before), events[-1]])
    for pieces in every_way(stream):
        assert filter_pieces(pieces) == b"".join(events)


@given(st.data())
def test_any_events_in_any_pieces(data: st.DataObject) -> None:
    """Any order, several usage chunks or none, line ends mixed from line to line, long texts, an
    end that is cut short.
    """
    line_ends = st.sampled_from(LINE_ENDS)
    others = st.sampled_from([*CHUNKS[:4], "[DONE]", "nonsense", "x" * 300])
    parts = []
    for _ in range(data.draw(st.integers(0, 8))):
        chunk = data.draw(others | st.just(USAGE_CHUNK))
        line_end = data.draw(line_ends)
        # CR before LF would be one line end
        blank_line = "\r" if line_end == "\r" else data.draw(line_ends)
        parts.append((event(chunk, line_end, blank_line=blank_line), chunk is not USAGE_CHUNK))
    stream = b"".join(part for part, _ in parts)
    rest = data.draw(
        st.sampled_from(
            [
                b"",
                b"data: [DONE]",
                b"data: {",
                b": beat\n",
                b"" if stream.endswith(b"\r") else b"\n",
            ]
        )
    )
    stream += rest
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    pieces = [
        stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            usage_chunk, "LONGEST_HELD", data.draw(st.sampled_from([128, 200, 64 * 1024]))
        )
        patch.setattr(usage_chunk, "SLICE_BYTES", data.draw(st.sampled_from([2, 30, 8 * 1024])))
        assert filter_pieces(pieces) == b"".join(part for part, stays in parts if stays) + rest


@given(st.lists(st.binary(max_size=40), max_size=10))
def test_nothing_else_is_ever_lost(pieces: list[bytes]) -> None:
    """Bytes that are not a stream of chunks pass unchanged."""
    assert filter_pieces(pieces) == b"".join(pieces)


def test_a_whole_event_passes_at_once() -> None:
    """A complete event passes even if the next one has started, which waits for its end."""
    chunk_filter = UsageChunkFilter()
    first, second = event(CHUNKS[1]), event(CHUNKS[2])
    assert chunk_filter.feed(first) == first
    assert chunk_filter.feed(second + first[:9]) == second
    assert chunk_filter.feed(first[9:-1]) == b""
    assert chunk_filter.feed(first[-1:] + second) == first + second


def test_a_long_event_does_not_wait_for_its_end() -> None:
    """At most 16 KiB are held; a usage chunk after it is still found, even if the blank line before
    it is cut.
    """
    chunk_filter = UsageChunkFilter()
    long = event({"choices": [{"delta": {"content": "x" * 200_000}}]})
    pieces = [
        chunk_filter.feed(long[start : start + 10_000]) for start in range(0, len(long) - 1, 10_000)
    ]
    assert len(b"".join(pieces)) > len(long) - 20
    pieces.append(chunk_filter.feed(event(USAGE_CHUNK)))
    assert b"".join(pieces) == long
    assert chunk_filter.flush() == b""


@pytest.mark.no_cover
@pytest.mark.parametrize("line_end", LINE_ENDS, ids=["LF", "CRLF", "CR"])
def test_a_large_piece_of_tiny_events_is_looked_into_in_slices(line_end: str) -> None:
    """Each event has to be decoded, and none is the usage chunk."""
    piece = event({"choices": [1], "usage": {}}, line_end) * 5000
    output, slices = count_slices(UsageChunkFilter().feed_steps(piece))
    assert output == piece
    assert slices.count > 20
    assert slices.most_lines < MOST_LINES


@pytest.mark.parametrize("cut", [1, 2, 3, 4])
def test_the_end_of_a_long_event_may_be_cut(cut: int) -> None:
    """Anywhere within CR LF CR LF."""
    long, last = event({"choices": "x" * 70_000}, "\r\n"), event(USAGE_CHUNK, "\r\n")
    stream = long + last
    at = len(long) - cut
    assert filter_pieces([stream[:at], stream[at:]]) == long
    assert filter_pieces([stream[:at], stream[at : at + 1], stream[at + 1 :]]) == long


@pytest.mark.parametrize(
    "chunk",
    [
        {"choices": [{"index": 0, "delta": {}}], "usage": USAGE},
        {"choices": [], "usage": None},
        {"error": {"code": "c"}, "usage": USAGE},
        {"choices": [], "usage": USAGE, "prompt_filter_results": [{"prompt_index": 0}]},
        {"response": {"usage": USAGE}},
    ],
    ids=str,
)
def test_what_is_not_exactly_the_usage_chunk_stays(chunk: object) -> None:
    """A chunk that also holds content for the client stays, as do unknown shapes."""
    stream = event(chunk)
    assert all(filter_pieces(pieces) == stream for pieces in every_way(stream))
