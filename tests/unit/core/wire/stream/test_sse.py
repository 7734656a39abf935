"""Server-sent events, by the rules of the WHATWG HTML standard, 9.2.6."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cutting import every_way
from shared.core.answer.reader import AnswerBody, read_steps
from shared.core.wire.stream.sse import SseDecoder, SseEvent, decode
from tests.unit.core.wire.scanning import MOST_LINES, count_slices

MB = 1024 * 1024

type Events = list[tuple[str, str]]  # (event, data)

CASES: dict[str, tuple[bytes, Events]] = {
    "LF": (b"data: a\n\ndata: b\n\n", [("message", "a"), ("message", "b")]),
    "CRLF": (b"data: a\r\n\r\ndata: b\r\n\r\n", [("message", "a"), ("message", "b")]),
    "CR": (b"data: a\r\rdata: b\r\r", [("message", "a"), ("message", "b")]),
    "mixed line ends": (b"data: a\r\ndata: b\rdata: c\n\r\n", [("message", "a\nb\nc")]),
    "CR LF is one line end, not a blank line": (
        b"data: a\r\ndata: b\r\n\r\n",
        [("message", "a\nb")],
    ),
    "LF CR is two line ends": (b"data: a\n\rdata: b\n\n", [("message", "a"), ("message", "b")]),
    "leading BOM": (b"\xef\xbb\xbfdata: a\n\n", [("message", "a")]),
    "only the first BOM is dropped": (
        b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\ndata: b\n\n",
        [("message", "b")],
    ),
    "BOM of a later line belongs to its field": (
        b"data: a\n\xef\xbb\xbfdata: b\n\n",
        [("message", "a")],
    ),
    "comments": (b": keep-alive\n\n:\n\ndata: a\n: within\ndata: b\n\n", [("message", "a\nb")]),
    "several data lines": (b"data: a\ndata: b\n\n", [("message", "a\nb")]),
    "no space after the colon": (b"data:a\n\n", [("message", "a")]),
    "one space is dropped, a second stays": (b"data:  a\n\n", [("message", " a")]),
    "a tab stays": (b"data:\ta\n\n", [("message", "\ta")]),
    "colons within the value": (b"data: a:b: c\n\n", [("message", "a:b: c")]),
    "field without a colon": (b"data\n\n", [("message", "")]),
    "two fields without a colon": (b"data\ndata\n\n", [("message", "\n")]),
    "empty data": (b"data:\n\n", [("message", "")]),
    "event without data is dropped": (b"event: ping\n\ndata: a\n\n", [("message", "a")]),
    "named event": (b"event: response.created\ndata: {}\n\n", [("response.created", "{}")]),
    "the name holds for one event": (
        b"event: x\ndata: a\n\ndata: b\n\n",
        [("x", "a"), ("message", "b")],
    ),
    "the last name wins": (b"event: x\nevent: y\ndata: a\n\n", [("y", "a")]),
    "unknown fields": (
        b"id: 7\nretry: 10\nDATA: no\n data: no\ndata : no\ndata: a\n\n",
        [("message", "a")],
    ),
    "blank lines between events": (b"\n\n\ndata: a\n\n\n\n", [("message", "a")]),
    "U+2028, U+2029, U+0085, VT, FF end no line": (
        "data: a\u2028b\u2029c\u0085d\x0be\x0cf\n\n".encode(),
        [("message", "a\u2028b\u2029c\u0085d\x0be\x0cf")],
    ),
    "multi-byte characters": ("data: žluťoučký 🐎\n\n".encode(), [("message", "žluťoučký 🐎")]),
    "what is not UTF-8 is replaced": (
        b"data: a\xff\xe2\x82\n\ndata: b\n\n",
        [("message", "a\ufffd\ufffd"), ("message", "b")],
    ),
    "NUL": (b"data: a\0b\n\n", [("message", "a\0b")]),
    "the end of a chat stream": (
        b'data: {"a":1}\n\ndata: [DONE]\n\n',
        [("message", '{"a":1}'), ("message", "[DONE]")],
    ),
    "what has no blank line behind it is not dispatched": (
        b"data: a\n\ndata: b\n",
        [("message", "a")],
    ),
    "nothing": (b"", []),
}


@pytest.mark.parametrize("case", CASES)
def test_streams_are_decoded_as_the_standard_says(case: str) -> None:
    """It does not matter how they are cut."""
    body, expected = CASES[case]
    for pieces in every_way(body):
        assert values_of(events_of(pieces)) == expected


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_an_event_ends_where_the_next_one_begins(end: bytes) -> None:
    """The offset is after the blank line; the LF of a CRLF that ends it counts as the next event's
    first byte.
    """
    first, second = b"data: a" + end + end, b": comment" + end + b"data: b" + end + end
    spare = 1 if end == b"\r\n" else 0
    for pieces in every_way(first + second):
        assert [event.end for event in events_of(pieces)] == [
            len(first) - spare,
            len(first + second) - spare,
        ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"data: a\n\ndata: b", [("message", "a"), ("message", "b")]),
        (b"data: a\n\ndata: b\n", [("message", "a"), ("message", "b")]),
        (b"data: a\n\ndata: b\r", [("message", "a"), ("message", "b")]),
        (b"event: x\ndata: {\xe2\x82", [("x", "{\ufffd")]),
        (b"data: a\n\n: comm", [("message", "a")]),
        (b"data: a\n\nda", [("message", "a")]),
        (b"data: a\r\n\r\n", [("message", "a")]),
        (b"\xef\xbb\xbf", []),
        (b"", []),
    ],
)
def test_a_cut_stream_gives_its_unfinished_event(body: bytes, expected: Events) -> None:
    assert values_of(decode(body)) == expected
    for pieces in every_way(body):
        decoder = SseDecoder()
        events = [event for piece in pieces for event in decoder.feed(piece)]
        open_event = decoder.flush()
        assert values_of([*events, *([open_event] if open_event else [])]) == expected
        if open_event:
            assert open_event.end == len(body)


fragments = st.sampled_from(
    [
        b"\r",
        b"\n",
        b"\r\n",
        b"data:",
        b"data: ",
        b"event: ",
        b":",
        b"\xef\xbb\xbf",
        "é🐎\u2028".encode(),
    ]
)
streams = st.lists(fragments | st.binary(max_size=12), max_size=30).map(b"".join)


@given(streams, st.data())
def test_where_a_stream_is_cut_changes_nothing(body: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=10)))
    pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert events_of(pieces) == events_of([body])


@given(streams)
def test_arbitrary_bytes_never_raise_and_offsets_only_grow(body: bytes) -> None:
    ends = [event.end for event in decode(body)]
    assert ends == sorted(ends)
    assert all(0 < end <= len(body) for end in ends)


names = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), min_size=1)
values = st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]))


@given(st.lists(st.tuples(names, values)), st.sampled_from(["\n", "\r\n", "\r"]))
def test_what_was_written_as_the_standard_says_is_read_back(events: Events, line_end: str) -> None:
    written = "".join(
        "".join(
            f"{line}{line_end}"
            for line in [f"event: {name}", *(f"data: {part}" for part in data.split("\n")), ""]
        )
        for name, data in events
    )
    assert values_of(decode(written.encode())) == events


@pytest.mark.no_cover
@pytest.mark.parametrize("unit", [b"\n", b"\r", b"\r\n", b":\n", b"x"])
def test_a_stream_of_nothing_is_read_in_short_slices(unit: bytes) -> None:
    """Line ends, empty comments, one line."""
    body = unit * (MB // 8 // len(unit))
    about = AnswerBody(operation="chat.completions", content_type="text/event-stream")
    read, slices = count_slices(read_steps([body], about))
    assert not read.content
    assert slices.count > 30
    assert slices.most_lines < MOST_LINES


def events_of(pieces: list[bytes]) -> list[SseEvent]:
    decoder = SseDecoder()
    return [event for piece in pieces for event in decoder.feed(piece)]


def values_of(events: Iterable[SseEvent]) -> Events:
    return [(event.event, event.data) for event in events]
