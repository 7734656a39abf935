"""How exchanges end: clients that disconnect, upstreams that break off, and the end of a response,
which waits for its recording.
"""

from __future__ import annotations

import json

import pytest
from azure.storage.blob import ContainerClient

from harness import upstream_record
from harness.chat import Chat, content_of
from harness.event_log import EventLog
from local.stack import Stack
from shared.core.records.exchange import capture


@pytest.mark.parametrize("reset", [False, True], ids=["closes", "resets"])
def test_disconnect_within_a_stream(stack: Stack, events: EventLog, *, reset: bool) -> None:
    """Its event has the part that it was sent; the upstream's connection is closed, so that nothing
    is generated in vain.
    """
    chat = Chat(stream=True, directives="chunk_ms=50; chunks=600")
    with chat.begin(stack) as call:
        while len(call.response().pieces) < 8:
            assert call.piece() is not None
        response = call.response()
        call.hang_up(reset=reset)
    upstream_request = upstream_record.only_request(stack, deployment=chat.deployment)
    event = events.one(exchange_id=response.exchange_id)
    assert upstream_request.ended == "peer_closed"
    assert len(upstream_request.write_times) < 300
    assert (event["outcome"], event["type"], event["status_code"]) == (
        "client_disconnected",
        "stream_completion",
        200,
    )
    client_content, upstream_content = (
        content_of(response.body),
        content_of(upstream_request.response_body),
    )
    assert client_content
    assert event["content"].startswith(client_content)
    assert upstream_content.startswith(event["content"])
    assert event["prompt"] == chat.messages


def test_a_client_that_disconnects_before_the_first_byte(stack: Stack, events: EventLog) -> None:
    """The client gets no response, the event reports that, and the proxy closes the call of the
    upstream.
    """
    chat = Chat(directives="silence")
    with chat.begin(stack) as call:
        upstream_record.only_request(stack, deployment=chat.deployment, ended=False)
        call.hang_up()
    assert upstream_record.only_request(stack, deployment=chat.deployment).ended == "peer_closed"
    event = events.one(deployment=chat.deployment)
    assert (event["outcome"], event["status_code"], event["content"]) == (
        "client_disconnected",
        None,
        "",
    )
    assert event["prompt"] == chat.messages


def test_a_client_that_disconnects_after_done_has_all(stack: Stack, events: EventLog) -> None:
    """Many clients close right after the last frame, without reading the end of the body: that
    exchange is complete.
    """
    chat = Chat(stream=True)
    with chat.begin(stack) as call:
        while not call.response().body.endswith(b"data: [DONE]\n\n"):
            assert call.piece() is not None
        response = call.response()
        call.hang_up()
    event = events.one(exchange_id=response.exchange_id)
    assert event["outcome"] == "completed"
    assert event["usage"]["completion_tokens"] == 20
    assert event["content"] == content_of(response.body)


@pytest.mark.parametrize("directive", ["reset_after=6", "close_after=6"])
def test_an_interrupted_upstream_is_not_a_success(
    stack: Stack, events: EventLog, directive: str
) -> None:
    """The proxy passes on what came, then reports to the client that the rest is missing. There is
    no [DONE], and the event says the same.
    """
    chat = Chat(stream=True, directives=f"chunk_ms=20; {directive}")
    response = chat.ask(stack)
    upstream_request = upstream_record.only_request(stack, deployment=chat.deployment)
    event = events.one(exchange_id=response.exchange_id)
    assert response.body.startswith(upstream_request.response_body)
    assert b"[DONE]" not in response.body
    assert (
        b'"error"' in response.body.removeprefix(upstream_request.response_body)
        or not response.whole
    )
    assert (event["outcome"], event["type"]) == ("upstream_interrupted", "error")
    assert event["content"] == content_of(upstream_request.response_body)
    assert event["error"]["message"]


@pytest.mark.parametrize(
    ("directives", "status", "code"),
    [
        ("status=400", 400, "400"),
        ("status=401", 401, "401"),
        ("status=404", 404, "DeploymentNotFound"),
        ("status=429; retry_after=7", 429, "429"),
        ("status=500", 500, None),
        ("status=503; retry_after=3", 503, "ServiceUnavailable"),
        ("blocked_prompt", 400, "content_filter"),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_an_upstreams_error_passes_untouched(
    stack: Stack, events: EventLog, directives: str, status: int, code: str | None, *, stream: bool
) -> None:
    """Status, body and headers are the upstream's; the event is of type `error` and keeps the
    upstream's own words.
    """
    chat = Chat(stream=stream, directives=directives)
    response = chat.ask(stack)
    upstream_request = upstream_record.only_request(stack, deployment=chat.deployment)
    event = events.one(exchange_id=response.exchange_id)
    assert (response.status, response.body, response.whole) == (
        status,
        upstream_request.response_body,
        True,
    )
    assert response.header("content-type") == "application/json"
    assert response.header("x-ratelimit-remaining-tokens") == "99000"
    if "retry_after" in directives:
        seconds = directives[-1]
        assert response.header("retry-after") == seconds
        assert (
            response.header("retry-after-ms")
            == response.header("x-ms-retry-after-ms")
            == f"{seconds}000"
        )
    assert (event["type"], event["outcome"], event["status_code"]) == (
        "error",
        "upstream_error",
        status,
    )
    assert event["error"]["message"] == json.loads(response.body)["error"]["message"]
    assert event["error"].get("code") == code
    assert event["prompt"] == chat.messages


@pytest.mark.parametrize("directives", ["", "chunked"], ids=["stream", "chunked JSON"])
def test_a_response_ends_after_its_recording(
    stack: Stack, events: EventLog, directives: str
) -> None:
    """The end of a chunked response reaches the client after the captures are stored, so a host
    that stops then loses nothing.
    """
    chat = Chat(stream=not directives, directives=directives)
    with ContainerClient.from_connection_string(
        stack.storage_connection_string, capture.CONTAINER
    ) as captures:
        response = chat.ask(stack)
        stored = [
            captures.get_blob_client(name(response.exchange_id)).exists()
            for name in (capture.request_name, capture.response_name)
        ]
        event = events.one(exchange_id=response.exchange_id)
        response_capture = capture.load(captures.download_blob(event["response_capture"]).readall())
    assert response.whole
    assert stored == [True, True]
    assert response_capture.body == response.body
