"""Recording is complete if the stores work, harmless if they fail, and never delays a byte."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
from dataclasses import replace
from io import StringIO

import pytest

from harness.cutting import every_way
from shared.core.records.exchange import envelope as envelopes
from shared.core.records.exchange import piece_times
from shared.core.records.exchange.exchange_id import started_at
from shared.core.records.exchange.outcome import Outcome
from shared.relay.capture_writer import BLOCK_BYTES
from tests.integration.support.exchanges import (
    ASK,
    DEADLINE_S,
    STOP,
    TEXT,
    MemoryQueue,
    MemoryStore,
    RelayClient,
    RelaySetup,
    document,
    event_of,
    relay_setup,
    sse,
)

pytestmark = pytest.mark.anyio

USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
STREAM = TEXT + STOP + event_of(choices=[], usage=USAGE) + b"data: [DONE]\n\n"


async def relay(setup: RelaySetup, *body: bytes, **headers: str) -> RelayClient:
    named = {"content-length": str(sum(map(len, body)))} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    client = RelayClient(setup.relay, *body, headers=named)
    await client.run()
    return client


# --- what is recorded -----------------------------------------------------------------------------


async def test_an_exchange_is_two_captures_and_an_envelope() -> None:
    setup = relay_setup(sse(STREAM, x_ms_region="Sweden Central", set_cookie="secret=1"))
    await relay(
        setup,
        ASK,
        user_agent="openai",
        authorization="secret",
        x_apim_user_id="u-1",
        traceparent="00-1-2-01",
        tracestate=f"a=1,b=2,c={'x' * 250}",
    )
    envelope = await setup.envelope()
    assert sorted(setup.store.blobs) == [envelope.request_capture, envelope.response_capture]
    (request,), (response,) = setup.store.captures(".request"), setup.store.captures(".response")
    assert (request.body, response.body) == (ASK, STREAM)
    assert (
        request.header["method"],
        request.header["operation"],
        request.header["deployment"],
    ) == (
        "POST",
        "chat.completions",
        "gpt-4o",
    )
    assert response.header["status_code"] == 200
    assert response.headers["x-ms-region"] == "Sweden Central"
    assert envelope.outcome is Outcome.COMPLETED
    assert (envelope.usage, envelope.usage_source) == (USAGE, "upstream")
    assert (envelope.request_bytes, envelope.response_bytes) == (len(ASK), len(STREAM))
    assert (envelope.caller.user, envelope.trace_parent) == ("u-1", "00-1-2-01")
    assert envelope.trace_state == "a=1,b=2"  # whole members alone
    assert envelope.request_sha256 == hashlib.sha256(ASK).hexdigest()
    assert envelope.response_sha256 == hashlib.sha256(STREAM).hexdigest()
    assert envelope.recorded_ms is not None
    assert envelope.recorded_ms >= envelope.timings.to_end_ms
    assert started_at(envelope.exchange_id).strftime("%Y/%m/%d/%H") in str(envelope.request_capture)
    assert b"secret" not in b"".join(setup.store.blobs.values())
    assert "secret" not in envelopes.dump(envelope)


async def test_the_response_capture_holds_the_envelope() -> None:
    """A lost one can be rebuilt from it."""
    setup = relay_setup(sse(STREAM))
    await relay(setup, ASK)
    (response,) = setup.store.captures(".response")
    rebuilt = envelopes.load(json.dumps(response.header["envelope"]))
    # what no capture can say: when it was recorded
    assert rebuilt == replace(await setup.envelope(), recorded_ms=None)


async def test_the_envelope_does_not_depend_on_cuts() -> None:
    """However the response's bytes come, the envelope says the same."""
    whole = None
    for pieces in every_way(STREAM):
        setup = relay_setup(sse(*pieces))
        await relay(setup, ASK)
        envelope = await setup.envelope()
        assert envelope.chunk_count == sum(map(bool, pieces))
        timeless = replace(
            envelope,
            exchange_id="",
            started_at="",
            arrivals=(),
            chunk_count=0,
            timings=envelopes.Timings(
                to_headers_ms=0, to_first_chunk_ms=0, to_last_chunk_ms=0, to_end_ms=0
            ),
            request_capture=None,
            response_capture=None,
            recorded_ms=None,
        )
        whole = whole or timeless
        assert timeless == whole


async def test_timings_and_arrivals_grow() -> None:
    """They stay within the exchange."""
    setup = relay_setup(sse(*[bytes([byte]) for byte in STREAM]))
    await relay(setup, ASK)
    envelope = await setup.envelope()
    timings = envelope.timings
    assert timings.to_headers_ms is not None
    assert timings.to_first_chunk_ms is not None
    assert timings.to_last_chunk_ms is not None
    assert (
        0
        <= timings.to_headers_ms
        <= timings.to_first_chunk_ms
        <= timings.to_last_chunk_ms
        <= timings.to_end_ms
    )
    assert len(envelope.arrivals) == envelopes.MAX_ARRIVALS
    assert list(envelope.arrivals) == sorted(envelope.arrivals)
    assert envelope.arrivals[0] == (1, timings.to_first_chunk_ms)
    assert len(envelopes.dump(envelope)) < 8192


async def test_the_capture_has_more_times_of_pieces() -> None:
    """It has those that the envelope has no room for, of as many as MAX_PIECES."""
    setup = relay_setup(sse(*[bytes([byte]) for byte in STREAM]))
    await relay(setup, ASK)
    envelope = await setup.envelope()
    [capture] = setup.store.captures(".response")
    arrivals = piece_times.read(capture.header)
    assert [received for received, _ in arrivals] == [*range(1, len(STREAM) + 1)]
    assert arrivals[-1][1] == pytest.approx(envelope.timings.to_last_chunk_ms, abs=0.1)


