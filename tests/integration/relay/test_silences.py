"""Long silences: comments on an open stream, an early 200 if the headers are late, and the rest of
the stream.
"""

from __future__ import annotations

import asyncio
import functools
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from harness.stand_in_process import CHAT, STREAM, StandIn, running
from shared.core.records.exchange.outcome import Outcome
from shared.core.wire.stream.sse import decode
from shared.relay.client_response import KEEP_ALIVE
from tests.integration.relay.sdk_streams import MESSAGES, async_read_all, read_all
from tests.integration.support.exchanges import DEADLINE_S
from tests.integration.support.served_relay import ServedRelay, serve_relay
from tests.integration.support.tiny_server import Connection, serving

pytestmark = pytest.mark.anyio
SHORT_S = 0.15
ASKING = {**STREAM, "stream_options": {"include_usage": True}}


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandIn]:
    with running() as started:
        yield started


async def stream(
    relay: ServedRelay, directives: str, body: object = ASKING
) -> tuple[httpx.Response, list[tuple[float, bytes]]]:
    """The response, and its pieces with the seconds after the request at which they came."""
    began = time.monotonic()
    headers = {"x-stand-in": directives, "accept-encoding": "gzip"}
    client = httpx.AsyncClient(base_url=relay.url, timeout=DEADLINE_S)
    async with client, client.stream("POST", CHAT, json=body, headers=headers) as response:
        pieces = [(time.monotonic() - began, piece) async for piece in response.aiter_raw()]
    return response, pieces


def join(pieces: list[tuple[float, bytes]]) -> bytes:
    return b"".join(piece for _, piece in pieces)


@pytest.mark.parametrize(
    "body", [STREAM, ASKING], ids=["usage asked by the proxy", "by the caller"]
)
async def test_a_silent_stream_gets_comments(stand_in: StandIn, body: object) -> None:
    """One after each interval without a chunk, before the first chunk and between two; neither
    captured nor counted.
    """
    async with serve_relay(stand_in, keep_alive_s=SHORT_S) as relay:
        _, pieces = await stream(relay, "first_chunk_ms=1500;chunk_ms=400;chunks=1", body)
        captured, envelope = await relay.captured_body(), await relay.envelope()
    first_at, first = next(
        (at, number) for number, (at, piece) in enumerate(pieces) if not _are_comments(piece)
    )
    before_first = join(pieces[:first]).count(KEEP_ALIVE)
    assert 2 <= before_first <= first_at / SHORT_S
    assert join(pieces).count(KEEP_ALIVE) > before_first + 2
    assert KEEP_ALIVE not in captured
    without = [event.data for event in decode(join(pieces))]
    assert [
        event.data for event in decode(captured) if body is ASKING or '"usage":{' not in event.data
    ] == without
    assert envelope.outcome is Outcome.COMPLETED
    assert envelope.chunk_count == len(list(decode(captured)))
    assert envelope.timings.to_first_chunk_ms is not None
    assert envelope.timings.to_first_chunk_ms >= 1490


def _are_comments(piece: bytes) -> bool:
    return piece == KEEP_ALIVE * piece.count(KEEP_ALIVE)


async def test_a_stream_that_flows_gets_none(stand_in: StandIn) -> None:
    """Chunks that come in time are signs of life enough."""
    async with serve_relay(stand_in, keep_alive_s=2) as relay:
        _, pieces = await stream(relay, "chunk_ms=50;chunks=50")
        assert join(pieces) == await relay.captured_body()


async def test_switched_off_there_are_none(stand_in: StandIn) -> None:
    """KEEP_ALIVE_S=0."""
    async with serve_relay(stand_in, keep_alive_s=0) as relay:
        _, pieces = await stream(relay, "first_chunk_ms=400;chunks=1")
        assert join(pieces) == await relay.captured_body()


async def test_no_comment_within_an_event(stand_in: StandIn) -> None:
    """An event that stands still half-way is left alone, however long."""
    async with serve_relay(stand_in, keep_alive_s=0.02) as relay:
        _, pieces = await stream(relay, "cut=5;first_chunk_ms=100;chunk_ms=60;chunks=1")
        captured = await relay.captured_body()
    received = join(pieces)
    assert received.count(KEEP_ALIVE) > 0
    assert received.replace(KEEP_ALIVE, b"") == captured
    assert [event.data for event in decode(received)] == [event.data for event in decode(captured)]


