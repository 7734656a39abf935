"""The Azure OpenAI stand-in as a process, and the shapes of its responses."""

from __future__ import annotations

import hashlib
import http.client
import json
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import quote

import httpx
import pytest

from harness.stand_in_process import (
    CHAT,
    DEADLINE_S,
    STREAM,
    WITH_USAGE,
    StandIn,
    chunks,
    events,
    ready_port,
    request_bytes,
    running,
    start,
    text_of,
)


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandIn]:
    """One stand-in for all tests of this module."""
    with running() as process:
        yield process


# The process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ends_cleanly_on_a_signal_with_a_stream_open(number: signal.Signals) -> None:
    """Exit code 0, nothing on stderr, although a caller is being kept waiting."""
    process = start("--port", "0")
    with closing(socket.create_connection(("127.0.0.1", ready_port(process)))) as caller:
        caller.sendall(request_bytes(json.dumps(STREAM).encode(), "silence_after=1"))
        assert caller.recv(1)
        process.send_signal(number)
        _, errors = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, errors) == (0, "")


def test_a_taken_port_is_named_with_the_remedy(stand_in: StandIn) -> None:
    """Exit code 1 and a sentence instead of a traceback."""
    process = start("--port", str(stand_in.port))
    _, errors = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 1
    assert f"port {stand_in.port} on 127.0.0.1 is taken" in errors
    assert "--port" in errors
    assert "Traceback" not in errors


def test_health_needs_no_key(stand_in: StandIn) -> None:
    """The supervisor can ask without credentials."""
    assert httpx.get(f"{stand_in.url}/_stand_in/health").json()["status"] == "ok"


# Shapes


def test_a_stream_has_azures_chunks_in_azures_order(stand_in: StandIn) -> None:
    """Prompt filter, role, contents, finish, usage, [DONE]; `usage` is null in all but the last
    chunk.
    """
    response = stand_in.post(body=WITH_USAGE, directives="chunks=2")
    assert response.headers["content-type"] == "text/event-stream"
    answer_chunks = chunks(response.content)
    assert "prompt_filter_results" in answer_chunks[0]
    assert (answer_chunks[0]["choices"], answer_chunks[0]["id"], answer_chunks[0]["created"]) == (
        [],
        "",
        0,
    )
    kinds = [[choice["delta"] for choice in chunk["choices"]] for chunk in answer_chunks[1:]]  # type: ignore[attr-defined]
    assert kinds[0] == [{"content": "", "role": "assistant", "refusal": None}]
    assert [list(delta[0]) for delta in kinds[1:4]] == [["content"], ["content"], []]
    assert answer_chunks[-1]["choices"] == []
    assert answer_chunks[-1]["usage"]["total_tokens"] == 6 + 2  # type: ignore[index]
    assert all(chunk["usage"] is None for chunk in answer_chunks[:-1])
    assert events(response.content)[-1] == "[DONE]"


def test_usage_comes_only_on_request(stand_in: StandIn) -> None:
    """Without include_usage no chunk has the key."""
    assert all("usage" not in chunk for chunk in chunks(stand_in.post(body=STREAM).content))


def test_same_request_same_bytes_streamed_or_not(stand_in: StandIn) -> None:
    """Two calls get the same body, and a stream holds the same content as the document."""
    whole = stand_in.post()
    assert whole.content == stand_in.post().content
    assert stand_in.post(body=STREAM).content == stand_in.post(body=STREAM).content
    assert (
        text_of(stand_in.post(body=STREAM).content)
        == whole.json()["choices"][0]["message"]["content"]
    )


