"""Clients read the comments and error events that the proxy puts into streams.

The official SDK reads them as bytes; openai-go is not among the requirements, so its rule is
imitated.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx2
import openai
import pytest

from shared.core import api_errors
from shared.core.exchange.late_error import error_frame
from shared.relay.client_response import KEEP_ALIVE


def chunk(text: str, finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish_reason}
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return b"data: " + json.dumps(head | {"choices": [choice]}).encode() + b"\n\n"


def typed_event(kind: str, **members: Any) -> bytes:
    data = json.dumps({"type": kind} | members).encode()
    return f"event: {kind}\n".encode() + b"data: " + data + b"\n\n"


def text_delta(text: str, number: int) -> bytes:
    at = {"item_id": "m", "output_index": 0, "content_index": 0, "logprobs": []}
    return typed_event("response.output_text.delta", delta=text, sequence_number=number, **at)


DONE = b"data: [DONE]\n\n"
CHAT = [chunk("a"), chunk("b"), chunk("", "stop"), DONE]
CHAT_WITH_IDS = [b"id: %d\n" % number + event for number, event in enumerate(CHAT)]
RESPONSES = [text_delta("a", 1), text_delta("b", 2)]


def with_comments(events: list[bytes]) -> bytes:
    """The stream as a client gets it that was answered early and had to wait for each event."""
    return KEEP_ALIVE + b"".join(event + KEEP_ALIVE * 2 for event in events)


def sdk(body: bytes) -> openai.OpenAI:
    headers = {"content-type": "text/event-stream"}
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, headers=headers, content=body))
    http_client = httpx2.Client(transport=transport)
    return openai.OpenAI(api_key="k", base_url="http://x", http_client=http_client, max_retries=0)


def read_chat(body: bytes) -> str:
    with sdk(body) as client:
        chunks = client.chat.completions.create(model="m", messages=[], stream=True)
        return "".join(received.choices[0].delta.content or "" for received in chunks)


def read_responses(body: bytes) -> str:
    with sdk(body) as client:
        events = client.responses.create(model="m", input="x", stream=True)
        return "".join(getattr(event, "delta", "") for event in events)


def read_as_openai_go(body: bytes) -> str:
    """openai-go up to 3.42: a blank line ends an event even where none has begun, and its empty
    data is parsed. Later versions skip such events. An event with an `error` is raised.
    """
    text, data = "", b""
    for line in body.splitlines():
        name, _, value = line.partition(b":")
        if name == b"data":
            data += value
        elif not line:
            if data.strip() == DONE[6:-2]:
                break
            event = json.loads(data)
            if "error" in event:
                raise openai.OpenAIError(event["error"])
            choices = event.get("choices")
            text += choices[0]["delta"]["content"] if choices else event.get("delta", "")
            data = b""
    return text


READERS = pytest.mark.parametrize(
    ("events", "read"),
    [
        (CHAT, read_chat),
        (CHAT, read_as_openai_go),
        (CHAT_WITH_IDS, read_chat),
        (CHAT_WITH_IDS, read_as_openai_go),
        (RESPONSES, read_responses),
        (RESPONSES, read_as_openai_go),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)


@READERS
def test_clients_read_a_stream_with_comments(
    events: list[bytes], read: Callable[[bytes], str]
) -> None:
    """A comment with a blank line after it fails in both SDKs."""
    assert read(with_comments(events)) == read(b"".join(events)) == "ab"


@READERS
@pytest.mark.parametrize("received", [0, 1], ids=["at once", "after an event"])
def test_clients_raise_an_error_within_a_stream(
    events: list[bytes], read: Callable[[bytes], str], received: int
) -> None:
    """It comes after an early response and comments, or after events."""
    number = 7 if events is RESPONSES else None
    error = api_errors.internal_error()
    frame = error_frame(error.body(), sequence_number=number)
    with pytest.raises(openai.OpenAIError) as raised:
        read(with_comments(events[:received]) + frame)
    assert error.message in str(raised.value)
