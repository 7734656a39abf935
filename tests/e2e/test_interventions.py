"""The interventions with the official SDK and shortened settings: usage, comments, an early
response, error frames.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import openai
import pytest
from openai import AzureOpenAI

from harness import http_client, upstream_record
from harness.chat import API_VERSION, CALLER_KEY, Chat, new_deployment
from harness.event_log import EventLog
from harness.http_client import ReceivedResponse
from local.stack import Stack
from tests.e2e.conftest import on_embedded_alone

KEEP_ALIVE: Final = b": keep-alive\n"
MESSAGES: Final[list[Any]] = [{"role": "user", "content": "a question"}]
UNASKED: Final = {"stream_options": None}  # `null`, which asks for nothing


@pytest.fixture
def client(strained_stack: Stack) -> Iterator[AzureOpenAI]:
    with AzureOpenAI(
        azure_endpoint=strained_stack.proxy_url,
        api_key=CALLER_KEY,
        api_version=API_VERSION,
        max_retries=0,
    ) as sdk:
        yield sdk


def text_of(client: AzureOpenAI, deployment: str, directives: str) -> str:
    """The text of a stream as the SDK reads it."""
    chunks = client.chat.completions.create(
        model=deployment, messages=MESSAGES, stream=True, extra_headers={"x-stand-in": directives}
    )
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def comments_before(response: ReceivedResponse, moment: float) -> int:
    """The number of comments that had reached the client by then; fails if anything else had."""
    data = b"".join(piece.data for piece in response.pieces if piece.at < moment)
    count = data.count(KEEP_ALIVE)
    assert data == KEEP_ALIVE * count
    return count


@on_embedded_alone
def test_usage_is_requested_and_its_chunk_removed(
    strained_stack: Stack, strained_events: EventLog
) -> None:
    """One member more goes up, one event less comes down, and the event has the usage."""
    chat = Chat(stream=True, more=UNASKED)
    response = chat.ask(strained_stack)
    upstream_request = upstream_record.only_request(strained_stack, deployment=chat.deployment)
    assert json.loads(upstream_request.body) == {
        **json.loads(chat.body),
        "stream_options": {"include_usage": True},
    }
    events = upstream_request.response_body.split(b"\n\n")
    usage = [event for event in events if b'"usage":{' in event]
    assert len(usage) == 1
    assert response.body == b"\n\n".join(event for event in events if event not in usage)
    event = strained_events.one(exchange_id=response.exchange_id)
    assert event["usage"] == json.loads(usage[0].removeprefix(b"data: "))["usage"]
    assert (event["usage_source"], event["outcome"]) == ("upstream", "completed")


@on_embedded_alone
def test_a_refused_usage_request_is_hidden(strained_stack: Stack) -> None:
    """Two calls upstream, one response, as if the first had not been."""
    chat = Chat(stream=True, more=UNASKED, directives="refuse_stream_options")
    body = chat.body.replace(b', "stream_options": null', b"")
    response = http_client.call(
        strained_stack.proxy_url, "POST", chat.target, chat.all_headers, body
    )
    first, second = upstream_record.requests(strained_stack, deployment=chat.deployment)
    assert (b"stream_options" in first.body, second.body) == (True, body)
    assert (response.status, response.body) == (200, second.response_body)


def test_the_stream_of_a_disconnected_client_is_drained(
    strained_stack: Stack, strained_events: EventLog
) -> None:
    """The upstream writes its whole response; the event has the exact usage and says that the
    client disconnected.
    """
    chat = Chat(stream=True, directives="chunk_ms=20; chunks=40")
    with chat.begin(strained_stack) as call:
        while len(call.response().pieces) < 5:
            assert call.piece() is not None
        response = call.response()
        call.hang_up()
    event = strained_events.one(exchange_id=response.exchange_id)
    assert (
        upstream_record.only_request(strained_stack, deployment=chat.deployment).ended == "finished"
    )
    assert (event["outcome"], event["usage_source"]) == ("client_disconnected", "upstream")
    assert event["usage"]["completion_tokens"] == 40


def test_a_silent_stream_is_kept_alive(
    strained_stack: Stack, client: AzureOpenAI, strained_events: EventLog
) -> None:
    """Comments reach the client while nothing comes, never within an event; the SDK reads the same
    text.
    """
    chat = Chat(stream=True, directives="cut=7; first_chunk_ms=2000; chunk_ms=50; chunks=1")
    response = chat.ask(strained_stack)
    upstream_request = upstream_record.only_request(strained_stack, deployment=chat.deployment)
    assert comments_before(response, upstream_request.write_times[0]) >= 2
    assert response.body.replace(KEEP_ALIVE, b"") == upstream_request.response_body
    assert strained_events.one(exchange_id=response.exchange_id)["outcome"] == "completed"
    expected = text_of(client, new_deployment(), "chunks=2")
    assert (
        text_of(client, new_deployment(), "first_chunk_ms=700; chunk_ms=400; chunks=2") == expected
    )


def test_late_headers_are_answered_early(
    strained_stack: Stack, client: AzureOpenAI, strained_events: EventLog
) -> None:
    """The client gets 200 and a comment before the upstream answers, then the upstream's stream;
    the event's timings are the upstream's.
    """
    chat = Chat(stream=True, directives="headers_ms=2000; chunks=2")
    response = chat.ask(strained_stack)
    upstream_request = upstream_record.only_request(strained_stack, deployment=chat.deployment)
    assert response.status == 200
    assert comments_before(response, upstream_request.write_times[0])
    assert response.body.replace(KEEP_ALIVE, b"") == upstream_request.response_body
    event = strained_events.one(exchange_id=response.exchange_id)
    assert (event["outcome"], event["time_to_first_chunk_ms"] >= 1990) == ("completed", True)
    assert text_of(client, new_deployment(), "headers_ms=1200; chunks=2") == text_of(
        client, new_deployment(), "chunks=2"
    )


@on_embedded_alone
@pytest.mark.parametrize(
    ("named", "operation", "body", "kind"),
    [
        ("gpt-image-1", "images/generations", {"prompt": "a cat", "stream": True}, "image"),
        (
            "tts",
            "audio/speech",
            {"input": "Good day.", "voice": "alloy", "stream_format": "sse"},
            "audio",
        ),
    ],
)
def test_late_images_and_speech_start_early(
    strained_stack: Stack,
    strained_events: EventLog,
    named: str,
    operation: str,
    body: dict[str, Any],
    kind: str,
) -> None:
    """After the comments, the client gets exactly what the upstream wrote."""
    deployment = f"{named}-{new_deployment()}"
    target = f"/openai/deployments/{deployment}/{operation}?api-version=2025-04-01-preview"
    headers = [
        ("content-type", "application/json"),
        ("accept-encoding", "gzip"),
        ("x-stand-in", "headers_ms=2000; chunks=2"),
    ]
    response = http_client.call(
        strained_stack.proxy_url, "POST", target, headers, json.dumps(body).encode()
    )
    upstream_request = upstream_record.only_request(strained_stack, deployment=deployment)
    assert response.status == 200
    assert comments_before(response, upstream_request.write_times[0])
    assert response.body.replace(KEEP_ALIVE, b"") == upstream_request.response_body
    assert json.loads(upstream_request.body) == body
    event = strained_events.one(exchange_id=response.exchange_id)
    assert (event["type"], event["outcome"], event["stream"]) == (kind, "completed", True)


@on_embedded_alone
@pytest.mark.parametrize(
    ("directives", "words", "outcome"),
    [
        ("headers_ms=1000; status=429", "exceeded", "upstream_error"),
        ("headers_ms=1000; status=500", "server had an error", "upstream_error"),
        ("silence", "UPSTREAM_READ_TIMEOUT_S", "timed_out"),
        ("chunk_ms=20; reset_after=6", "broke within the response", "upstream_interrupted"),
        (
            "chunk_ms=20; no_finish",
            "ended its response before it was whole",
            "upstream_interrupted",
        ),
        ("silence_after=6", "UPSTREAM_READ_TIMEOUT_S", "timed_out"),
        ("chunk_ms=200; chunks=100", "EXCHANGE_TIMEOUT_S", "timed_out"),
    ],
)
def test_the_sdk_raises_what_went_wrong(
    client: AzureOpenAI, strained_events: EventLog, directives: str, words: str, outcome: str
) -> None:
    """The SDK raises the error in a running stream and in one that was answered early, and the
    event holds it.
    """
    deployment = new_deployment()
    with pytest.raises(openai.APIError) as raised:
        text_of(client, deployment, directives)
    assert words.lower() in raised.value.message.lower()
    event = strained_events.one(deployment=deployment)
    assert (event["outcome"], event["type"], event["status_code"]) == (outcome, "error", 200)
