"""The official OpenAI SDK, pointed straight at the stand-in."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Iterator, Sequence

import openai
import pytest

from harness.stand_in_process import DEADLINE_S, StandIn, running


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandIn]:
    """One stand-in for all tests of this module."""
    with running() as process:
        yield process


# The official SDK


@pytest.fixture
def sdk(stand_in: StandIn) -> Iterator[openai.AzureOpenAI]:
    """The SDK, pointed at the stand-in with nothing but address and key."""
    with openai.AzureOpenAI(
        azure_endpoint=stand_in.url, api_key="any", api_version="2024-10-21", max_retries=0
    ) as client:
        yield client


@pytest.fixture
def v1(stand_in: StandIn) -> Iterator[openai.OpenAI]:
    """The plain OpenAI SDK on the versionless API, which sends its key as a bearer token."""
    with openai.OpenAI(
        base_url=f"{stand_in.url}/openai/v1/", api_key="any", max_retries=0
    ) as client:
        yield client


USER: openai.types.chat.ChatCompletionUserMessageParam = {"role": "user", "content": "hello there"}


def tool(name: str) -> openai.types.chat.ChatCompletionToolParam:
    """A tool with two parameters."""
    schema: dict[str, object] = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    }
    return {"type": "function", "function": {"name": name, "parameters": schema}}


def test_the_sdk_reads_a_completion_and_its_stream(sdk: openai.AzureOpenAI) -> None:
    """Text, model, usage, and n choices."""
    whole = sdk.chat.completions.create(model="gpt-4o", messages=[USER], n=2)
    assert whole.model == "gpt-4o-2024-11-20"
    assert whole.usage
    assert whole.usage.completion_tokens == 40
    texts = ["", ""]
    for chunk in sdk.chat.completions.create(model="gpt-4o", messages=[USER], n=2, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    assert texts == [choice.message.content for choice in whole.choices]
    assert texts[0] != texts[1]


def test_the_async_sdk_reads_a_stream(stand_in: StandIn) -> None:
    """AsyncAzureOpenAI too."""

    async def read() -> int:
        async with openai.AsyncAzureOpenAI(
            azure_endpoint=stand_in.url, api_key="any", api_version="2024-10-21"
        ) as client:
            stream = await client.chat.completions.create(
                model="gpt-4o--chunks=5", messages=[USER], stream=True
            )
            return len([chunk async for chunk in stream])

    assert asyncio.run(read()) == 1 + 1 + 5 + 1


def call_fields(calls: Sequence[object]) -> list[tuple[str, str, str]]:
    """Id, name and arguments of each call."""
    functions = [
        call
        for call in calls
        if isinstance(call, openai.types.chat.ChatCompletionMessageFunctionToolCall)
    ]
    return [(call.id, call.function.name, call.function.arguments) for call in functions]


def test_the_sdk_puts_streamed_tool_calls_together(sdk: openai.AzureOpenAI) -> None:
    """Two calls whose arguments arrive in turn, the same as in the document; after their results,
    text.
    """
    tools = [tool("weather"), tool("clock")]
    whole = sdk.chat.completions.create(model="gpt-4o", messages=[USER], tools=tools).choices[0]
    with sdk.chat.completions.stream(model="gpt-4o", messages=[USER], tools=tools) as stream:
        streamed = stream.get_final_completion().choices[0]
    assert whole.finish_reason == streamed.finish_reason == "tool_calls"
    assert whole.message.tool_calls
    assert streamed.message.tool_calls
    assert len(whole.message.tool_calls) == 2
    assert call_fields(whole.message.tool_calls) == call_fields(streamed.message.tool_calls)
    result: openai.types.chat.ChatCompletionToolMessageParam = {
        "role": "tool",
        "tool_call_id": "x",
        "content": "12",
    }
    after = sdk.chat.completions.create(
        model="gpt-4o", messages=[USER, result], tools=tools
    ).choices[0]
    assert (after.finish_reason, after.message.tool_calls) == ("stop", None)


def test_directives_fit_into_a_deployments_name(sdk: openai.AzureOpenAI) -> None:
    """An SDK that can set no header gets its failure as well."""
    with pytest.raises(openai.RateLimitError) as raised:
        sdk.chat.completions.create(model="gpt-4o--status=429,retry_after=7", messages=[USER])
    assert raised.value.response.headers["retry-after"] == "7"


def test_the_sdk_raises_an_error_inside_a_stream(sdk: openai.AzureOpenAI) -> None:
    """An error event becomes an exception."""
    with pytest.raises(openai.APIError):
        list(
            sdk.chat.completions.create(model="gpt-4o--error_in_200", messages=[USER], stream=True)
        )


def test_the_sdk_reads_the_other_operations(sdk: openai.AzureOpenAI) -> None:
    """Legacy completions, embeddings, images, speech and transcription."""
    assert sdk.completions.create(model="gpt-4o", prompt=["one", "two"]).choices[1].text
    streamed = sdk.completions.create(model="gpt-4o", prompt="one", stream=True)
    assert "".join(chunk.choices[0].text for chunk in streamed if chunk.choices)
    embedded = sdk.embeddings.create(
        model="text-embedding-3-small", input=["one", "two"], dimensions=8
    )
    assert [len(item.embedding) for item in embedded.data] == [8, 8]
    image = sdk.images.generate(model="gpt-image-1", prompt="a harbour")
    assert image.data
    assert base64.b64decode(image.data[0].b64_json or "").startswith(b"\x89PNG")
    transcript = sdk.audio.transcriptions.create(model="whisper", file=("a.wav", b"RIFF" * 50_000))
    assert transcript.text
    spoken = sdk.audio.speech.create(model="tts--content_size=5000", voice="alloy", input="hello")
    assert len(spoken.read()) == 5000


def test_the_sdk_reads_responses(v1: openai.OpenAI) -> None:
    """Created, streamed, asked for again, listed, deleted; each with an id of its own."""
    whole = v1.responses.create(model="gpt-4o", input="hello there")
    assert whole.usage
    assert whole.usage.output_tokens == 20
    events = list(v1.responses.create(model="gpt-4o", input="hello there", stream=True))
    assert (events[0].type, events[-1].type) == ("response.created", "response.completed")
    assert [event.sequence_number for event in events] == list(range(len(events)))
    again = v1.responses.retrieve(whole.id)
    assert (again.output_text, again.usage) == (whole.output_text, whole.usage)
    rest = list(v1.responses.retrieve(whole.id, stream=True, starting_after=3))
    assert rest[0].sequence_number == 4
    assert len(v1.responses.input_items.list(whole.id).data) == 1
    v1.responses.delete(whole.id)
    with pytest.raises(openai.NotFoundError):
        v1.responses.retrieve(whole.id)


def test_the_sdk_reads_a_compacted_conversation(v1: openai.OpenAI) -> None:
    """It holds the user's messages, and one encrypted item."""
    compacted = v1.responses.compact(
        model="gpt-5",
        input=[
            {"role": "user", "content": "hello there"},
            {"role": "assistant", "content": "hello"},
            {"role": "user", "content": "and now?"},
        ],
    )
    assert [item.type for item in compacted.output][-1] == "compaction"
    assert len(compacted.output) == 3
    assert compacted.usage.total_tokens > 0