async def test_few_pieces_have_their_times_once() -> None:
    """The envelope alone has them."""
    setup = relay_setup(sse(STREAM))
    await relay(setup, ASK)
    await setup.wait_until_recorded()
    [capture] = setup.store.captures(".response")
    assert piece_times.KEY not in capture.header


async def test_a_response_of_many_blocks_is_stored_whole() -> None:
    pieces = [bytes([number]) * (BLOCK_BYTES // 2 + 1) for number in range(5)]
    setup = relay_setup(sse(*pieces))
    await relay(setup, ASK)
    await setup.wait_until_recorded()
    assert [blob.body for blob in setup.store.captures(".response")] == [b"".join(pieces)]
    assert len(setup.store.blocks) > 2


# --- stores that fail -----------------------------------------------------------------------------


async def test_unstored_captures_cost_the_client_nothing(
    caplog: pytest.LogCaptureFixture, every_log: StringIO
) -> None:
    setup = relay_setup(sse(STREAM), store=MemoryStore(failing=True))
    with caplog.at_level(logging.INFO):
        client = await relay(setup, ASK)
        envelope = await setup.envelope()
    assert (client.body, client.ended) == (STREAM, True)
    assert (envelope.request_capture, envelope.response_capture) == (None, None)
    failures = setup.recorder.failures
    assert (failures.request_captures, failures.response_captures) == (1, 1)
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 3
    assert all(envelope.exchange_id in record.getMessage() for record in caplog.records)
    assert "secret" not in every_log.getvalue()
    assert "contoso" not in every_log.getvalue()


async def test_an_unstored_envelope_costs_no_client(
    every_log: StringIO,
) -> None:
    """The client has its whole response."""
    setup = relay_setup(sse(STREAM), envelopes=MemoryQueue(failing=True))
    client = await relay(setup, ASK)
    await setup.wait_until_recorded()
    assert (client.body, client.ended) == (STREAM, True)
    assert setup.recorder.failures.envelopes == 1
    assert "secret" not in every_log.getvalue()
    assert setup.store.captures(".response"), "reconcile finds what is missing by this"


async def test_waiting_captures_are_bounded_in_memory() -> None:
    """They wait while the store is slow."""
    store = MemoryStore(gate=asyncio.Event())
    body = b"x" * 300_000
    setup = relay_setup(sse(body), store=store, capture_memory_bytes=200_000, recording_wait_s=0.01)
    client = await relay(setup, ASK)
    assert client.body == body, "the client gets it all"
    assert setup.memory.used_bytes <= 200_000
    assert store.gate is not None
    store.gate.set()
    envelope = await setup.envelope()
    assert envelope.response_capture is None
    assert envelope.response_bytes == len(body)
    assert setup.recorder.failures.response_captures == 1


# --- who waits for whom ---------------------------------------------------------------------------


async def test_no_byte_of_a_response_waits_for_a_store() -> None:
    gate = asyncio.Event()
    setup = relay_setup(sse(TEXT, STOP, b"data: [DONE]\n\n"), store=MemoryStore(gate=gate))
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(TEXT + STOP + b"data: [DONE]\n\n")
    assert not client.ended
    assert not setup.store.blobs, "not even the request capture is there"
    gate.set()
    await asyncio.wait_for(running, DEADLINE_S)


async def test_a_chunked_end_follows_its_recording() -> None:
    """The host may kill the worker after it."""
    gate = asyncio.Event()
    setup = relay_setup(sse(STREAM), store=MemoryStore(gate=gate))
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(STREAM)
    done, _ = await asyncio.wait({running}, timeout=0.1)
    assert not done
    assert not client.ended
    gate.set()
    await asyncio.wait_for(running, DEADLINE_S)
    assert client.ended
    assert len(setup.envelopes.queued) == 1


async def test_a_chunked_end_waits_within_its_bound() -> None:
    """The store may be slow for any time."""
    gate = asyncio.Event()
    setup = relay_setup(sse(STREAM), store=MemoryStore(gate=gate), recording_wait_s=0.05)
    began = time.monotonic()
    client = await relay(setup, ASK)
    assert time.monotonic() - began >= 0.05
    assert client.ended
    assert not setup.envelopes.queued
    gate.set()
    assert (await setup.envelope()).outcome is Outcome.COMPLETED


async def test_a_response_with_a_length_waits_for_nothing() -> None:
    gate = asyncio.Event()
    setup = relay_setup(document(b"{}"), store=MemoryStore(gate=gate))
    client = await relay(setup, ASK)
    assert client.ended
    assert not setup.envelopes.queued
    gate.set()
    assert (await setup.envelope()).outcome is Outcome.COMPLETED


async def test_the_request_is_stored_meanwhile() -> None:
    """It is stored while the upstream works."""
    answering = asyncio.Event()
    setup = relay_setup(answering, document(b"{}"))
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    async with asyncio.timeout(DEADLINE_S):
        await setup.store.stored.wait()
    assert [blob.body for blob in setup.store.captures(".request")] == [ASK]
    assert not client.messages
    answering.set()
    await asyncio.wait_for(running, DEADLINE_S)


async def test_a_disconnect_does_not_cancel_the_recording() -> None:
    gate = asyncio.Event()
    setup = relay_setup(
        sse(TEXT, asyncio.Event()), store=MemoryStore(gate=gate), recording_wait_s=0.01
    )
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(TEXT)
    client.disconnect()
    await asyncio.wait_for(running, DEADLINE_S)
    assert not setup.envelopes.queued
    gate.set()
    assert (await setup.envelope()).outcome is Outcome.CLIENT_DISCONNECTED
    assert [blob.body for blob in setup.store.captures(".response")] == [TEXT]
