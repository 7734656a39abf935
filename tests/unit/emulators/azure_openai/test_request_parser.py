"""How the stand-in reads a request and counts tokens."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulators.azure_openai import multipart, request_parser, texts


def body(**request: object) -> bytes:
    """A request body."""
    return json.dumps(request).encode()


HELLO = [{"role": "user", "content": "hello there"}]


def test_prompt_tokens_are_words_plus_four_for_each_message() -> None:
    """Text parts count, data URLs don't."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    parts = [{"type": "text", "text": "what is it"}, image]
    assert request_parser.read(body(messages=HELLO)).prompt_tokens == 2 + 4
    assert (
        request_parser.read(
            body(messages=[*HELLO, {"role": "user", "content": parts}])
        ).prompt_tokens
        == 2 + 3 + 8
    )
    assert request_parser.read(body(input=["one two", "three"])).prompt_tokens == 3


def test_only_the_texts_make_the_seed() -> None:
    """Streaming, usage and model change the shape of a response, not its content."""
    plain = request_parser.read(body(messages=HELLO))
    streamed = request_parser.read(
        body(messages=HELLO, stream=True, stream_options={"include_usage": True}, model="x")
    )
    other = request_parser.read(body(messages=[{"role": "user", "content": "hello where"}]))
    assert plain.seed == streamed.seed != other.seed
    assert streamed.include_usage
    assert not plain.include_usage


TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {}}}
    for name in ("weather", "clock")
]


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ({}, ["weather", "clock"]),
        ({"tool_choice": "none"}, []),
        ({"tool_choice": {"type": "function", "function": {"name": "clock"}}}, ["clock"]),
        ({"parallel_tool_calls": False}, ["weather"]),
    ],
)
def test_tool_choice_says_what_may_be_called(more: dict[str, object], names: list[str]) -> None:
    """All tools, none, the chosen one, or one at a time."""
    assert [
        tool.name for tool in request_parser.read(body(messages=HELLO, tools=TOOLS, **more)).tools
    ] == names


@pytest.mark.parametrize("broken", [b"", b"{", b"[]", b"\xff"])
def test_a_body_that_is_not_an_object_is_rejected(broken: bytes) -> None:
    """Anything but a JSON object raises NotJsonError."""
    with pytest.raises(request_parser.NotJsonError):
        request_parser.read(broken)


# 2 cores, shared
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from(["messages", "input", "tools", "n", "tool_choice"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.sampled_from(["", "none", "tool"]),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["role", "content", "function"]), inner)
            ),
            max_leaves=6,
        ),
    )
)
def test_any_object_can_be_read(request_: dict[str, object]) -> None:
    """Odd values of known members do not raise."""
    assert request_parser.read(json.dumps(request_).encode()).prompt_tokens >= 0


@pytest.mark.parametrize("size", [1, 7, 8, 100, 1_000_001])
def test_a_text_has_exactly_the_requested_size(size: int) -> None:
    """content_size counts bytes."""
    assert len("".join(texts.pieces("seed", 20, size)).encode()) == size


def test_a_text_depends_on_its_seed() -> None:
    """A text has a word a piece and is the same for the same seed. One piece is one token."""
    pieces = texts.pieces("seed", 300)
    assert texts.tokens("".join(pieces)) == 300
    assert pieces == texts.pieces("seed", 300)
    assert "\u2028" in "".join(pieces)


def test_upload_fields_are_found_before_and_after_a_large_file() -> None:
    """Fields within 64 KB of either end are found; the boundary is not part of the seed."""

    def upload(boundary: str) -> bytes:
        file = 'name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n' + "x" * 300_000
        parts = ['name="model"\r\n\r\nwhisper', file, 'name="stream"\r\n\r\ntrue']
        head = f"--{boundary}\r\nContent-Disposition: form-data; "
        return (
            "".join(f"{head}{part}\r\n" for part in parts).encode() + f"--{boundary}--\r\n".encode()
        )

    request = multipart.read(upload("one"))
    assert request.text("model") == "whisper"
    assert request.text("filename") == "a.wav"
    assert request.flag("stream")
    assert request.seed == multipart.read(upload("two")).seed