def test_a_background_response_is_over_later(v1: openai.OpenAI) -> None:
    """Queued without usage, then in progress, then completed with usage; or cancelled."""
    created = v1.responses.create(
        model="gpt-4o--background_ms=1500", input="hello", background=True
    )
    assert (created.status, created.usage) == ("queued", None)
    until = time.monotonic() + DEADLINE_S
    responses = [created]
    while responses[-1].status != "completed" and time.monotonic() < until:
        responses.append(v1.responses.retrieve(created.id))
    assert {response.status for response in responses[1:]} == {"in_progress", "completed"}
    assert responses[-1].usage
    slow = v1.responses.create(model="gpt-4o--background_ms=60000", input="hello", background=True)
    assert v1.responses.cancel(slow.id).status == "cancelled"


def test_the_sdk_reads_files_batches_and_models(sdk: openai.AzureOpenAI) -> None:
    """The simple documents have the shapes that the SDK expects."""
    uploaded = sdk.files.create(file=("in.jsonl", b"{}\n"), purpose="batch")
    assert (uploaded.filename, uploaded.purpose) == ("in.jsonl", "batch")
    batch = sdk.batches.create(
        completion_window="24h", endpoint="/v1/chat/completions", input_file_id=uploaded.id
    )
    assert sdk.batches.retrieve(batch.id).status == "completed"
    assert sdk.files.content(uploaded.id).read()
    assert sdk.models.list().data
