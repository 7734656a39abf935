"""Chunks that repeat the last one with another content are read as if they had been parsed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.answer.reader import Body, read
from shared.core.answer.repeated import Repeated
from shared.core.answer.shapes import Answer

BODY = Body(operation="chat.completions", status_code=200, content_type="text/event-stream")
COMPACT = (",", ":")
FILTERED = {"hate": {"filtered": False, "severity": "safe"}}


def chunk(
    content: str | None,
    choice: dict[str, Any] | None = None,
    delta: dict[str, Any] | None = None,
    **more: Any,
) -> str:
    said = {} if content is None else {"content": content}
    choices = [{"index": 0, "delta": said | (delta or {}), "finish_reason": None} | (choice or {})]
    return json.dumps({"id": "c", "choices": choices, "usage": None} | more, separators=COMPACT)


def stream(*chunks: str) -> bytes:
    return "".join(f"data: {each}\n\n" for each in chunks).encode("utf-8", "surrogatepass")


def learnt(data: str) -> Repeated:
    repeated = Repeated()
    repeated.learn(data, json.loads(data))
    return repeated


@given(st.text())
def test_the_content_of_a_repeated_chunk_is_read(content: str) -> None:
    assert learnt(chunk("a")).content(chunk(content)) == content


@pytest.mark.parametrize(
    "other",
    [
        chunk("b", {"index": 1}),
        chunk("b", {"finish_reason": "stop"}),
        chunk("b", id="d"),
        chunk("b", usage={"total_tokens": 1}),
        chunk("b", usage=True),  # as long as null
        chunk("b", delta={"refusal": "no"}),
        chunk(None),
        chunk("b")[:-1],
        chunk("b") + "}",
        chunk("b").replace('"b"', '"b","content":"c"'),
        chunk("b").replace('"b"', '"b'),
        chunk("b").replace('"b"', '"\n"'),
        chunk("b").replace('"b"', r'"\x"'),
        chunk("b").replace('"b"', "1"),
        chunk("b" * 70_000),
        "",
    ],
)
def test_any_other_chunk_is_left_to_the_parser(other: str) -> None:
    assert learnt(chunk("a")).content(other) is None


@pytest.mark.parametrize(
    "unlike",
    [
        # each of these is collected from every chunk
        chunk("a", {"logprobs": {"content": [{"token": "a"}]}}),
        chunk("a", {"content_filter_offsets": {"start_offset": 1}}),
        chunk("a", {"text": "a"}),
        chunk("a", delta={"tool_calls": []}),
        chunk(""),
        chunk(None),
        chunk("a", choices=[]),
        chunk("a", choices=[*json.loads(chunk("a"))["choices"], 7]),
        chunk("a", choices=[7]),
        chunk("a", choices="a"),
        chunk("a").replace(":", ": "),
        # the wrong place
        json.dumps({"note": {"content": "a"}} | json.loads(chunk("a")), separators=COMPACT),
        chunk("a").replace('"a"', '"b","content":"a"'),
    ],
)
def test_what_cannot_be_told_apart_or_must_be_read_each_time_is_not_learnt(unlike: str) -> None:
    assert learnt(unlike).content(unlike) is None


def test_a_chunk_of_another_kind_makes_the_last_one_forgotten() -> None:
    repeated = learnt(chunk("a"))
    other = chunk(None, {"finish_reason": "stop"})
    repeated.learn(other, json.loads(other))
    assert repeated.content(chunk("b")) is None


def test_where_no_chunk_repeats_another_learning_is_given_up() -> None:
    repeated = Repeated()
    for times, expected in ((7, "b"), (7, "b"), (8, None)):
        for number in range(times):
            noisy = chunk("a", noise="n" * number)
            repeated.learn(noisy, json.loads(noisy))
        repeated.learn(chunk("a"), json.loads(chunk("a")))
        assert repeated.content(chunk("b")) == expected


def test_a_repeated_chunk_that_its_event_calls_an_error_is_one() -> None:
    like, failed = chunk("a", error=None), chunk("b", error=None)
    answer = read([stream(like, like) + b"event: error\n" + stream(failed)], BODY)
    assert (answer.content, answer.error) == ("aab", json.loads(failed))


_CHUNKS = st.builds(
    chunk,
    st.sampled_from(["a", "é→", "\ud800", '"\\', ""]) | st.none(),
    st.sampled_from(
        [
            {},
            {},
            {},
            {"index": 1},
            {"finish_reason": "stop"},
            {"logprobs": {"content": [{"token": "a"}]}},
            {"content_filter_results": FILTERED},
            {
                "content_filter_results": FILTERED,
                "content_filter_offsets": {"start_offset": 1, "end_offset": 2},
            },
            {"text": "t"},
        ]
    ),
    st.sampled_from([{}, {}, {}, {"role": "assistant"}, {"refusal": "r"}]),
) | st.sampled_from(
    [
        "[DONE]",
        "nonsense",
        json.dumps({"choices": [], "usage": {"total_tokens": 1}}, separators=COMPACT),
        json.dumps({"error": {"code": "c", "content": "a"}}, separators=COMPACT),
        json.dumps(
            {"choices": [{"delta": {"content": "a"}}, {"delta": {"content": "b"}}]},
            separators=COMPACT,
        ),
    ]
)


@given(st.lists(_CHUNKS, max_size=20))
def test_a_stream_says_what_it_would_say_if_no_chunk_were_like_another(chunks: list[str]) -> None:
    distinct = [
        f'{{"n":{number},{each[1:]}' if each.startswith("{") else each
        for number, each in enumerate(chunks)
    ]
    assert _said(read([stream(*chunks)], BODY)) == _said(read([stream(*distinct)], BODY))


def _said(answer: Answer) -> dict[str, Any]:
    return {
        name: getattr(answer, name)
        for name in answer.__dataclass_fields__
        if name != "first_token_end"
    }
