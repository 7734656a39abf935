"""Every byte of a request and of its response passes the relay unchanged."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from harness.cutting import every_way
from shared.core.records.exchange.outcome import Outcome
from tests.integration.relay.samples import (
    ASK,
    DONE,
    IMAGES,
    SOUND,
    SOUND_DONE,
    SPEECH,
    STOP,
    STREAM,
    TEXT,
    USAGE,
    USAGE_CHUNK,
)
from tests.integration.support.exchanges import (
    CHAT,
    DEADLINE_S,
    UNTOUCHED,
    RelayClient,
    ScriptedBody,
    document,
    relay_setup,
    sse,
)

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, STREAM),
        (CHAT, STREAM.replace(b"\n", b"\r\n")),
        (IMAGES, bytes(range(256)) * 3),
        (IMAGES, b""),
        (SPEECH, SOUND + SOUND_DONE),
    ],
    ids=["LF", "CRLF", "what is no SSE at all", "nothing", "speech"],
)
async def test_a_stream_passes_byte_for_byte(path: str, body: bytes) -> None:
    """It may come in any pieces; its capture has the same bytes."""
    for pieces in every_way(body):
        setup = relay_setup(sse(*pieces))
        client = RelayClient(setup.relay, ASK, path=path)
        await client.run()
        assert client.body == body
        assert client.ended
        await setup.wait_until_recorded()
        assert [blob.body for blob in setup.store.captures(".response")] == [body]


async def test_the_requested_usage_chunk_is_dropped() -> None:
    """Nothing else is, and the capture keeps the chunk."""
    for pieces in every_way(STREAM):
        setup = relay_setup(sse(*pieces), interventions=replace(UNTOUCHED, ask_for_usage=True))
        client = RelayClient(setup.relay, ASK)
        await client.run()
        assert client.body == STREAM.replace(USAGE_CHUNK, b"")
        envelope = await setup.envelope()
        assert (envelope.usage, envelope.usage_requested, envelope.outcome) == (
            USAGE,
            True,
            Outcome.COMPLETED,
        )
        assert [blob.body for blob in setup.store.captures(".response")] == [STREAM], (
            "the capture keeps it"
        )


async def test_a_document_keeps_its_length() -> None:
    """Its other headers and its bytes stay as well."""
    body = b'{"choices": [], "usage": null}'
    setup = relay_setup(document(body, apim_request_id="1", set_cookie="a=b"))
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert client.body == body
    assert client.headers["content-length"] == str(len(body))
    assert (client.headers["apim-request-id"], client.headers["set-cookie"]) == ("1", "a=b")


@pytest.mark.parametrize(
    "pieces", [[ASK], [ASK[:7], b"", ASK[7:]], [ASK[i : i + 1] for i in range(len(ASK))]]
)
async def test_the_request_gets_the_proxys_credential(
    pieces: list[bytes],
) -> None:
    """Everything else of it goes up as it came, in whatever pieces."""
    setup = relay_setup(document(b"{}"))
    headers = {
        "content-length": str(len(ASK)),
        "api-key": "the callers",
        "authorization": "Bearer x",
        "x-note": "kept",
    }
    await RelayClient(setup.relay, *pieces, headers=headers).run()
    ((request, body),) = setup.upstream.requests
    assert body == ASK
    assert (
        request.extensions["target"]
        == b"/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"
    )
    assert request.url.host == "contoso.openai.azure.com"
    assert request.headers["api-key"] == "the-proxys-key"
    assert "authorization" not in request.headers
    assert (request.headers["x-note"], request.headers["content-length"]) == ("kept", str(len(ASK)))
    await setup.wait_until_recorded()
    assert [blob.body for blob in setup.store.captures(".request")] == [ASK]


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
async def test_an_upstreams_error_passes_untouched(status: int) -> None:
    """Its status, its Retry-After and its body are the client's."""
    body = b'{"error": {"code": "429", "message": "slow down"}}'
    setup = relay_setup(document(body, status=status, retry_after="7"))
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert (client.status, client.body, client.headers["retry-after"]) == (status, body, "7")
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.status_code) == (Outcome.UPSTREAM_ERROR, status)


async def test_each_piece_passes_before_the_next() -> None:
    """The relay reads no piece ahead."""
    arrived = asyncio.Event()
    response = sse(TEXT, arrived, STOP, DONE)
    setup = relay_setup(response)
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(TEXT)
    assert isinstance(response.stream, ScriptedBody)
    assert response.stream.yielded_count == 1
    arrived.set()
    await asyncio.wait_for(running, DEADLINE_S)
    assert client.body == TEXT + STOP + DONE


async def test_every_response_carries_the_exchanges_id() -> None:
    """It is that of the envelope."""
    setup = relay_setup(sse(DONE))
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert client.headers["x-exchange-id"] == (await setup.envelope()).exchange_id
