"""Two calls through the proxy with the official SDK, and the events that they leave on the Event Hub."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import openai
from openai.types.chat import ChatCompletionMessageParam

from local.console import Console
from local.event_feed import Event, EventFeed
from local.stack import Stack
from local.stack.errors import StackError

# func needs seconds for its first invocation; then its queue listener polls every other second.
_EVENTS_WITHIN_S: Final = 60

_QUESTION: Final = "In one sentence: what does a proxy do?"


def show(stack: Stack, console: Console, feed: EventFeed, deployment: str) -> None:
    """Prints the streamed answer as it arrives, the other answer, and both events. Raises StackError if one is missing."""
    started = datetime.now(UTC).replace(tzinfo=None)
    console.line(f"\nPOST {stack.proxy_url}/openai/deployments/{deployment}/chat/completions, streaming:")
    messages = _messages(_QUESTION)
    try:
        with _client(stack) as client:
            _stream(client, console, deployment, messages)
            console.line("\nThe same, not streaming:")
            answer = client.chat.completions.create(model=deployment, messages=messages)
            console.line(f"  {answer.choices[0].message.content}")
    except openai.OpenAIError as error:
        raise StackError(f"the call through the proxy failed: {error}") from error
    console.line("\nWhat a consumer of the Event Hub receives:")
    _show_events(feed, console, lambda event: _is_ours(event, messages, started))


def _client(stack: Stack) -> openai.AzureOpenAI:
    return openai.AzureOpenAI(
        azure_endpoint=stack.proxy_url,
        api_key="the proxy replaces this key by its own",
        api_version=stack.settings.get("AZURE_OPENAI_API_VERSION") or "2024-10-21",
        max_retries=0,
        http_client=openai.DefaultHttpxClient(trust_env=False),  # HTTP_PROXY is not meant for this machine's own ports
    )


def _messages(question: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "system", "content": "You answer briefly."}, {"role": "user", "content": question}]


def _stream(client: openai.AzureOpenAI, console: Console, deployment: str, messages: list[ChatCompletionMessageParam]) -> None:
    with console.streaming() as write:
        write("  ")
        chunks = client.chat.completions.create(
            model=deployment, messages=messages, stream=True, stream_options={"include_usage": True}
        )
        for chunk in chunks:
            if chunk.choices and chunk.choices[0].delta.content:
                write(chunk.choices[0].delta.content)


def _show_events(feed: EventFeed, console: Console, ours: Callable[[Event], bool]) -> None:
    missing = {"stream_completion", "completion"}
    deadline = time.monotonic() + _EVENTS_WITHIN_S
    while missing:
        event = feed.next(within_s=max(0, min(0.2, deadline - time.monotonic())))
        if event is None and time.monotonic() > deadline:
            raise StackError(f"no event of type {' or '.join(sorted(missing))} arrived within {_EVENTS_WITHIN_S} s")
        if event is not None and event.get("type") in missing and ours(event):
            missing.discard(event["type"])
            console.line(json.dumps(event, indent=2, ensure_ascii=False))


def _is_ours(event: Event, messages: list[ChatCompletionMessageParam], started: datetime) -> bool:
    """Not one of an earlier run, whose envelope was still in the queue."""
    ended = datetime.fromisoformat(str(event["timestamp"]))
    return bool(event.get("prompt") == messages) and ended >= started
