"""The shapes of the stand-in's answers: a stream holds the document's content, in every variant."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest

from emulators.azure_openai import chat, completions, images, request_parser, responses
from emulators.azure_openai.choices import ModelOutput, generate
from emulators.azure_openai.directives import parse
from emulators.azure_openai.responses_stream import stream

MESSAGES = [{"role": "user", "content": "hello there"}]
SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "unit": {"enum": ["C", "F"]},
        "days": {"type": "array", "items": {"type": "integer"}},
        "where": {
            "type": "object",
            "properties": {"exact": {"type": "boolean"}, "height": {"type": "number"}},
        },
    },
}
FUNCTIONS = [{"name": name, "parameters": SCHEMA} for name in ("weather", "clock")]
TOOLS = [{"type": "function", "function": function} for function in FUNCTIONS]
STRUCTURED = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}
VARIANTS: list[tuple[dict[str, object], str]] = [
    ({}, ""),
    ({"n": 3}, ""),
    ({"tools": TOOLS}, ""),
    ({"tools": TOOLS, "n": 2}, ""),
    ({"functions": FUNCTIONS}, ""),
    ({"response_format": STRUCTURED}, ""),
    ({"max_tokens": 5}, ""),
    ({"logprobs": True}, ""),
    ({"data_sources": [{}]}, ""),
    ({"modalities": ["text", "audio"]}, ""),
    ({}, "content_size=5000; chunks=7"),
    ({}, "refusal"),
    ({}, "annotations"),
    ({}, "content_filter"),
    ({}, "async_filter; chunks=20"),
    ({}, "reasoning_tokens=9; cached_tokens=2; service_tier=priority; model=o4"),
]


def model_output(request: dict[str, object], directives: str) -> ModelOutput:
    """A request as the shapes get it."""
    return generate(request_parser.read(json.dumps(request).encode()), parse(directives), "gpt-4o")


def payloads(events: Iterable[bytes]) -> list[dict[str, object]]:
    """The JSON of each event."""
    lines = [line for event in events for line in event.split(b"\n") if line.startswith(b"data: {")]
    return [json.loads(line.removeprefix(b"data: ")) for line in lines]


def merge(into: dict[str, object], delta: dict[str, object]) -> None:
    """Put a delta in, as the API reference says: strings grow, lists of `index`ed items merge by
    index.
    """
    for key, value in delta.items():
        present = into.get(key)
        if isinstance(value, list) and value and isinstance(value[0], dict) and "index" in value[0]:
            items = into.setdefault(key, [])
            assert isinstance(items, list)
            for item in value:
                if item["index"] == len(items):
                    items.append({})
                merge(
                    items[item["index"]],
                    {name: part for name, part in item.items() if name != "index"},
                )
        elif isinstance(value, dict) and isinstance(present, dict):
            merge(present, value)
        elif isinstance(value, str) and isinstance(present, str) and key not in {"role", "id"}:
            into[key] = present + value
        else:
            into[key] = dict(value) if isinstance(value, dict) else value


@pytest.mark.parametrize(("more", "directives"), VARIANTS)
def test_a_chat_stream_says_what_the_document_says(
    more: dict[str, object], directives: str
) -> None:
    """Messages, finish reasons, usage, model and id, put together from the deltas."""
    request = {"messages": MESSAGES, **more}
    whole = chat.completion(model_output(request, directives))
    messages: dict[int, dict[str, object]] = {}
    finishes: dict[int, object] = {}
    usage = None
    streaming = {**request, "stream": True, "stream_options": {"include_usage": True}}
    for chunk in payloads(chat.events(model_output(streaming, directives))):
        usage = chunk["usage"] or usage
        assert (chunk["model"], chunk["id"]) in {(whole["model"], whole["id"]), ("", "")}
        for choice in chunk["choices"]:  # type: ignore[attr-defined]
            merge(messages.setdefault(choice["index"], {}), choice.get("delta", {}))
            finishes[choice["index"]] = choice["finish_reason"] or finishes.get(choice["index"])
    assert usage == whole["usage"]
    for choice in whole["choices"]:  # type: ignore[attr-defined]
        message = choice["message"]
        streamed = {key: value or None for key, value in messages[choice["index"]].items()}
        assert streamed == {
            key: value or None for key, value in message.items() if value or key in streamed
        }
        assert finishes[choice["index"]] == choice["finish_reason"]


@pytest.mark.parametrize(
    "directives", ["", "content_filter", "error_in_200", "no_finish", "no_done"]
)
def test_a_completions_stream_says_what_the_document_says(directives: str) -> None:
    """Legacy completions, with several prompts and choices, unless the stream is to break."""
    request = {
        "prompt": "one two",
        "n": 2,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    output = model_output(request, directives)
    body = completions.respond(output).body
    assert not isinstance(body, bytes)
    events = list(body)
    texts = ["", ""]
    for chunk in payloads(events):
        for choice in chunk.get("choices", ()):  # type: ignore[attr-defined]
            texts[choice["index"]] += choice["text"]
    assert (texts == [choice.text for choice in output.choices]) is (directives != "error_in_200")
    assert (events[-1] == b"data: [DONE]\n\n") is (directives in {"", "content_filter"})


@pytest.mark.parametrize(
    ("more", "directives", "status"),
    [
        ({}, "", "completed"),
        ({"tools": [{"type": "function", **function} for function in FUNCTIONS]}, "", "completed"),
        ({"reasoning": {"effort": "low", "summary": "auto"}}, "reasoning_tokens=5", "completed"),
        ({"max_output_tokens": 4}, "", "incomplete"),
        ({}, "content_filter", "incomplete"),
        ({}, "refusal", "completed"),
        ({}, "annotations", "completed"),
        ({}, "failed", "failed"),
    ],
)
def test_a_response_stream_ends_with_the_whole_response(
    more: dict[str, object], directives: str, status: str
) -> None:
    """Its last event carries the document, and its `done` items are the document's output."""
    output = model_output({"input": "hello there", "stream": True, **more}, directives)
    events = payloads(stream(output, "resp_1"))
    document = responses.document(output, "resp_1", status)
    assert (events[-1]["type"], events[-1]["response"]) == (f"response.{status}", document)
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert status == "failed" or done == document["output"]
    text = "".join(
        str(event["delta"]) for event in events if str(event["type"]).endswith("output_text.delta")
    )
    assert text in {output.choices[0].text, ""} or status == "failed"
    assert document["usage"]


def test_a_sample_fits_its_schema() -> None:
    """Arguments have the schema's properties with values of their types."""
    call = model_output({"messages": MESSAGES, "tools": TOOLS}, "").choices[0].calls[0]
    value = json.loads(call.arguments)
    assert (type(value["city"]), type(value["days"][0]), type(value["where"]["exact"])) == (
        str,
        int,
        bool,
    )
    assert value["unit"] in {"C", "F"}


@pytest.mark.parametrize(("n", "status"), [(1, 200), (2, 400)])
def test_a_stream_of_images_holds_one(n: int, status: int) -> None:
    """Azure OpenAI refuses a stream of more."""
    body = json.dumps({"prompt": "a horse", "stream": True, "n": n}).encode()
    output = generate(request_parser.read(body), parse(""), "gpt-image-1")
    assert images.respond(output).status == status
