"""Errors of the proxy itself: the exact answers, in Azure OpenAI's shape, and the events of those
that are exchanges.
"""

from __future__ import annotations

import pytest

from harness import http_client, upstream_record
from harness.chat import CALLER_KEY, Chat
from harness.event_log import EventLog
from harness.http_client import ReceivedResponse
from local.stack import Stack
from tests.e2e.conftest import STRAINED_BODY_LIMIT_BYTES, STRAINED_READ_TIMEOUT_S, on_embedded_alone
from tests.e2e.error_responses import error_of

SILENT = f"Azure OpenAI sent nothing for {STRAINED_READ_TIMEOUT_S} s (UPSTREAM_READ_TIMEOUT_S)."


@pytest.mark.direct_upstream("the pool answers 502 itself")
@on_embedded_alone
def test_an_unreachable_upstream(strained_stack: Stack, strained_events: EventLog) -> None:
    """502 at once, with what to do; the next call after its return succeeds."""
    chat = Chat()
    strained_stack.parts["azure_openai"].kill()
    response = chat.ask(strained_stack)
    strained_stack.parts["azure_openai"].start()
    assert response.status == 502
    assert error_of(response) == {
        "code": "upstream_unreachable",
        "message": "Azure OpenAI could not be reached (ConnectError). Try again; if it stays so, the operator of this "
        "proxy should check AZURE_OPENAI_BASE_URL and the network.",
        "type": "fnsse_error",
    }
    assert Chat().ask(strained_stack).status == 200
    event = strained_events.one(exchange_id=response.exchange_id)
    assert (event["type"], event["outcome"], event["status_code"]) == (
        "error",
        "upstream_error",
        502,
    )
    assert event["error"]["code"] == "upstream_unreachable"
    assert event["prompt"] == chat.messages


@on_embedded_alone
def test_a_silent_upstream(strained_stack: Stack, strained_events: EventLog) -> None:
    """504 after UPSTREAM_READ_TIMEOUT_S, which the message names; the upstream's connection is
    closed.
    """
    chat = Chat(directives="silence")
    response = chat.ask(strained_stack)
    assert response.status == 504
    assert error_of(response) == {
        "code": "upstream_timeout",
        "message": SILENT,
        "type": "fnsse_error",
    }
    assert (
        upstream_record.only_request(strained_stack, deployment=chat.deployment).ended
        == "peer_closed"
    )
    event = strained_events.one(exchange_id=response.exchange_id)
    assert (event["type"], event["outcome"], event["status_code"]) == ("error", "timed_out", 504)
    assert event["latency_ms"] >= STRAINED_READ_TIMEOUT_S * 1000


@on_embedded_alone
@pytest.mark.parametrize("pieces", [0, 6])
def test_an_upstream_that_falls_silent_within_a_stream(
    strained_stack: Stack, strained_events: EventLog, pieces: int
) -> None:
    """The read timeout applies before the first chunk and between two. The client gets no [DONE],
    and the event holds what came.
    """
    chat = Chat(stream=True, directives=f"silence_after={pieces}")
    response = chat.ask(strained_stack)
    assert response.status == 200
    assert b"[DONE]" not in response.body
    event = strained_events.one(exchange_id=response.exchange_id)
    assert (event["type"], event["outcome"]) == ("error", "timed_out")
    assert event["error"]["message"] == SILENT
    assert bool(event["content"]) is bool(pieces)


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])
def test_a_body_over_the_limit(
    strained_stack: Stack, strained_events: EventLog, *, announced: bool
) -> None:
    """A body over the limit gets 413 before the upstream is called, with or without content-length;
    a body at the limit passes.
    """
    chat = Chat()
    headers = [("content-type", "application/json"), ("api-key", CALLER_KEY)]
    padding = b" " * (STRAINED_BODY_LIMIT_BYTES - len(chat.body))
    assert (
        http_client.call(
            strained_stack.proxy_url, "POST", chat.target, headers, chat.body + padding
        ).status
        == 200
    )
    chat = Chat()
    response = _ask_with(strained_stack, chat, chat.body + padding + b" ", announced=announced)
    assert response.status == 413
    assert error_of(response) == {
        "code": "body_too_large",
        "message": "The request body is larger than 0.5 MB. Send a smaller one, or have MAX_REQUEST_BODY_MB raised.",
        "type": "fnsse_error",
    }
    event = strained_events.one(exchange_id=response.exchange_id)
    assert (event["type"], event["outcome"], event["status_code"]) == ("error", "rejected", 413)
    if announced:
        assert upstream_record.requests(strained_stack, deployment=chat.deployment) == []


def _ask_with(stack: Stack, chat: Chat, body: bytes, *, announced: bool) -> ReceivedResponse:
    if announced:
        return http_client.call(stack.proxy_url, "POST", chat.target, chat.all_headers, body)
    headers = [*chat.all_headers, ("transfer-encoding", "chunked")]
    with http_client.Call(stack.proxy_url, "POST", chat.target, headers, framed=False) as call:
        call.send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
        return call.rest()