def test_the_headers_that_azure_sends_are_there(stand_in: StandIn) -> None:
    """Region, ids that differ between calls, limits, session, and the caller's own request id."""
    one, two = (stand_in.post(**{"x-ms-client-request-id": "mine"}).headers for _ in range(2))
    assert one["x-ms-region"] == "North Central US"
    assert one["x-ms-deployment-name"] == "gpt-4o"
    assert one["x-ms-client-request-id"] == "mine"
    assert {
        "x-ratelimit-remaining-requests",
        "x-ratelimit-remaining-tokens",
        "azureml-model-session",
    } <= set(one)
    assert one["apim-request-id"] != two["apim-request-id"]
    assert one["x-request-id"] != two["x-request-id"]


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        (CHAT, {"api-key": ""}, 401, "401"),
        (CHAT.partition("?")[0], {}, 404, "404"),
        (CHAT.replace("gpt-4o", "missing"), {}, 404, "DeploymentNotFound"),
        (CHAT.replace("gpt-4o", "gpt-4o--nonsense"), {}, 400, "BadDirective"),
        ("/elsewhere", {}, 404, "404"),
    ],
)
def test_the_gateway_refuses_as_azure_does(
    stand_in: StandIn, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    """No key, no api-version, no such deployment."""
    response = stand_in.post(path, **headers)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_any_failure_comes_on_request(stand_in: StandIn, status: int) -> None:
    """status=N answers N with an error object, a stream too."""
    response = stand_in.post(body=STREAM, directives=f"status={status}; retry_after=7")
    assert response.status_code == status
    assert response.json()["error"]["message"]
    waits = [
        response.headers.get(name)
        for name in ("retry-after", "retry-after-ms", "x-ms-retry-after-ms")
    ]
    assert waits == (["7", "7000", "7000"] if status in {429, 503} else [None] * 3)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, {**WITH_USAGE, "data_sources": []}),
        (CHAT.replace("2024-10-21", "2024-06-01"), WITH_USAGE),
        (CHAT.replace("gpt-4o", "gpt-4o--refuse_stream_options"), WITH_USAGE),
        (
            "/openai/v1/responses",
            {"model": "m", "input": "x", "stream_options": {"include_usage": True}},
        ),
    ],
)
def test_stream_options_are_refused_where_azure_does(
    stand_in: StandIn, path: str, body: object
) -> None:
    """Data sources, old api-versions, the Responses API, or on request."""
    response = stand_in.post(path, body)
    assert response.status_code == 400
    assert "Extra inputs are not permitted" in response.json()["error"]["message"]


def test_any_other_request_is_echoed(stand_in: StandIn) -> None:
    """Method, raw path and raw query of an unknown operation, byte for byte."""
    target = "/openai/v1/threads/%41%2fb?x=%2F&&y="
    with closing(
        http.client.HTTPConnection("127.0.0.1", stand_in.port, timeout=DEADLINE_S)
    ) as connection:
        connection.request("PATCH", target, b"body", {"api-key": "any"})
        answer_chunks = json.loads(connection.getresponse().read())
    assert (answer_chunks["method"], f"{answer_chunks['path']}?{answer_chunks['query']}") == (
        "PATCH",
        target,
    )
    assert answer_chunks["body_sha256"] == hashlib.sha256(b"body").hexdigest()


@pytest.mark.parametrize(
    ("directives", "last"),
    [
        ("failed", "response.failed"),
        ("content_filter", "response.incomplete"),
        ("error_in_200", "error"),
    ],
)
def test_responses_end_in_every_way(stand_in: StandIn, directives: str, last: str) -> None:
    """Failed, incomplete, or an error event, inside a 200."""
    response = stand_in.post(
        "/openai/v1/responses", {"model": "m", "input": "x", "stream": True}, directives
    )
    assert response.status_code == 200
    assert response.content.rstrip().rpartition(b"event: ")[2].partition(b"\n")[0].decode() == last


def test_a_deployment_in_a_url_may_be_encoded(stand_in: StandIn) -> None:
    """`=` and `,` of directives arrive as they are or percent-encoded."""
    name = quote("gpt-4o--status=503,retry_after=1", safe="")
    response = stand_in.post(CHAT.replace("gpt-4o", name))
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")


def test_clearing_forgets(stand_in: StandIn) -> None:
    """DELETE empties the recording."""
    stand_in.post(tag="cleared")
    httpx.delete(f"{stand_in.url}/_stand_in/exchanges")
    assert httpx.get(f"{stand_in.url}/_stand_in/exchanges?header=tag:cleared").json() == []


def test_nothing_but_127_0_0_1_is_served(stand_in: StandIn) -> None:
    """It listens on 127.0.0.1 only: another loopback address is refused."""
    with pytest.raises(ConnectionRefusedError), closing(socket.socket()) as other:
        other.connect(("127.0.0.2", stand_in.port))