async def test_a_document_gets_no_comment(stand_in: StandIn) -> None:
    """Its bytes are counted."""
    async with serve_relay(stand_in, keep_alive_s=0.05) as relay:
        response, pieces = await stream(
            relay, "headers_ms=200;first_chunk_ms=200", {"messages": MESSAGES}
        )
    assert int(response.headers["content-length"]) == len(join(pieces))
    assert json.loads(join(pieces))["object"] == "chat.completion"


async def test_a_requested_stream_can_be_commented(stand_in: StandIn) -> None:
    """The proxy requests it uncompressed, because it may have to write comments into it."""
    async with serve_relay(stand_in, keep_alive_s=SHORT_S) as relay:
        response, pieces = await stream(relay, "gzip;first_chunk_ms=400")
    assert "content-encoding" not in response.headers
    assert pieces[0][1] == KEEP_ALIVE


@pytest.mark.parametrize(
    "body", [STREAM, ASKING], ids=["usage asked by the proxy", "by the caller"]
)
async def test_late_headers_are_not_waited_for(stand_in: StandIn, body: object) -> None:
    """200 and comments in time, then the stream as the upstream wrote it."""
    async with serve_relay(stand_in, early_response_after_s=SHORT_S, keep_alive_s=SHORT_S) as relay:
        response, pieces = await stream(relay, "headers_ms=1500;chunks=3", body)
        captured, envelope = await relay.captured_body(), await relay.envelope()
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["x-exchange-id"] == envelope.exchange_id
    assert pieces[0][1] == KEEP_ALIVE
    assert pieces[0][0] * 1000 < (envelope.timings.to_headers_ms or 0)
    assert join(pieces).count(KEEP_ALIVE) >= 3
    expected = [
        event.data for event in decode(captured) if body is ASKING or '"usage":{' not in event.data
    ]
    assert [event.data for event in decode(join(pieces))] == expected
    assert envelope.outcome is Outcome.COMPLETED
    assert envelope.timings.to_headers_ms is not None
    assert envelope.timings.to_headers_ms >= 1490
    assert envelope.usage is not None


async def test_a_stored_response_read_as_a_stream(
    stand_in: StandIn,
) -> None:
    """Its query asks for a stream, so the proxy requests it uncompressed and passes a late response
    on in the stream.
    """
    headers = {
        "x-stand-in": "headers_ms=1000;status=404",
        "accept-encoding": "gzip",
        "x-tag": "read",
    }
    async with (
        serve_relay(stand_in, early_response_after_s=SHORT_S) as relay,
        httpx.AsyncClient(base_url=relay.url, timeout=DEADLINE_S) as client,
    ):
        streamed_one = await client.get(
            "/openai/v1/responses/resp_1?stream=true&starting_after=3", headers=headers
        )
        whole_one = await client.get("/openai/v1/responses/resp_1?stream=false", headers=headers)
    record = await asyncio.to_thread(stand_in.exchange, "x-tag:read")
    assert (streamed_one.status_code, streamed_one.content.startswith(KEEP_ALIVE)) == (200, True)
    assert b'"error"' in streamed_one.content
    assert whole_one.status_code == 404
    assert ["accept-encoding", "gzip"] in record["headers"]  # type: ignore[operator]


ASKING_FOR_EVENTS = [
    ("/openai/deployments/d/images/generations", {"prompt": "a cat", "stream": True}),
    ("/openai/v1/images/edits", {"model": "m", "prompt": "a cat", "images": [], "stream": True}),
    (
        "/openai/deployments/d/audio/speech",
        {"input": "a", "voice": "alloy", "stream_format": "sse"},
    ),
    ("/openai/v1/responses", {"model": "m", "input": "a", "stream": True}),
    ("/openai/threads/runs", {"assistant_id": "a", "stream": True}),
    (
        "/openai/threads/thread_1/runs/run_1/submit_tool_outputs",
        {"tool_outputs": [], "stream": True},
    ),
    ("/openai/v1/whatever/comes/next", {"stream": True}),
]
EVENTS = b'data: {"a":1}\n\ndata: {"type":"response.completed","response":{}}\n\n'


async def late_events(connection: Connection, requests: list[bytes]) -> None:
    """Says nothing for a while, then answers with EVENTS."""
    requests.append(await connection.request())
    await asyncio.sleep(8 * SHORT_S)
    await connection.say(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + EVENTS
    )


