"""Streams that break, seen by the official OpenAI SDK: it raises, and never takes half a response
for a whole one.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from harness.stand_in_process import CHAT, STREAM, StandIn, running
from shared.core.records.exchange.outcome import Outcome
from shared.core.wire.stream.sse import decode
from tests.integration.relay.sdk_streams import MESSAGES, async_read_all, read_all
from tests.integration.support.exchanges import DEADLINE_S
from tests.integration.support.served_relay import ServedRelay, serve_relay
from tests.integration.support.tiny_server import Connection, serving

pytestmark = pytest.mark.anyio
READ_TIMEOUT_S = 0.6
# Paced, because a reset that overtakes bytes within the connection loses them for any reader.
BROKEN = [
    "reset_after=6;chunk_ms=20",
    "close_after=6",
    "end_after=6",
    "no_finish",
    "silence_after=6",
]


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandIn]:
    with running() as started:
        yield started


def outcome_of(directives: str) -> Outcome:
    return Outcome.TIMED_OUT if directives.startswith("silence") else Outcome.UPSTREAM_INTERRUPTED


async def raw(
    relay: ServedRelay, directives: str, body: object = STREAM, target: str = CHAT
) -> tuple[bytes, bool]:
    """(the response's body, whether it ended as HTTP wants it)."""
    received = b""
    async with httpx.AsyncClient(base_url=relay.url, timeout=DEADLINE_S) as client:
        try:
            async with client.stream(
                "POST", target, json=body, headers={"x-stand-in": directives}
            ) as response:
                async for piece in response.aiter_raw():
                    received += piece
        except httpx.RemoteProtocolError:
            return received, False
    return received, True


@pytest.mark.parametrize("usage_requested_by", ["proxy", "caller"])
@pytest.mark.parametrize("directives", BROKEN)
async def test_the_sdk_raises_the_proxys_error(
    stand_in: StandIn, directives: str, usage_requested_by: str
) -> None:
    """The sync and async SDKs raise an APIError with the proxy's message, whether the client or the
    proxy asked for usage.
    """
    options = {"stream_options": {"include_usage": True}} if usage_requested_by == "caller" else {}
    async with serve_relay(stand_in, read_timeout_s=READ_TIMEOUT_S) as relay:
        with pytest.raises(openai.APIError, match="Azure OpenAI") as raised:
            await asyncio.to_thread(read_all, relay.client(), directives, **options)
        envelope = await relay.envelope()
        with pytest.raises(openai.APIError, match="Azure OpenAI"):
            await async_read_all(relay.async_client(), directives, **options)
    code = "upstream_timeout" if directives.startswith("silence") else "upstream_interrupted"
    assert raised.value.code == code
    assert (envelope.outcome, envelope.status_code) == (outcome_of(directives), 200)
    assert envelope.failure is not None
    assert envelope.failure.code == code


@pytest.mark.parametrize("directives", BROKEN)
async def test_what_came_is_passed_on_and_no_end_is_invented(
    stand_in: StandIn, directives: str
) -> None:
    """The client gets whole events, then the error as the last one and a proper end of the body;
    the capture holds what the upstream sent.
    """
    async with serve_relay(stand_in, read_timeout_s=READ_TIMEOUT_S) as relay:
        received, whole = await raw(relay, directives)
        captured = await relay.captured_body()
    events = received.split(b"\n\n")
    assert whole
    assert events[-1] == b""
    assert json.loads(events[-2].removeprefix(b"data: "))["error"]["type"] == "fnsse_error"
    assert b"\n\n".join(events[:-2]) + b"\n\n" == captured
    assert b"[DONE]" not in received


@pytest.mark.parametrize("directives", ["close_after=0", "end_after=0", "silence_after=0"])
async def test_a_stream_that_breaks_before_its_first_event(
    stand_in: StandIn, directives: str
) -> None:
    """Its headers have come: the error is all of it, and the SDK raises it."""
    async with serve_relay(stand_in, read_timeout_s=READ_TIMEOUT_S) as relay:
        received, whole = await raw(relay, directives)
        envelope = await relay.envelope()
        with pytest.raises(openai.APIError, match="Azure OpenAI"):
            await asyncio.to_thread(read_all, relay.client(), directives)
    assert whole
    assert [json.loads(sse.data)["error"]["type"] for sse in decode(received)] == ["fnsse_error"]
    assert (envelope.outcome, envelope.status_code, envelope.response_bytes) == (
        outcome_of(directives),
        200,
        0,
    )
    assert (envelope.timings.to_headers_ms is None, envelope.timings.to_first_chunk_ms) == (
        False,
        None,
    )


@pytest.mark.parametrize("directives", BROKEN[:3])
async def test_without_error_frames_the_connection_says_it(
    stand_in: StandIn, directives: str
) -> None:
    """ERROR_FRAMES=false: exactly the upstream's bytes, and no end of the body."""
    async with serve_relay(stand_in, error_frames=False) as relay:
        received, whole = await raw(relay, directives)
        assert (received, whole) == (await relay.captured_body(), False)
        with pytest.raises(openai.APIConnectionError):
            await asyncio.to_thread(read_all, relay.client(), directives)


async def test_within_an_event_the_connection_says_it(stand_in: StandIn) -> None:
    """Half an event that was sent can't be taken back; if it were ended, an SDK would fail in its
    JSON parser.
    """
    body = {**STREAM, "stream_options": {"include_usage": True}}
    async with serve_relay(stand_in) as relay:
        received, whole = await raw(relay, "byte_at_a_time;close_after=1000", body)
        assert (received, whole) == (await relay.captured_body(), False)
        assert (await relay.envelope()).outcome is Outcome.UPSTREAM_INTERRUPTED
        with pytest.raises(openai.APIConnectionError):
            await asyncio.to_thread(
                read_all,
                relay.client(),
                "byte_at_a_time;close_after=1000",
                stream_options={"include_usage": True},
            )


async def test_half_an_event_that_still_waited_is_dropped(stand_in: StandIn) -> None:
    """If the proxy asked for usage, it sends events whole and drops half an event, so that it can
    report the error.
    """
    async with serve_relay(stand_in) as relay:
        received, whole = await raw(relay, "byte_at_a_time;close_after=1000")
        captured = await relay.captured_body()
    assert whole
    head, frame = received.removesuffix(b"\n\n").rsplit(b"\n\n", 1)
    assert captured.startswith(head + b"\n\n")
    assert b'"error"' in frame


async def test_an_upstreams_own_error_is_reported_once(stand_in: StandIn) -> None:
    """An error inside a 200: the upstream's own words, unchanged; the SDK raises them."""
    async with serve_relay(stand_in) as relay:
        for directives in ("error_in_200", "error_in_200=flat"):
            received, whole = await raw(relay, directives)
            assert (received, whole) == (await relay.captured_body(), True)
        with pytest.raises(openai.APIError, match="The server had an error"):
            await asyncio.to_thread(read_all, relay.client(), "error_in_200")
        assert (await relay.envelope()).outcome is not Outcome.COMPLETED


async def test_a_finish_without_done_is_whole(stand_in: StandIn) -> None:
    """Nothing is missing, so nothing is reported."""
    async with serve_relay(stand_in) as relay:
        await asyncio.to_thread(read_all, relay.client(), "no_done")
        assert (await relay.envelope()).outcome is Outcome.COMPLETED


@pytest.mark.parametrize("directives", ["reset_after=4", "end_after=4", "no_finish"])
async def test_a_broken_stream_of_responses_is_reported(stand_in: StandIn, directives: str) -> None:
    """The Responses API's stream has events with names and no [DONE]."""
    async with serve_relay(stand_in) as relay:
        with relay.client(), pytest.raises(openai.APIError, match="Azure OpenAI"):
            await asyncio.to_thread(
                lambda: list(
                    openai.OpenAI(
                        base_url=f"{relay.url}/openai/v1/", api_key="callers", max_retries=0
                    ).responses.create(
                        model="gpt-4o",
                        input="hello",
                        stream=True,
                        extra_headers={"x-stand-in": directives},
                    )
                )
            )
        assert (await relay.envelope()).outcome is Outcome.UPSTREAM_INTERRUPTED


@pytest.mark.parametrize("size", [100, 200_000])
async def test_a_long_last_event_is_an_end(stand_in: StandIn, size: int) -> None:
    """`response.completed` repeats the whole response, however long: completed, with its usage, and
    no error after it.
    """
    body = {"model": "gpt-4o", "input": "hello", "stream": True}
    async with serve_relay(stand_in) as relay:
        received, whole = await raw(relay, f"content_size={size}", body, "/openai/v1/responses")
        envelope = await relay.envelope()
        assert (received, whole) == (await relay.captured_body(), True)
    assert envelope.outcome is Outcome.COMPLETED
    assert envelope.usage is not None
    total = envelope.usage["total_tokens"]
    assert isinstance(total, int)
    assert total > 0


@pytest.mark.parametrize(
    ("target", "body"),
    [
        (
            "/openai/v1/images/generations",
            {"model": "gpt-image-1", "prompt": "a", "stream": True, "partial_images": 1},
        ),
        (
            "/openai/v1/audio/speech",
            {"model": "tts", "input": "a", "voice": "alloy", "stream_format": "sse"},
        ),
        ("/openai/v1/audio/transcriptions", {"model": "whisper", "stream": True}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_streams_of_other_kinds_are_completed(
    stand_in: StandIn, target: str, body: object
) -> None:
    """They have neither finish_reason nor [DONE]; nothing is added to them."""
    async with serve_relay(stand_in) as relay:
        received, whole = await raw(relay, "", body, target)
        assert (received, whole) == (await relay.captured_body(), True)
        envelope = await relay.envelope()
    assert (envelope.stream, envelope.outcome) == (True, Outcome.COMPLETED)


@pytest.mark.parametrize(
    ("target", "body"),
    [
        (
            "/openai/v1/audio/speech",
            {"model": "tts", "input": "a", "voice": "alloy", "stream_format": "sse"},
        ),
        ("/openai/v1/audio/transcriptions", {"model": "whisper", "stream": True}),
    ],
    ids=["speech", "transcription"],
)
@pytest.mark.parametrize("directives", ["no_finish", "end_after=2", "close_after=2"])
async def test_an_audio_stream_that_is_cut_is_interrupted(
    stand_in: StandIn, target: str, body: object, directives: str
) -> None:
    """Whole events, then the error as the last one: its last event (`speech.audio.done`,
    `transcript.text.done`) never came.
    """
    async with serve_relay(stand_in) as relay:
        received, whole = await raw(relay, directives, body, target)
        captured = await relay.captured_body()
        envelope = await relay.envelope()
    *_, frame, rest = received.split(b"\n\n")
    assert (whole, rest) == (True, b"")
    (error,) = decode(frame + b"\n\n")
    data = json.loads(error.data)
    assert (error.event, data["type"], data["code"]) == ("error", "error", "upstream_interrupted")
    assert data["error"]["code"] == "upstream_interrupted"
    assert captured == received.removesuffix(frame + b"\n\n")
    assert (envelope.stream, envelope.outcome) == (True, Outcome.UPSTREAM_INTERRUPTED)


async def test_a_timeout_is_reported_in_the_stream(stand_in: StandIn) -> None:
    """EXCHANGE_TIMEOUT_S, although each chunk comes in time."""
    async with serve_relay(stand_in, limits={"exchange_s": 2}) as relay:
        with pytest.raises(openai.APIError, match="EXCHANGE_TIMEOUT_S"):
            await asyncio.to_thread(read_all, relay.client(), "chunk_ms=50;chunks=200")
        envelope = await relay.envelope()
    assert (envelope.outcome, envelope.chunk_count > 3) == (Outcome.TIMED_OUT, True)


async def events_without_end(connection: Connection) -> None:
    """More than any buffer on the way to the client holds."""
    await connection.request()
    await connection.say(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    )
    while True:
        await connection.say(b'data: {"choices":[]}\n\n' * 2000)


async def test_a_client_that_stops_reading() -> None:
    """The connection of a client that stops reading is aborted, its exchange is recorded, and the
    body that it may still read does not look complete.
    """
    body = json.dumps(STREAM).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    async with (
        serving(events_without_end) as upstream,
        serve_relay(upstream, limits={"exchange_s": 1}) as relay,
    ):
        client = socket.socket()
        # full before the limit is reached
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", int(relay.url.rpartition(":")[2])))
        reader, writer = await asyncio.open_connection(sock=client, limit=1024)
        writer.write(head + body)
        envelope = await relay.envelope()
        async with asyncio.timeout(DEADLINE_S):
            received = await reader.read()  # to the connection's end
        writer.close()
    assert envelope.outcome is Outcome.TIMED_OUT
    assert received.startswith(b"HTTP/1.1 200 OK")
    assert not received.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("directives", "exchange_s", "error", "status"),
    [
        ("silence", DEADLINE_S, openai.InternalServerError, 504),
        ("silence", 0.4, openai.InternalServerError, 504),
        ("reset_before_headers", DEADLINE_S, openai.InternalServerError, 502),
    ],
)
async def test_before_the_response_began_it_is_a_json_error(
    stand_in: StandIn,
    directives: str,
    exchange_s: float,
    error: type[openai.APIStatusError],
    status: int,
    stream: bool,
) -> None:
    """It has a status of its own, streaming or not."""
    async with serve_relay(
        stand_in, read_timeout_s=READ_TIMEOUT_S, limits={"exchange_s": exchange_s}
    ) as relay:
        with relay.client() as client, pytest.raises(error) as raised:
            await asyncio.to_thread(
                lambda: client.chat.completions.create(
                    model="gpt",
                    messages=MESSAGES,
                    stream=stream,
                    extra_headers={"x-stand-in": directives},
                )
            )
        envelope = await relay.envelope()
    assert raised.value.status_code == status
    assert raised.value.type == "fnsse_error"
    expected = Outcome.TIMED_OUT if directives == "silence" else Outcome.UPSTREAM_ERROR
    assert (envelope.outcome, envelope.status_code, envelope.upstream_status_code) == (
        expected,
        status,
        None,
    )


@pytest.mark.parametrize(
    "directives", ["reset_after=5", "close_after=5", "end_after=5", "silence_after=5"]
)
async def test_half_a_document_ends_with_its_connection(stand_in: StandIn, directives: str) -> None:
    """Status and length were sent; the client's HTTP library sees that something is missing."""
    body = {"messages": MESSAGES}
    async with serve_relay(stand_in, read_timeout_s=READ_TIMEOUT_S) as relay:
        received, whole = await raw(relay, directives, body)
        assert (received, whole) == (await relay.captured_body(), False)
        envelope = await relay.envelope()
    assert (envelope.outcome, envelope.stream) == (outcome_of(directives), False)


async def test_a_body_over_the_limit_is_rejected(stand_in: StandIn) -> None:
    """413 in Azure's shape, whether the operation's body is looked at or passed on; the upstream is
    left alone.
    """
    async with (
        serve_relay(stand_in, limits={"request_body_bytes": 1000}) as relay,
        httpx.AsyncClient(base_url=relay.url, timeout=DEADLINE_S) as client,
    ):
        for target in (CHAT, "/openai/files?api-version=2024-10-21"):
            for content in (b"x" * 1001, _in_pieces()):
                response = await client.post(target, content=content)
                assert response.status_code == 413
                assert response.json()["error"]["code"] == "body_too_large"
                envelope = await relay.envelope()
                assert (envelope.outcome, envelope.request_capture) == (Outcome.REJECTED, None)


async def _in_pieces() -> Any:
    for _ in range(20):
        yield b"x" * 100
