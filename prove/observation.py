"""One exchange as its client observed it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import h11

from harness.chat import Chat, content_of
from harness.http_client import ReceivedResponse
from local.stack import Stack


@dataclass(frozen=True, kw_only=True, slots=True)
class ClientObservation:
    """The request that the client sent and the response that it got."""

    chat: Chat
    exchange_id: str | None = None  # None: there was no response
    status: int | None = None
    whole: bool = False  # the response was complete
    body_sha256: str = ""
    content: str = ""  # text of the response; "" if it was not complete
    usage: dict[str, Any] | None = None  # of the response; None if it was not complete

    @property
    def deployment(self) -> str:
        """No other exchange has it."""
        return self.chat.deployment


def send(stack: Stack, chat: Chat) -> ClientObservation | None:
    """Make a call. None if the connection was refused."""
    response: ReceivedResponse | None = None
    try:
        with chat.begin(stack) as call:
            try:
                response = call.response()
                response = call.rest()
            except (OSError, AssertionError, h11.RemoteProtocolError):
                pass  # broken off; `answer` holds what arrived
    except OSError:
        return None
    return ClientObservation(chat=chat) if response is None else observation_of(chat, response)


def observation_of(chat: Chat, response: ReceivedResponse) -> ClientObservation:
    """The parts of a response that the comparison needs."""
    readable = response.whole and response.status == 200 and bool(response.body)
    return ClientObservation(
        chat=chat,
        exchange_id=next(iter(response.all("x-exchange-id")), None),
        status=response.status,
        whole=response.whole,
        body_sha256=hashlib.sha256(response.body).hexdigest(),
        content=content_of(response.body) if readable else "",
        usage=_usage_of(response.body) if readable else None,
    )


def _usage_of(body: bytes) -> dict[str, Any] | None:
    """The usage of a JSON document, or of the last chunk of a stream that has one."""
    documents = body.split(b"\n") if body.startswith(b"data:") else [body]
    for line in reversed(documents):
        text = line.removeprefix(b"data: ")
        if text.startswith(b"{") and (usage := json.loads(text).get("usage")):
            return dict(usage)
    return None