@pytest.mark.parametrize(
    ("target", "body"), ASKING_FOR_EVENTS, ids=[target for target, _ in ASKING_FOR_EVENTS]
)
async def test_json_for_a_stream_is_answered_early(target: str, body: object) -> None:
    """Every such request, and it asks the upstream for a plain response; its body goes up as it
    came, without a request for usage.
    """
    requests: list[bytes] = []
    script = functools.partial(late_events, requests=requests)
    async with (
        serving(script) as upstream,
        serve_relay(upstream, early_response_after_s=SHORT_S) as relay,
    ):
        async with httpx.AsyncClient(base_url=relay.url, timeout=DEADLINE_S) as client:
            response = await client.post(target, json=body, headers={"accept-encoding": "gzip"})
        envelope = await relay.envelope()
    assert (response.status_code, response.content) == (200, KEEP_ALIVE + EVENTS)
    head, _, sent = requests[0].partition(b"\r\n\r\n")
    assert b"accept-encoding: identity" in head.lower()
    assert sent == response.request.content
    assert (envelope.outcome, envelope.usage_requested, envelope.stream) == (
        Outcome.COMPLETED,
        False,
        True,
    )


NOT_ASKING = [
    ("/openai/deployments/d/audio/speech", "application/json", b'{"input":"a","stream":true}'),
    (
        "/openai/deployments/d/images/generations",
        "application/json",
        b'{"prompt":"a","stream":"true"}',
    ),
    ("/openai/deployments/d/embeddings", "application/json", b'{"input":"a","stream":true}'),
    ("/openai/v1/whatever", "text/plain", b'{"stream":true}'),
    (
        "/openai/deployments/d/audio/transcriptions",
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="stream"\r\n\r\ntrue\r\n--b--\r\n',
    ),
]


@pytest.mark.parametrize(
    ("target", "kind", "body"),
    NOT_ASKING,
    ids=[f"{target} {kind}" for target, kind, _ in NOT_ASKING],
)
async def test_other_requests_wait_for_the_upstreams_headers(
    target: str, kind: str, body: bytes
) -> None:
    """A form is passed on unread; if events come all the same, they are relayed as such."""
    requests: list[bytes] = []
    script = functools.partial(late_events, requests=requests)
    async with (
        serving(script) as upstream,
        serve_relay(upstream, early_response_after_s=SHORT_S) as relay,
    ):
        async with httpx.AsyncClient(base_url=relay.url, timeout=DEADLINE_S) as client:
            response = await client.post(
                target, content=body, headers={"content-type": kind, "accept-encoding": "gzip"}
            )
        envelope = await relay.envelope()
    assert (response.status_code, response.content) == (200, EVENTS)
    assert b"accept-encoding: gzip" in requests[0].lower()
    assert (envelope.outcome, envelope.request_bytes) == (Outcome.COMPLETED, len(body))


async def test_headers_in_time_are_the_upstreams(stand_in: StandIn) -> None:
    """Nothing is put in before the time has come."""
    async with serve_relay(stand_in, early_response_after_s=5) as relay:
        response, pieces = await stream(relay, "headers_ms=100")
        assert join(pieces) == await relay.captured_body()
    assert response.headers["x-ms-region"] == "North Central US"


async def test_switched_off_the_headers_are_waited_for(stand_in: StandIn) -> None:
    """EARLY_RESPONSE_AFTER_S=0."""
    async with serve_relay(stand_in, early_response_after_s=0, keep_alive_s=SHORT_S) as relay:
        response, pieces = await stream(relay, "headers_ms=1000;status=429;retry_after=7")
    assert (response.status_code, response.headers["retry-after"]) == (429, "7")
    assert json.loads(join(pieces))["error"]["code"] == "429"


async def test_no_early_response_without_a_stream(stand_in: StandIn) -> None:
    """It could be given no other status afterwards."""
    async with serve_relay(stand_in, early_response_after_s=SHORT_S) as relay:
        response, _ = await stream(relay, "headers_ms=1000;status=500", {"messages": MESSAGES})
    assert response.status_code == 500


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
async def test_the_sdk_raises_an_error_after_comments(stand_in: StandIn, status: int) -> None:
    """The sync and async SDKs raise it with the upstream's own code and message, and the event
    holds the upstream's response.
    """
    directives = f"headers_ms=1000;status={status}"
    async with serve_relay(stand_in, early_response_after_s=SHORT_S) as relay:
        with pytest.raises(openai.APIError) as raised:
            await asyncio.to_thread(read_all, relay.client(), directives)
        envelope, captured = await relay.envelope(), await relay.captured_body()
        with pytest.raises(openai.APIError):
            await async_read_all(relay.async_client(), directives)
    error: Any = json.loads(captured)["error"]
    assert raised.value.message == error["message"]
    assert raised.value.code == error["code"]
    assert (envelope.outcome, envelope.status_code) == (Outcome.UPSTREAM_ERROR, 200)
    assert envelope.upstream_status_code == status


