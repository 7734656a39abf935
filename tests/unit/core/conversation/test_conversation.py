"""Prompt and answer of every operation as a conversation."""

from __future__ import annotations

import pytest

from shared.core.conversation import Part, conversation, searched_text
from shared.core.wire.json.json_shape import Json, JsonObject, mappings
from tests.unit.view.events import GOLDEN, golden, sample_event


def message_lines(event: JsonObject) -> list[str]:
    """`source role: kind text` of each message."""
    return [
        f"{message.source} {message.role}: " + " | ".join(_part(part) for part in message.parts)
        for message in conversation(event)
    ]


def _part(part: Part) -> str:
    words = (part.kind, part.name, part.id, part.media_type, part.size, part.text)
    return " ".join(str(word) for word in words if word is not None)


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (
            "chat_files_in_prompt",
            [
                "prompt user: text What is this? [image/png, 68 bytes, sha256 "
                "e788da3f909ab67fc80065ba0f5ace9501dc6b70128b9a728db0128997492c86] (inline)"
                " | image image/png 68 | image https://example.com/cat.png"
                " | file a.pdf application/pdf 15",
                "answer assistant: text A cat.",
            ],
        ),
        (
            "chat_stream_tool_calls",
            [
                "prompt system: text You are terse.",
                "prompt user: text Say hello in Greek: καλημέρα?",
                'answer assistant: tool_call get_weather call_a {"city":"Αθήνα"}'
                ' | tool_call get_time call_b {"zone":"EET"} | tool_call run_sql call_c SELECT 1',
            ],
        ),
        (
            "chat_stream_refusal",
            [
                "prompt system: text You are terse.",
                "prompt user: text Say hello in Greek: καλημέρα?",
                "answer assistant: reasoning Hm.  | refusal I cannot.",
            ],
        ),
        (
            "completions_stream",
            [
                "prompt user: text Once",
                "prompt user: text Twice",
                "answer assistant: text  upon a time",
                "answer assistant: text  two",
            ],
        ),
        (
            "responses",
            [
                "prompt system: text Be brief.",
                "prompt user: text Weather? | image image/png 68",
                "answer assistant: reasoning Thinking of Athens.",
                "answer assistant: text It is  | text sunny.",
                'answer assistant: tool_call get_time call_1 {"zone":"EET"}',
            ],
        ),
        (
            "embeddings",
            [
                "prompt user: text one",
                "prompt user: text two",
                "answer assistant: other embeddings 2 vectors of 256 dimensions",
            ],
        ),
        (
            "images_edit_stream",
            [
                "prompt user: text Add a hat — καπέλο",
                "prompt user: image cat.png image/png 68",
                "answer assistant: image image/png 68",
            ],
        ),
        (
            "audio_transcription",
            [
                "prompt user: text Names: Eleni",
                "prompt user: audio speech.wav audio/wav 119",
                "answer assistant: text Good day, Eleni.",
            ],
        ),
        (
            "audio_speech",
            [
                "prompt system: text Cheerful.",
                "prompt user: text Good day.",
                "answer assistant: audio audio/wav 100",
            ],
        ),
        (
            "chat_stream_audio",
            [
                "prompt user: text Listen: | audio wav audio/wav 100",
                "answer assistant: audio audio_1 100 Good day.",
            ],
        ),
        ("call", []),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_operation_is_shown_as_messages(case: str, expected: list[str]) -> None:
    assert message_lines(golden(case)) == expected


def test_a_tools_result_names_the_call_that_it_answers() -> None:
    prompt: Json = [
        {"role": "assistant", "content": None, "tool_calls": [_CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "12 °C"},
        {"role": "tool", "tool_call_id": "call_2", "content": [{"type": "text", "text": "rain"}]},
    ]
    assert message_lines(sample_event(prompt=prompt, choices=[], content="")) == [
        'prompt assistant: tool_call weather call_1 {"city":"Athens"}',
        "prompt tool: tool_result call_1 12 °C",
        "prompt tool: tool_result call_2 rain",
    ]


_CALL: Json = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city":"Athens"}'},
}


def test_results_of_tools_in_the_responses_api() -> None:
    prompt: Json = [
        {"type": "function_call_output", "call_id": "call_1", "output": "12 °C"},
        {
            "type": "function_call_output",
            "call_id": "call_2",
            "output": [{"type": "input_text", "text": "rain"}],
        },
        {"type": "web_search_call", "id": "ws_1"},
    ]
    event = sample_event(prompt=prompt, operation="responses", choices=[], content="")
    assert message_lines(event) == [
        "prompt tool: tool_result call_1 12 °C",
        "prompt tool: tool_result call_2 rain",
        'prompt assistant: other web_search_call {"type": "web_search_call", "id": "ws_1"}',
    ]


@pytest.mark.parametrize("case", GOLDEN)
def test_no_text_of_a_prompt_or_an_answer_is_left_out(case: str) -> None:
    """The text that a filter searches holds all that `content` and the messages say."""
    event = golden(case)
    text = searched_text(event)
    assert str(event["content"]) in text or event["output"]
    for message in mappings(event["prompt"]):
        if isinstance(message.get("content"), str):
            assert str(message["content"]) in text


@pytest.mark.parametrize(
    "prompt", [None, 7, [None, 3], [[1, 2]], [{"role": "user", "content": 7}], {"a": "b"}]
)
def test_a_prompt_of_any_shape_is_shown(prompt: Json) -> None:
    """An event of any shape is shown; what has no known shape is left out."""
    assert conversation(sample_event(prompt=prompt, choices=[None, {}], output=[7]))
    assert conversation(sample_event(prompt=prompt, operation="responses", choices=[]))
