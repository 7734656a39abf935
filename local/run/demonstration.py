"""Two calls through the proxy with the official SDK, and their events on the Event Hub."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import openai
from openai.types.chat import ChatCompletionMessageParam

from local.events.feed import DeliveredEvent, LocalEventFeed
from local.events.text import abridge, save, summary
from local.reachable import unreachable
from local.run.console import Console
from local.stack import Stack
from local.stack.errors import StackError

# func needs seconds for its first invocation; then its queue listener polls every other second.
_EVENTS_WITHIN_S: Final = 60
_FIRST_NOTICE_S: Final = 3
_NOTICE_EVERY_S: Final = 15

_QUESTION: Final = "In one sentence: what does a proxy do?"


def show(
    stack: Stack, console: Console, feed: LocalEventFeed, deployment: str, events: Path
) -> None:
    """Print the streamed response as it arrives and its event abridged, and the other event in a
    line; the whole ones are written to the folder `events`.

    Raises StackError if an event is missing, or if a call failed (after its event was shown).
    """
    started = datetime.now(UTC).replace(tzinfo=None)
    messages = _messages(_QUESTION)
    with console.holding():
        failure = _calls(stack, console, deployment, messages)
        console.release()
        console.line("\nWhat a consumer of the Event Hub receives, abridged:")
        expected = {"error"} if failure else {"stream_completion", "completion"}
        missing = _show_events(
            stack, console, feed, expected, events, lambda event: _is_own(event, messages, started)
        )
    problems = [problem for problem in (failure, missing) if problem]
    if problems:
        raise StackError("\n".join(problems))


def _calls(
    stack: Stack, console: Console, deployment: str, messages: list[ChatCompletionMessageParam]
) -> str | None:
    """Make both calls; return the error of the first that failed."""
    try:
        with _client(stack) as client:
            source = " (a stand-in for it)" if "azure_openai" in stack.local_parts else ""
            console.line(
                f"\n{deployment} at {stack.proxy_url}, asked for a stream, answers{source}:"
            )
            _stream(client, console, deployment, messages)
            client.chat.completions.create(model=deployment, messages=messages)
    except openai.OpenAIError as error:
        reason = _failure(error, deployment)
        console.line(f"  {reason}")
        return reason
    return None


def _failure(error: openai.OpenAIError, deployment: str) -> str:
    if not isinstance(error, openai.APIStatusError):
        return f"the call through the proxy failed: {error}"
    message = error.body.get("message") if isinstance(error.body, dict) else None
    return error_message(error.status_code, str(message or error.message), deployment)


def error_message(status_code: int, message: str, deployment: str) -> str:
    """The error response, and which setting to check."""
    match status_code:
        case 401 | 403:
            remedy = " - check AZURE_OPENAI_KEY"
        case 404:
            remedy = f" - check AZURE_OPENAI_BASE_URL and DEPLOYMENT ({deployment})"
        case status if status >= 500:
            remedy = " - check AZURE_OPENAI_BASE_URL and AZURE_OPENAI_KEY"
        case _:
            remedy = ""
    return f"the call through the proxy was answered {status_code}: {message}{remedy}"


def _client(stack: Stack) -> openai.AzureOpenAI:
    return openai.AzureOpenAI(
        azure_endpoint=stack.proxy_url,
        api_key="the proxy replaces this key by its own",
        api_version=stack.settings.get("AZURE_OPENAI_API_VERSION") or "2024-10-21",
        max_retries=0,
        # HTTP_PROXY does not apply to this machine's own ports
        http_client=openai.DefaultHttpxClient(trust_env=False),
    )


def _messages(question: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": question}]


def _stream(
    client: openai.AzureOpenAI,
    console: Console,
    deployment: str,
    messages: list[ChatCompletionMessageParam],
) -> None:
    chunks = client.chat.completions.create(
        model=deployment, messages=messages, stream=True, stream_options={"include_usage": True}
    )
    console.write("  ")
    try:
        for chunk in chunks:
            if chunk.choices and chunk.choices[0].delta.content:
                console.write(chunk.choices[0].delta.content)
    finally:
        console.write("\n")


def _show_events(
    stack: Stack,
    console: Console,
    feed: LocalEventFeed,
    expected: set[str],
    events: Path,
    is_own: Callable[[DeliveredEvent], bool],
) -> str | None:
    """Print an event of each expected type, the stream's first; return a message if one is
    late.
    """
    missing = set(expected)
    lines: dict[str, str] = {}
    started_at = time.monotonic()
    notice_s: float = _FIRST_NOTICE_S
    while missing:
        stack.check()
        event = feed.next(within_s=0.2)
        if event is not None and event.get("type") in missing and is_own(event):
            missing.discard(event["type"])
            lines[event["type"]] = _text_of(event, save(event, events))
            if "stream_completion" not in missing:
                console.line("\n".join(lines.pop(kind) for kind in sorted(lines, reverse=True)))
        waited_s = time.monotonic() - started_at
        if missing and waited_s > _EVENTS_WITHIN_S:
            return _missing(stack, missing)
        if missing and waited_s > notice_s:
            notice_s = waited_s + _NOTICE_EVERY_S
            _report_wait(stack, console, waited_s)
    return None


def _text_of(event: DeliveredEvent, file: Path) -> str:
    if event["type"] == "completion":
        return f"and of the same call without streaming, in a line:\n  {summary(event)}"
    return f"{abridge(event)}\n  the whole event: {file}"


def _report_wait(stack: Stack, console: Console, waited_s: float) -> None:
    problems = unreachable(stack.proxy_url, stack.settings)
    console.line(
        "\n".join(
            [
                f"  waiting for events: {waited_s:.0f} s of at most {_EVENTS_WITHIN_S}",
                *_indent(problems),
            ]
        )
    )
    console.release()


def _missing(stack: Stack, missing: set[str]) -> str:
    problems = unreachable(stack.proxy_url, stack.settings) or [
        "the app reaches its Event Hub, queue and blobs - see the log of functions_host, and whether what "
        "AZURE_EVENTHUB_CONN_STR grants includes listening, which this consumer needs"
    ]
    heading = (
        f"no event of type {' or '.join(sorted(missing))} arrived within {_EVENTS_WITHIN_S} s:"
    )
    return "\n".join([heading, *_indent(problems)])


def _indent(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _is_own(
    event: DeliveredEvent, messages: list[ChatCompletionMessageParam], started: datetime
) -> bool:
    """Whether the event is of this run: an earlier run's envelope may still have been in
    the queue.
    """
    ended = datetime.fromisoformat(str(event["timestamp"]))
    return bool(event.get("prompt") == messages) and ended >= started