@pytest.mark.parametrize(
    ("directives", "message", "outcome"),
    [
        ("silence", "UPSTREAM_READ_TIMEOUT_S", Outcome.TIMED_OUT),
        ("headers_ms=1000;reset_before_headers", "could not be reached", Outcome.UPSTREAM_ERROR),
        (
            "headers_ms=1000;chunk_ms=20;reset_after=5",
            "broke within the response",
            Outcome.UPSTREAM_INTERRUPTED,
        ),
        ("headers_ms=1000;silence_after=5", "UPSTREAM_READ_TIMEOUT_S", Outcome.TIMED_OUT),
    ],
)
async def test_the_sdk_raises_a_failure_after_comments(
    stand_in: StandIn, directives: str, message: str, outcome: Outcome
) -> None:
    """It gets the failure as an error frame, and never a false end."""
    async with serve_relay(stand_in, early_response_after_s=SHORT_S, read_timeout_s=2) as relay:
        with pytest.raises(openai.APIError, match=message):
            await asyncio.to_thread(read_all, relay.client(), directives)
        envelope = await relay.envelope()
    assert (envelope.outcome, envelope.status_code) == (outcome, 200)


async def test_a_rejected_addition_after_comments(stand_in: StandIn) -> None:
    """The second call's stream follows the comments."""
    async with serve_relay(stand_in, early_response_after_s=SHORT_S) as relay:
        text = await asyncio.to_thread(
            read_all, relay.client(), "headers_ms=1000;refuse_stream_options"
        )
        envelope = await relay.envelope()
    assert text
    assert (envelope.usage_requested, envelope.outcome) == (False, Outcome.COMPLETED)


async def test_the_sdk_reads_through_comments(stand_in: StandIn) -> None:
    """The text is the same with and without them, sync and async."""
    slow = "headers_ms=1000;first_chunk_ms=300;chunk_ms=100;chunks=4"
    async with serve_relay(stand_in) as plain:
        expected = await asyncio.to_thread(read_all, plain.client(), "chunks=4")
    async with serve_relay(stand_in, early_response_after_s=0.1, keep_alive_s=0.03) as relay:
        assert await asyncio.to_thread(read_all, relay.client(), slow) == expected
        assert await async_read_all(relay.async_client(), slow) == expected


def picture(client: openai.AzureOpenAI, directives: str) -> list[str]:
    """The kinds of events of a streamed image, as the SDK reads them."""
    with client:
        stream = client.images.generate(
            model="gpt-image-1",
            prompt="a cat",
            stream=True,
            partial_images=2,
            extra_headers={"x-stand-in": directives},
        )
        return [event.type for event in stream]


async def test_the_sdk_reads_a_streamed_image_through_comments(stand_in: StandIn) -> None:
    """The SDK reads the image, and raises a late error as it does for chats."""
    async with serve_relay(stand_in) as plain:
        expected = await asyncio.to_thread(picture, plain.client(), "")
    assert expected[-1] == "image_generation.completed"
    async with serve_relay(stand_in, early_response_after_s=0.1, keep_alive_s=0.03) as relay:
        slow = "headers_ms=1000;first_chunk_ms=300;chunk_ms=100"
        assert await asyncio.to_thread(picture, relay.client(), slow) == expected
        envelope = await relay.envelope()
        with pytest.raises(openai.APIError, match="rate limit"):
            await asyncio.to_thread(picture, relay.client(), "headers_ms=1000;status=429")
    assert (envelope.outcome, envelope.operation, envelope.stream) == (
        Outcome.COMPLETED,
        "images.generations",
        True,
    )


async def test_disconnect_after_comments(stand_in: StandIn) -> None:
    """The upstream is let go before it has answered."""
    async with (
        serve_relay(stand_in, early_response_after_s=SHORT_S) as relay,
        httpx.AsyncClient(base_url=relay.url, timeout=DEADLINE_S) as client,
    ):
        async with client.stream(
            "POST", CHAT, json=STREAM, headers={"x-stand-in": "silence", "x-tag": "early"}
        ) as response:
            async for piece in response.aiter_raw():
                assert piece == KEEP_ALIVE
                break
        envelope = await relay.envelope()
        ended = await asyncio.to_thread(stand_in.exchange, "x-tag:early")
    assert ended["ended"] == "peer_closed"
    assert (envelope.outcome, envelope.status_code, envelope.upstream_status_code) == (
        Outcome.CLIENT_DISCONNECTED,
        200,
        None,
    )
