"""The proxy's additions to a response: each is switchable, none stands within an event, and none is
in the capture.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from dataclasses import replace

import httpx
import pytest

from shared.core.records.exchange.outcome import Outcome
from tests.integration.support.exchanges import (
    ASK,
    DEADLINE_S,
    DONE,
    STOP,
    TEXT,
    UNTOUCHED,
    RelayClient,
    document,
    event_of,
    relay_setup,
    sse,
)

pytestmark = pytest.mark.anyio

USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
USAGE_CHUNK = event_of(choices=[], usage=USAGE)
COMMENT = b": keep-alive\n"

COMMENTING = replace(UNTOUCHED, keep_alive_s=0.05)
EARLY = replace(UNTOUCHED, early_response_after_s=0.05)
ASKING = replace(UNTOUCHED, ask_for_usage=True)


async def test_a_silent_stream_gets_comments() -> None:
    """They count as nothing in the record."""
    going_on = asyncio.Event()
    setup = relay_setup(sse(TEXT, going_on, STOP, DONE), interventions=COMMENTING)
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(TEXT + COMMENT + COMMENT)
    going_on.set()
    await asyncio.wait_for(running, DEADLINE_S)
    assert client.body.replace(COMMENT, b"") == TEXT + STOP + DONE
    envelope = await setup.envelope()
    assert (envelope.chunk_count, envelope.response_bytes) == (3, len(TEXT + STOP + DONE))
    [capture] = setup.store.captures(".response")
    assert capture.body == TEXT + STOP + DONE
    sent_ms = capture.header["keep_alives_ms"]
    assert isinstance(sent_ms, list)
    assert len(sent_ms) == client.body.count(COMMENT)


async def test_no_comment_comes_within_an_event() -> None:
    going_on = asyncio.Event()
    setup = relay_setup(sse(TEXT[:9], going_on, TEXT[9:] + STOP + DONE), interventions=COMMENTING)
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(TEXT[:9])
    await asyncio.sleep(0.2)  # several intervals in which a comment would have been due
    assert client.body == TEXT[:9]
    going_on.set()
    await asyncio.wait_for(running, DEADLINE_S)
    assert client.body == TEXT + STOP + DONE


async def test_a_document_gets_no_comments() -> None:
    going_on = asyncio.Event()
    response = document(b"{}")
    response.stream = sse(b"{", going_on, b"}").stream
    setup = relay_setup(response, interventions=COMMENTING)
    client = RelayClient(setup.relay, b"{}")
    running = client.start()
    await client.until_body(b"{")
    await asyncio.sleep(0.2)  # several intervals
    going_on.set()
    await asyncio.wait_for(running, DEADLINE_S)
    assert client.body == b"{}"


async def test_a_slow_stream_is_answered_early() -> None:
    answering = asyncio.Event()
    setup = relay_setup(answering, sse(TEXT, STOP, DONE), interventions=EARLY)
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(COMMENT)
    assert (client.status, client.headers["content-type"]) == (200, "text/event-stream")
    answering.set()
    await asyncio.wait_for(running, DEADLINE_S)
    assert client.body == COMMENT + TEXT + STOP + DONE
    assert client.ended
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.status_code, envelope.upstream_status_code) == (
        Outcome.COMPLETED,
        200,
        200,
    )


async def test_an_error_after_an_early_response() -> None:
    """It follows as a frame."""
    answering = asyncio.Event()
    refusal = b'{"error": {"code": "429", "message": "slow\\ndown"}}'
    setup = relay_setup(answering, document(refusal, status=429), interventions=EARLY)
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(COMMENT)
    answering.set()
    await asyncio.wait_for(running, DEADLINE_S)
    frame = client.body.removeprefix(COMMENT)
    assert frame.count(b"\n") == 2
    assert json.loads(frame.removeprefix(b"data: ")) == json.loads(refusal)
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.status_code, envelope.upstream_status_code) == (
        Outcome.UPSTREAM_ERROR,
        200,
        429,
    )
    assert [blob.body for blob in setup.store.captures(".response")] == [refusal]


@pytest.mark.parametrize("status", [200, 202, 302])
async def test_a_document_after_an_early_response_is_an_error(
    status: int,
) -> None:
    """A stream was asked for; the completion belongs in the capture alone."""
    answering = asyncio.Event()
    completion = b'{"choices": [{"message": {"content": "secret"}}]}'
    setup = relay_setup(
        answering,
        document(completion, status=status),
        interventions=replace(EARLY, error_frames=True),
    )
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(COMMENT)
    answering.set()
    await asyncio.wait_for(running, DEADLINE_S)
    frame = client.body.removeprefix(COMMENT)
    error = json.loads(frame.removeprefix(b"data: "))["error"]
    assert (error["code"], error["message"]) == (
        "upstream_interrupted",
        "Azure OpenAI answered a request for a stream with something else.",
    )
    assert b"secret" not in client.body
    assert client.ended
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.upstream_status_code) == (
        Outcome.UPSTREAM_INTERRUPTED,
        status,
    )
    assert envelope.failure is not None
    assert [blob.body for blob in setup.store.captures(".response")] == [completion]


async def test_an_internal_error_after_early_headers() -> None:
    """It cuts the response off."""
    answering = asyncio.Event()
    setup = relay_setup(
        answering, RuntimeError("x"), interventions=replace(EARLY, error_frames=True)
    )
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(COMMENT)
    answering.set()
    with pytest.raises(RuntimeError):
        await asyncio.wait_for(running, DEADLINE_S)
    assert (client.body, client.ended) == (COMMENT, False)
    envelope = await setup.envelope()
    assert envelope.outcome is Outcome.UPSTREAM_INTERRUPTED
    assert envelope.failure is not None
    assert envelope.failure.code == "internal_error"


async def test_a_stream_loses_its_length() -> None:
    """Comments, usage and errors change it; a document keeps its own."""
    frames = (TEXT, STOP, USAGE_CHUNK, DONE)
    setup = relay_setup(
        sse(*frames, content_length=str(len(b"".join(frames)))), interventions=ASKING
    )
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert "content-length" not in client.headers
    assert (client.body, client.ended) == (TEXT + STOP + DONE, True)
    assert (await setup.envelope()).outcome is Outcome.COMPLETED


async def test_a_coded_stream_gets_nothing_put_in() -> None:
    """It keeps its length."""
    going_on = asyncio.Event()
    response = sse(b"packed", going_on, b"rest", content_length="10", content_encoding="gzip")
    setup = relay_setup(response, interventions=replace(COMMENTING, ask_for_usage=True))
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(b"packed")
    await asyncio.sleep(0.2)  # several intervals
    going_on.set()
    await asyncio.wait_for(running, DEADLINE_S)
    assert (client.body, client.headers["content-length"]) == (b"packedrest", "10")


async def test_a_break_after_an_early_response() -> None:
    """The response does not look complete."""
    answering = asyncio.Event()
    setup = relay_setup(
        answering, httpx.RemoteProtocolError("x"), interventions=replace(EARLY, error_frames=True)
    )
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(COMMENT)
    answering.set()
    await asyncio.wait_for(running, DEADLINE_S)
    assert b'"upstream_unreachable"' in client.body
    assert b"[DONE]" not in client.body
    assert (await setup.envelope()).outcome is Outcome.UPSTREAM_ERROR


async def test_disconnect_after_an_early_response() -> None:
    """It cancels the call."""
    setup = relay_setup(asyncio.Event(), interventions=EARLY)
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(COMMENT)
    client.disconnect()
    await asyncio.wait_for(running, DEADLINE_S)
    assert setup.upstream.cancelled
    assert (await setup.envelope()).outcome is Outcome.CLIENT_DISCONNECTED


async def test_a_request_in_gzip_is_examined() -> None:
    """It asks for a stream, so it is answered early. It goes upstream as it came, without asking
    for usage.
    """
    answering = asyncio.Event()
    asking_early = replace(EARLY, ask_for_usage=True)
    setup = relay_setup(answering, sse(TEXT, STOP, DONE), interventions=asking_early)
    body = gzip.compress(ASK)
    headers = {"content-length": str(len(body)), "content-encoding": "gzip"}
    client = RelayClient(setup.relay, body, headers=headers)
    running = client.start()
    await client.until_body(COMMENT)
    answering.set()
    await asyncio.wait_for(running, DEADLINE_S)
    assert client.body == COMMENT + TEXT + STOP + DONE
    assert [sent for _, sent in setup.upstream.requests] == [body]
    assert not (await setup.envelope()).usage_requested


async def test_a_request_for_no_stream_is_never_answered_early() -> None:
    answering = asyncio.Event()
    setup = relay_setup(answering, document(b"{}"), interventions=EARLY)
    client = RelayClient(setup.relay, b'{"stream": false}')
    running = client.start()
    await asyncio.sleep(0.2)  # several times the 0.05 s of EARLY
    assert not client.messages
    answering.set()
    await asyncio.wait_for(running, DEADLINE_S)
    assert client.body == b"{}"


async def test_a_refused_usage_request_is_repeated_without_it() -> None:
    refusal = document(b'{"error": {"message": "Extra inputs are not permitted"}}', status=400)
    setup = relay_setup(refusal, sse(TEXT, STOP, DONE), interventions=ASKING)
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert (client.status, client.body) == (200, TEXT + STOP + DONE)
    (_, first), (_, second) = setup.upstream.requests
    assert b"include_usage" in first
    assert second == ASK
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.usage_requested) == (Outcome.COMPLETED, False)


async def test_another_400_passes_and_is_not_repeated() -> None:
    body = b'{"error": {"message": "your prompt is not to my liking"}}'
    setup = relay_setup(document(body, status=400), interventions=ASKING)
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert (client.status, client.body) == (400, body)
    assert len(setup.upstream.requests) == 1


async def test_a_caller_who_requests_usage_gets_it() -> None:
    ask = b'{"stream": true, "stream_options": {"include_usage": true}}'
    setup = relay_setup(sse(TEXT, STOP, USAGE_CHUNK, DONE), interventions=ASKING)
    client = RelayClient(setup.relay, ask)
    await client.run()
    assert client.body == TEXT + STOP + USAGE_CHUNK + DONE
    ((_, sent),) = setup.upstream.requests
    assert sent == ask


async def test_a_disconnected_response_is_drained() -> None:
    """Its end says how much was used."""
    going_on = asyncio.Event()
    setup = relay_setup(sse(TEXT, going_on, STOP, USAGE_CHUNK, DONE), drain_s=DEADLINE_S)
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(TEXT)
    await client.disconnect_and_be_noticed()
    going_on.set()
    await asyncio.wait_for(running, DEADLINE_S)
    assert client.body == TEXT
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.usage, envelope.sent_bytes) == (
        Outcome.CLIENT_DISCONNECTED,
        USAGE,
        len(TEXT),
    )


async def test_draining_is_bounded_in_time() -> None:
    setup = relay_setup(sse(TEXT, asyncio.Event()), drain_s=0.05)
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(TEXT)
    client.disconnect()
    await asyncio.wait_for(running, DEADLINE_S)
    assert (await setup.envelope()).outcome is Outcome.CLIENT_DISCONNECTED


async def test_draining_is_bounded_in_bytes() -> None:
    going_on = asyncio.Event()
    setup = relay_setup(
        sse(TEXT, going_on, *[b"x" * 1000] * 100, asyncio.Event()),
        drain_s=DEADLINE_S,
        drain_bytes=5000,
    )
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(TEXT)
    await client.disconnect_and_be_noticed()
    going_on.set()
    await asyncio.wait_for(running, DEADLINE_S)
    assert (await setup.envelope()).response_bytes <= len(TEXT) + 6000
