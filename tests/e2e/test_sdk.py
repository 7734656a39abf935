"""The official OpenAI SDK, pointed at the proxy with nothing but address and key, and the event of
each call.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Final

import pytest
from openai import AsyncAzureOpenAI, AzureOpenAI, RateLimitError
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolUnionParam

from harness import upstream_record
from harness.chat import API_VERSION, CALLER_KEY, PROMPT, new_deployment
from harness.event_log import EventLog
from local.stack import Stack
from tests.e2e.conftest import on_embedded_alone

MESSAGES: Final[list[ChatCompletionMessageParam]] = [{"role": "user", "content": PROMPT}]
WEATHER: Final[ChatCompletionToolUnionParam] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather at a place",
        "parameters": {
            "type": "object",
            "properties": {"place": {"type": "string"}},
            "required": ["place"],
        },
    },
}


@pytest.fixture
def client(stack: Stack) -> AzureOpenAI:
    return AzureOpenAI(azure_endpoint=stack.proxy_url, api_key=CALLER_KEY, api_version=API_VERSION)


@on_embedded_alone
def test_a_completion_and_its_event_say_the_same(client: AzureOpenAI, events: EventLog) -> None:
    """Every key that consumers parse equals the value that the client got."""
    deployment, before = new_deployment(), datetime.now(UTC).replace(tzinfo=None)
    with client:
        raw = client.chat.completions.with_raw_response.create(model=deployment, messages=MESSAGES)
        completion = raw.parse()
    event = events.one(exchange_id=raw.headers["x-exchange-id"])
    assert completion.usage is not None
    assert event["type"] == "completion"
    assert event["content"] == completion.choices[0].message.content
    assert event["usage"]["total_tokens"] == completion.usage.total_tokens
    assert event["model"] == completion.model
    assert event["prompt"] == MESSAGES
    assert event["region"] == raw.headers["x-ms-region"]
    assert (event["deployment"], event["api_version"]) == (deployment, API_VERSION)
    assert (event["status_code"], event["outcome"], event["error"]) == (200, "completed", None)
    assert (
        before
        <= datetime.fromisoformat(event["timestamp"])
        <= datetime.now(UTC).replace(tzinfo=None)
    )


@on_embedded_alone
def test_a_stream_and_its_event_say_the_same(client: AzureOpenAI, events: EventLog) -> None:
    """The SDK's chunks add up to the event's content, and both hold the usage that the client
    requested.
    """
    deployment = new_deployment()
    with client:
        raw = client.chat.completions.with_raw_response.create(
            model=deployment, messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
        chunks = list(raw.parse())
    event = events.one(exchange_id=raw.headers["x-exchange-id"])
    usage = chunks[-1].usage
    assert usage is not None
    assert event["type"] == "stream_completion"
    assert event["content"] == "".join(
        chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices
    )
    assert event["usage"]["total_tokens"] == usage.total_tokens
    assert event["model"] == chunks[-1].model
    assert (event["prompt"], event["outcome"]) == (MESSAGES, "completed")


@on_embedded_alone
def test_a_stream_without_stream_options_reads_as_from_azure(
    client: AzureOpenAI, events: EventLog
) -> None:
    """A client that asks for nothing special gets no usage, and content, finish and end as it
    expects them.

    The event has the usage all the same: the proxy asked for it, and took its chunk out of the
    stream.
    """
    with client:
        raw = client.chat.completions.with_raw_response.create(
            model=new_deployment(), messages=MESSAGES, stream=True
        )
        chunks = list(raw.parse())
    event = events.one(exchange_id=raw.headers["x-exchange-id"])
    assert all(chunk.usage is None for chunk in chunks)
    assert event["content"] == "".join(
        chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices
    )
    assert event["usage"]["completion_tokens"] == 20
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"


@on_embedded_alone
@pytest.mark.parametrize("stream", [False, True])
def test_tool_calls_reach_the_client(
    client: AzureOpenAI, stack: Stack, events: EventLog, *, stream: bool
) -> None:
    """The tools go up, the call comes down, whole or in deltas; its event has no text, and the same
    call.
    """
    deployment = new_deployment()
    with client:
        if stream:
            raw_stream = client.chat.completions.with_raw_response.create(
                model=deployment, messages=MESSAGES, tools=[WEATHER], stream=True
            )
            exchange_id = raw_stream.headers["x-exchange-id"]
            deltas = [chunk.choices[0].delta for chunk in raw_stream.parse() if chunk.choices]
            functions = [
                call.function
                for delta in deltas
                for call in delta.tool_calls or []
                if call.function
            ]
            name = "".join(function.name or "" for function in functions)
            arguments = "".join(function.arguments or "" for function in functions)
        else:
            raw = client.chat.completions.with_raw_response.create(
                model=deployment, messages=MESSAGES, tools=[WEATHER]
            )
            exchange_id = raw.headers["x-exchange-id"]
            called = (raw.parse().choices[0].message.tool_calls or [])[0]
            assert called.type == "function"
            name, arguments = called.function.name, called.function.arguments
    assert name == "get_weather"
    assert isinstance(json.loads(arguments)["place"], str)
    assert json.loads(upstream_record.only_request(stack, deployment=deployment).body)["tools"] == [
        WEATHER
    ]
    event = events.one(exchange_id=exchange_id)
    assert (event["content"], event["outcome"], event["finish_reason"]) == (
        "",
        "completed",
        "tool_calls",
    )
    assert [call["function"] for call in event["choices"][0]["tool_calls"]] == [
        {"name": name, "arguments": arguments}
    ]


def test_the_async_client_works_the_same(stack: Stack, events: EventLog) -> None:
    """Streaming, not streaming and tool calls, side by side."""

    async def completion(client: AsyncAzureOpenAI) -> tuple[str, str | None]:
        raw = await client.chat.completions.with_raw_response.create(
            model=new_deployment(), messages=MESSAGES
        )
        return raw.headers["x-exchange-id"], raw.parse().choices[0].message.content

    async def stream(client: AsyncAzureOpenAI) -> tuple[str, str | None]:
        raw = await client.chat.completions.with_raw_response.create(
            model=new_deployment(), messages=MESSAGES, stream=True
        )
        pieces = [
            chunk.choices[0].delta.content or "" async for chunk in raw.parse() if chunk.choices
        ]
        return raw.headers["x-exchange-id"], "".join(pieces)

    async def tool_call(client: AsyncAzureOpenAI) -> tuple[str, str | None]:
        raw = await client.chat.completions.with_raw_response.create(
            model=new_deployment(), messages=MESSAGES, tools=[WEATHER]
        )
        assert raw.parse().choices[0].finish_reason == "tool_calls"
        return raw.headers["x-exchange-id"], ""

    async def side_by_side() -> tuple[tuple[str, str | None], ...]:
        async with AsyncAzureOpenAI(
            azure_endpoint=stack.proxy_url, api_key=CALLER_KEY, api_version=API_VERSION
        ) as client:
            return await asyncio.gather(completion(client), stream(client), tool_call(client))

    for exchange_id, content in asyncio.run(side_by_side()):
        assert events.one(exchange_id=exchange_id)["content"] == content


@on_embedded_alone
def test_an_error_of_the_upstream_is_the_sdks_own_exception(
    client: AzureOpenAI, events: EventLog
) -> None:
    """A 429 is raised as RateLimitError with the upstream's message and headers."""
    with client, pytest.raises(RateLimitError) as raised:
        client.with_options(max_retries=0).chat.completions.create(
            model=f"{new_deployment()}--status=429,retry_after=7", messages=MESSAGES
        )
    assert raised.value.code == "429"
    assert raised.value.response.headers["retry-after"] == "7"
    assert events.one(exchange_id=raised.value.response.headers["x-exchange-id"])["type"] == "error"
