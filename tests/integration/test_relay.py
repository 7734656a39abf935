"""The relay: every byte passes, and every ending is told to the client as far as HTTP allows."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace

import httpx
import pytest

from shared.core.exchange import Outcome
from tests.integration.exchanges import CHAT, DEADLINE_S, UNTOUCHED, Body, Client, a_world, document, event_of, sse
from tests.unit.cutting import every_way

pytestmark = pytest.mark.anyio

ASK = json.dumps({"stream": True, "messages": [{"role": "user", "content": "žluť 🐎"}]}, ensure_ascii=False).encode()
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
FILTER = event_of(choices=[], prompt_filter_results=[], id="", model="")
TEXT = event_of(choices=[{"index": 0, "delta": {"content": "žluť\u2028🐎"}}], model="gpt-4o", usage=None)
STOP = event_of(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}], model="gpt-4o", usage=None)
USAGE_CHUNK = event_of(choices=[], usage=USAGE, model="gpt-4o")
DONE = b"data: [DONE]\n\n"
SPEECH = "/openai/deployments/tts/audio/speech"  # an operation of whose stream nobody knows how it has to end
STREAM = FILTER + TEXT + b": comment\r\n\r\n" + STOP + USAGE_CHUNK + DONE


# --- byte for byte --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, STREAM),
        (CHAT, STREAM.replace(b"\n", b"\r\n")),
        (SPEECH, bytes(range(256)) * 3),
        (SPEECH, b""),
    ],
    ids=["LF", "CRLF", "what is no SSE at all", "nothing"],
)
async def test_a_stream_comes_out_as_it_came_however_it_was_cut(path: str, body: bytes) -> None:
    for pieces in every_way(body):
        world = a_world(sse(*pieces))
        client = Client(world.relay, ASK, path=path)
        await client.run()
        assert client.body == body
        assert client.ended
        await world.recorded()
        assert [kept.body for kept in world.store.captures(".response")] == [body]


async def test_only_the_usage_chunk_that_the_proxy_asked_for_is_taken_out_however_it_was_cut() -> None:
    for pieces in every_way(STREAM):
        world = a_world(sse(*pieces), interventions=replace(UNTOUCHED, ask_for_usage=True))
        client = Client(world.relay, ASK)
        await client.run()
        assert client.body == STREAM.replace(USAGE_CHUNK, b"")
        envelope = await world.envelope()
        assert (envelope.usage, envelope.usage_asked, envelope.outcome) == (USAGE, True, Outcome.COMPLETED)
        assert [kept.body for kept in world.store.captures(".response")] == [STREAM], "the capture keeps it"


async def test_a_document_comes_out_as_it_came_with_its_length() -> None:
    body = b'{"choices": [], "usage": null}'
    world = a_world(document(body, apim_request_id="1", set_cookie="a=b"))
    client = Client(world.relay, ASK)
    await client.run()
    assert client.body == body
    assert client.headers["content-length"] == str(len(body))
    assert (client.headers["apim-request-id"], client.headers["set-cookie"]) == ("1", "a=b")


@pytest.mark.parametrize("pieces", [[ASK], [ASK[:7], b"", ASK[7:]], [ASK[i : i + 1] for i in range(len(ASK))]])
async def test_the_request_goes_up_as_it_came_with_the_proxys_credential(pieces: list[bytes]) -> None:
    world = a_world(document(b"{}"))
    headers = {"content-length": str(len(ASK)), "api-key": "the callers", "authorization": "Bearer x", "x-note": "kept"}
    await Client(world.relay, *pieces, headers=headers).run()
    ((request, body),) = world.upstream.requests
    assert body == ASK
    assert request.extensions["target"] == b"/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"
    assert request.url.host == "contoso.openai.azure.com"
    assert request.headers["api-key"] == "the-proxys-key"
    assert "authorization" not in request.headers
    assert (request.headers["x-note"], request.headers["content-length"]) == ("kept", str(len(ASK)))
    await world.recorded()
    assert [kept.body for kept in world.store.captures(".request")] == [ASK]


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
async def test_an_error_of_the_upstream_passes_untouched(status: int) -> None:
    body = b'{"error": {"code": "429", "message": "slow down"}}'
    world = a_world(document(body, status=status, retry_after="7"))
    client = Client(world.relay, ASK)
    await client.run()
    assert (client.status, client.body, client.headers["retry-after"]) == (status, body, "7")
    envelope = await world.envelope()
    assert (envelope.outcome, envelope.status_code) == (Outcome.UPSTREAM_ERROR, status)


async def test_each_piece_reaches_the_client_before_the_next_one_leaves_the_upstream() -> None:
    arrived = asyncio.Event()
    answer = sse(TEXT, arrived, STOP, DONE)
    world = a_world(answer)
    client = Client(world.relay, ASK)
    running = client.start()
    await client.until_body(TEXT)
    assert isinstance(answer.stream, Body)
    assert answer.stream.given == 1
    arrived.set()
    await asyncio.wait_for(running, DEADLINE_S)
    assert client.body == TEXT + STOP + DONE


async def test_every_answer_carries_the_exchanges_id() -> None:
    world = a_world(sse(DONE))
    client = Client(world.relay, ASK)
    await client.run()
    assert client.headers["x-exchange-id"] == (await world.envelope()).exchange_id


# --- the client leaves ----------------------------------------------------------------------------------------------


async def test_a_client_that_leaves_before_the_answer_began() -> None:
    world = a_world(asyncio.Event())
    client = Client(world.relay, ASK)
    running = client.start()
    async with asyncio.timeout(DEADLINE_S):
        await world.upstream.asked.wait()
    client.leave()
    await asyncio.wait_for(running, DEADLINE_S)
    assert world.upstream.cancelled, "the upstream must not work for nobody"
    envelope = await world.envelope()
    assert (envelope.outcome, envelope.status_code) == (Outcome.CLIENT_DISCONNECTED, None)
    assert envelope.request_capture is not None
    assert envelope.response_capture is None
    assert not client.messages


async def test_a_client_that_leaves_within_a_stream() -> None:
    answer = sse(FILTER, TEXT, asyncio.Event())
    world = a_world(answer)
    client = Client(world.relay, ASK)
    running = client.start()
    await client.until_body(FILTER + TEXT)
    client.leave()
    await asyncio.wait_for(running, DEADLINE_S)
    assert isinstance(answer.stream, Body)
    assert answer.stream.closed
    envelope = await world.envelope()
    assert (envelope.outcome, envelope.status_code, envelope.stream) == (Outcome.CLIENT_DISCONNECTED, 200, True)
    assert (envelope.response_bytes, envelope.chunk_count) == (len(FILTER + TEXT), 2)
    assert [kept.body for kept in world.store.captures(".response")] == [FILTER + TEXT]


async def test_a_client_that_leaves_after_the_last_frame_has_everything() -> None:
    """Many clients close there instead of reading to the end of the body."""
    world = a_world(sse(TEXT, STOP, USAGE_CHUNK, DONE, asyncio.Event()))
    client = Client(world.relay, ASK)
    running = client.start()
    await client.until_body(TEXT + STOP + USAGE_CHUNK + DONE)
    client.leave()
    await asyncio.wait_for(running, DEADLINE_S)
    envelope = await world.envelope()
    assert (envelope.outcome, envelope.usage, envelope.usage_source) == (Outcome.COMPLETED, USAGE, "upstream")


async def test_a_client_that_leaves_within_its_request_reaches_no_upstream() -> None:
    world = a_world()
    client = Client(world.relay, ASK[:10], headers={"content-length": "1000"})
    client.body_is_whole = False
    client.leave()
    await client.run()
    assert not world.upstream.requests
    assert not client.messages
    assert (await world.envelope()).outcome is Outcome.CLIENT_DISCONNECTED


async def test_an_exchange_that_the_server_cancels_is_recorded() -> None:
    world = a_world(sse(TEXT, asyncio.Event()))
    client = Client(world.relay, ASK)
    running = client.start()
    await client.until_body(TEXT)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await world.envelope()).outcome is Outcome.CLIENT_DISCONNECTED
    assert [kept.body for kept in world.store.captures(".response")] == [TEXT]


# --- the proxy says no ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pieces", "headers"),
    [
        ([], {"content-length": "1000001"}),
        ([], {"content-length": "9" * 30}),
        ([b"x" * 600_000, b"x" * 600_000, b"never read"], {"transfer-encoding": "chunked"}),
    ],
    ids=["announced", "announced beyond all numbers", "unannounced"],
)
async def test_a_body_that_is_too_large_is_refused_as_soon_as_that_is_known(
    pieces: list[bytes], headers: dict[str, str]
) -> None:
    world = a_world()
    client = Client(world.relay, *pieces, headers=headers)
    await client.run()
    assert (client.status, client.ended) == (413, True)
    assert json.loads(client.body)["error"]["code"] == "body_too_large"
    assert not world.upstream.requests
    envelope = await world.envelope()
    assert (envelope.outcome, envelope.status_code) == (Outcome.REJECTED, 413)
    assert (envelope.request_capture, envelope.response_capture) == (None, None)
    assert not world.store.blobs
    assert client._pieces in ([], [b"never read"])


async def test_a_body_of_exactly_the_limit_is_taken() -> None:
    world = a_world(document(b"{}"), request_body_bytes=len(ASK))
    client = Client(world.relay, ASK)
    await client.run()
    assert client.status == 200


# --- the upstream fails ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failure", "status", "code", "outcome"),
    [
        (httpx.ConnectError("x"), 502, "upstream_unreachable", Outcome.UPSTREAM_ERROR),
        (httpx.RemoteProtocolError("x"), 502, "upstream_unreachable", Outcome.UPSTREAM_ERROR),
        (httpx.ConnectTimeout("x"), 504, "upstream_timeout", Outcome.TIMED_OUT),
        (httpx.WriteTimeout("x"), 504, "upstream_timeout", Outcome.TIMED_OUT),
        (httpx.ReadTimeout("x"), 504, "upstream_timeout", Outcome.TIMED_OUT),
        (httpx.PoolTimeout("x"), 504, "upstream_timeout", Outcome.TIMED_OUT),
    ],
)
async def test_an_upstream_that_does_not_answer(failure: Exception, status: int, code: str, outcome: Outcome) -> None:
    world = a_world(failure)
    client = Client(world.relay, ASK)
    await client.run()
    assert (client.status, client.ended) == (status, True)
    said = json.loads(client.body)["error"]
    assert (said["code"], said["type"]) == (code, "fnsse_error")
    assert "contoso" not in said["message"]
    envelope = await world.envelope()
    assert (envelope.outcome, envelope.status_code, envelope.response_capture) == (outcome, status, None)
    assert envelope.failure is not None
    assert (envelope.failure.code, envelope.failure.message) == (code, said["message"])


@pytest.mark.parametrize(
    ("failure", "setting"),
    [
        (httpx.ConnectTimeout("x"), "UPSTREAM_CONNECT_TIMEOUT_S"),
        (httpx.PoolTimeout("x"), "UPSTREAM_CONNECT_TIMEOUT_S"),
        (httpx.WriteTimeout("x"), "UPSTREAM_WRITE_TIMEOUT_S"),
        (httpx.ReadTimeout("x"), "UPSTREAM_READ_TIMEOUT_S"),
    ],
)
async def test_a_timeout_names_its_setting(failure: Exception, setting: str) -> None:
    client = Client(a_world(failure).relay, ASK)
    await client.run()
    assert setting in json.loads(client.body)["error"]["message"]


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [(httpx.ReadError("x"), Outcome.UPSTREAM_INTERRUPTED), (httpx.ReadTimeout("x"), Outcome.TIMED_OUT)],
)
async def test_a_stream_that_breaks_never_looks_complete(failure: Exception, outcome: Outcome) -> None:
    """Without an end the server closes the connection, which every client takes for an error."""
    world = a_world(sse(TEXT, failure))
    client = Client(world.relay, ASK)
    await client.run()
    assert client.body == TEXT
    assert not client.ended
    envelope = await world.envelope()
    assert (envelope.outcome, envelope.status_code) == (outcome, 200)
    assert [kept.body for kept in world.store.captures(".response")] == [TEXT]


async def test_a_stream_that_breaks_tells_so_in_a_frame_where_that_is_switched_on() -> None:
    world = a_world(sse(TEXT, httpx.ReadError("x")), interventions=replace(UNTOUCHED, error_frames=True))
    client = Client(world.relay, ASK)
    await client.run()
    frame = client.body.removeprefix(TEXT)
    assert "error" in json.loads(frame.removeprefix(b"data: "))
    assert b"[DONE]" not in client.body
    assert (await world.envelope()).outcome is Outcome.UPSTREAM_INTERRUPTED


async def test_a_stream_that_breaks_within_an_event_gets_no_frame_in_the_midst_of_it() -> None:
    world = a_world(sse(TEXT[:20], httpx.ReadError("x")), interventions=replace(UNTOUCHED, error_frames=True))
    client = Client(world.relay, ASK)
    await client.run()
    assert client.body == TEXT[:20]
    assert not client.ended


async def test_a_stream_that_ends_without_its_end_was_interrupted_and_does_not_look_complete() -> None:
    world = a_world(sse(TEXT))
    client = Client(world.relay, ASK)
    await client.run()
    assert client.body == TEXT
    assert not client.ended
    assert (await world.envelope()).outcome is Outcome.UPSTREAM_INTERRUPTED


async def test_a_stream_that_breaks_after_its_last_frame_is_complete() -> None:
    world = a_world(sse(TEXT, STOP, DONE, httpx.ReadError("x")))
    client = Client(world.relay, ASK)
    await client.run()
    assert (await world.envelope()).outcome is Outcome.COMPLETED


async def test_a_document_that_breaks_never_looks_complete() -> None:
    answer = document(b'{"choices"')
    answer.headers["content-length"] = "500"
    answer.stream = Body(b'{"choices"', httpx.ReadError("x"))
    world = a_world(answer)
    client = Client(world.relay, ASK)
    await client.run()
    assert not client.ended
    assert (await world.envelope()).outcome is Outcome.UPSTREAM_INTERRUPTED


# --- the exchange takes too long ------------------------------------------------------------------------------------


async def test_an_exchange_without_an_answer_ends_at_its_limit() -> None:
    world = a_world(asyncio.Event(), exchange_s=0.1)
    client = Client(world.relay, ASK)
    await client.run()
    assert (client.status, client.ended) == (504, True)
    assert "EXCHANGE_TIMEOUT_S" in json.loads(client.body)["error"]["message"]
    assert world.upstream.cancelled
    assert (await world.envelope()).outcome is Outcome.TIMED_OUT


async def test_an_exchange_within_its_answer_ends_at_its_limit() -> None:
    answer = sse(TEXT, asyncio.Event())
    world = a_world(answer, exchange_s=0.2)
    client = Client(world.relay, ASK)
    await client.run()
    assert client.body == TEXT
    assert not client.ended
    assert isinstance(answer.stream, Body)
    assert answer.stream.closed
    assert (await world.envelope()).outcome is Outcome.TIMED_OUT


async def test_a_request_that_never_becomes_whole_ends_at_the_limit() -> None:
    world = a_world(exchange_s=0.1)
    client = Client(world.relay, ASK[:5], headers={"content-length": "100"})
    client.body_is_whole = False
    began = time.monotonic()
    await client.run()
    assert time.monotonic() - began < DEADLINE_S
    assert client.status == 504
    assert (await world.envelope()).outcome is Outcome.TIMED_OUT
