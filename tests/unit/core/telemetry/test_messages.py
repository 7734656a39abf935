"""Prompt and answer in the shapes of OpenTelemetry's conventions."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from shared.core.event import builder
from shared.core.event.shape import Event
from shared.core.telemetry.messages import LIMIT_BYTES, Messages, messages_of
from shared.core.wire.content_mode import ContentMode
from shared.core.wire.json.json_shape import Json
from tests.golden import load, names

# The members that model/gen-ai/gen-ai-input-messages.json and gen-ai-output-messages.json of
# open-telemetry/semantic-conventions-genai at 2b902ce1 demand of each part.
_REQUIRED: dict[str, dict[str, type]] = {
    "text": {"content": str},
    "reasoning": {"content": str},
    "tool_call": {"name": str},
    "tool_call_response": {"response": object},
    "server_tool_call": {"name": str, "server_tool_call": dict},
    "uri": {"modality": str, "uri": str},
}
_OWN = {"omitted"}  # a part of any other type is a generic one
_SYSTEM = {"role": "system", "parts": [{"type": "text", "content": "You are terse."}]}


def sample_event(case: str, **changes: Any) -> Event:
    loaded = load(case)
    event = builder.build(loaded.envelope, loaded.request, loaded.response, None)
    return replace(event, **changes)


def of_case(case: str, **changes: Any) -> Messages:
    messages = messages_of(sample_event(case, **changes), ())
    assert messages is not None
    return messages


def parse(value: str | None) -> Any:
    return json.loads(value or "[]")


@pytest.mark.parametrize("case", names())
def test_every_part_has_what_the_conventions_demand(case: str) -> None:
    messages = messages_of(sample_event(case), ("stop",))
    if messages is None:
        return
    for message in [*parse(messages.input), *parse(messages.output)]:
        assert isinstance(message["role"], str)
        for part in message["parts"]:
            assert part["type"] in _REQUIRED.keys() | _OWN, part
            for member, kind in _REQUIRED.get(part["type"], {}).items():
                assert isinstance(part[member], kind), part
    assert all(part["type"] == "text" for part in parse(messages.system_instructions))


def test_system_messages_of_a_chat_stay_among_the_input() -> None:
    """Only instructions that the API takes separately are system instructions."""
    messages = of_case("chat")
    assert messages.system_instructions is None
    assert parse(messages.input)[0] == _SYSTEM
    (answer,) = parse(messages.output)
    content = sample_event("chat").content
    assert answer == {"role": "assistant", "parts": [{"type": "text", "content": content}]}


def test_a_response_is_one_message_with_its_items_as_parts() -> None:
    messages = of_case("responses")
    assert parse(messages.system_instructions) == [{"type": "text", "content": "Be brief."}]
    assert [message["role"] for message in parse(messages.input)] == ["user"]
    (answer,) = parse(messages.output)
    assert [part["type"] for part in answer["parts"]] == [
        "reasoning", "text", "text", "tool_call"
    ]  # fmt: skip


def test_each_choice_is_a_message_with_its_finish_reason() -> None:
    messages = messages_of(sample_event("chat_stream_two_choices"), ("stop", "error"))
    assert messages is not None
    outputs = parse(messages.output)
    assert [output["finish_reason"] for output in outputs] == ["stop", "error"]


def test_calls_of_tools_and_their_results_are_values() -> None:
    call: Json = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    prompt: Json = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "21 degrees"},
    ]
    assert [message["parts"] for message in parse(of_case("chat", prompt=prompt).input)] == [
        [{"type": "tool_call", "id": "c", "name": "f", "arguments": {"a": 1}}],
        [{"type": "tool_call_response", "id": "c", "response": "21 degrees"}],
    ]


def test_files_are_addresses_or_left_out() -> None:
    parts = [part for one in parse(of_case("chat_files_in_prompt").input) for part in one["parts"]]
    assert parts[1:] == [
        {"type": "omitted", "modality": "image", "mime_type": "image/png", "bytes": 68},
        {"type": "uri", "modality": "image", "uri": "https://example.com/cat.png"},
        {
            "type": "omitted",
            "modality": "document",
            "mime_type": "application/pdf",
            "name": "a.pdf",
            "bytes": 15,
        },
    ]


def test_nothing_is_reported_of_what_is_not_recorded() -> None:
    """Nothing is reported either of a call that is not an inference."""
    assert messages_of(sample_event("chat", content_mode=ContentMode.METADATA), ()) is None
    assert messages_of(sample_event("chat_stream_metadata"), ()) is None
    assert messages_of(sample_event("embeddings"), ()) is None
    assert messages_of(sample_event("responses_get"), ()) is None
    assert messages_of(sample_event("call"), ()) is None


def test_long_texts_are_cut_and_the_last_messages_stay() -> None:
    """The texts that `content` repeats are not left out of the choices instead."""
    turns: list[Json] = [{"role": "user", "content": f"{n} " + "x" * 900} for n in range(2000)]
    messages = of_case("chat", prompt=turns)
    inputs = parse(messages.input)
    assert len(messages.input or "") < 2 * LIMIT_BYTES
    assert inputs[0]["parts"][0]["content"].startswith("0 x")
    assert inputs[-1]["parts"][0]["content"].startswith("1999 x")
    long = "y" * 2 * LIMIT_BYTES
    event = sample_event("chat")
    cut = of_case("chat", content=long, choices=(replace(event.choices[0], content=long),))
    assert parse(cut.output)[0]["parts"][0]["content"].startswith("yyy")
    assert len(cut.output or "") < 2 * LIMIT_BYTES
