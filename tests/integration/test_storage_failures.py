"""When storage itself fails: bounded tries, one line with the envelope and never content, counters;
and nothing is lost that could be stored in any way.
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import asdict
from io import StringIO

import httpx
import pytest

from harness.sample_envelope import PLAIN
from shared.core.records import capture
from shared.core.records.envelope import Envelope, from_fields, load
from shared.core.records.outcome import Outcome
from shared.errors import StorageError
from tests.integration.exchanges import Client, Envelopes, Store, World, a_world, event_of, sse

pytestmark = pytest.mark.anyio

ASK = b'{"stream": true, "messages": ["a prompt"]}'
STREAM = (
    event_of(choices=[{"index": 0, "delta": {"content": "an answer"}}])
    + event_of(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
    + b"data: [DONE]\n\n"
)


async def exchanged(world: World) -> Client:
    client = Client(world.relay, ASK)
    await client.run()
    await world.recorded()
    return client


async def test_with_blobs_down_the_envelope_carries_on_without_captures() -> None:
    world = a_world(sse(STREAM), store=Store(failing=True))
    client = await exchanged(world)
    assert (client.body, client.ended) == (STREAM, True)
    (envelope,) = world.envelopes.put_ones
    assert (envelope.request_capture, envelope.response_capture) == (None, None)
    assert envelope.outcome is Outcome.COMPLETED
    assert world.recorder.failed.lost == 0


async def test_with_the_queue_down_the_capture_holds_the_envelope() -> None:
    world = a_world(sse(STREAM), envelopes=Envelopes(failing=True))
    client = await exchanged(world)
    assert (client.body, client.ended) == (STREAM, True)
    (response,) = world.store.captures(".response")
    assert from_fields(response.header["envelope"]).outcome is Outcome.COMPLETED
    assert (world.recorder.failed.envelopes, world.recorder.failed.lost) == (1, 0)


async def test_with_the_queue_down_an_exchange_without_an_answer_keeps_its_outcome() -> None:
    """Otherwise reconcile would find a request alone, and call it aborted."""
    world = a_world(httpx.ConnectError("no route"), envelopes=Envelopes(failing=True))
    await exchanged(world)
    (response,) = world.store.captures(".response")
    envelope = from_fields(response.header["envelope"])
    assert (envelope.outcome, envelope.response_capture, response.body) == (
        Outcome.UPSTREAM_ERROR,
        None,
        b"",
    )
    assert envelope.request_capture == next(
        name for name in world.store.blobs if name.endswith(".request")
    )
    assert world.recorder.failed.lost == 0


async def test_with_both_down_the_tries_are_bounded_and_one_line_holds_the_envelope(
    caplog: pytest.LogCaptureFixture, every_log: StringIO
) -> None:
    failing = Store(failing=True), Envelopes(failing=True)
    world = a_world(sse(STREAM), store=failing[0], envelopes=failing[1], retry_waits_s=(0, 0, 0))
    client = await exchanged(world)
    assert (client.body, client.ended) == (STREAM, True)
    assert world.recorder.failed.lost == 1
    lines = [
        record.getMessage()
        for record in caplog.records
        if "could not be recorded at all" in record.getMessage()
    ]
    assert len(lines) == 1
    assert lines[0].startswith(f"Exchange {client.exchange_id} could not")
    assert caplog.records[-1].levelno == logging.ERROR
    envelope = load(lines[0].partition("Its envelope: ")[2])
    assert envelope.outcome is Outcome.COMPLETED
    for private in ("a prompt", "an answer", "AccountKey"):
        assert private not in every_log.getvalue()


async def test_what_storage_takes_when_it_comes_back_is_not_given_up() -> None:
    store, envelopes = Store(failing=True), Envelopes(failing=True)
    world = a_world(sse(STREAM), store=store, envelopes=envelopes, retry_waits_s=(0, 0.05, 20))
    client = Client(world.relay, ASK)
    running = client.start()
    while world.recorder.failed.envelopes == 0:  # noqa: ASYNC110 - a counter, which nobody signals
        await asyncio.sleep(0)
    envelopes.failing = False
    await running
    await world.recorded()
    assert len(envelopes.put_ones) == 1
    assert world.recorder.failed.lost == 0


async def test_an_outcome_that_is_kept_never_replaces_a_capture() -> None:
    """The store may have taken the response capture although its answer did not arrive."""
    world = a_world(sse(STREAM), envelopes=Envelopes(failing=True), retry_waits_s=(0, 0, 0))
    stored = world.store.put

    async def lose_the_answer(name: str, parts: tuple[bytes, ...]) -> None:
        await stored(name, parts)
        if name.endswith(".response"):
            raise StorageError("storage did not answer: TimeoutError")

    world.store.put = lose_the_answer  # type: ignore[method-assign, assignment]
    await exchanged(world)
    assert [kept.body for kept in world.store.captures(".response")] == [STREAM]


async def test_memory_stays_within_its_bound_however_many_captures_wait(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What does not fit is lost as a capture, counted, and its event goes out without content."""
    gate = asyncio.Event()
    world = a_world(
        *[sse(b"x" * 50_000 + STREAM) for _ in range(10)],
        store=Store(gate=gate),
        capture_memory_bytes=200_000,
        recording_wait_s=0.01,
    )
    clients = [Client(world.relay, ASK) for _ in range(10)]
    for client in clients:
        await client.run()
    assert world.memory.used_bytes <= 200_000
    assert all(client.ended and client.body.endswith(STREAM) for client in clients)
    gate.set()
    await world.recorded()
    without = [
        envelope for envelope in world.envelopes.put_ones if envelope.response_capture is None
    ]
    assert len(world.envelopes.put_ones) == 10
    assert len(without) == world.recorder.failed.response_captures == 7
    assert "CAPTURE_MEMORY_MB" in caplog.text


def test_an_outcome_is_a_capture_that_holds_its_envelope() -> None:
    kept = capture.load(capture.of_outcome(asdict(PLAIN)))
    envelope: Envelope = from_fields(json.loads(json.dumps(kept.header["envelope"])))
    assert (envelope, kept.body) == (PLAIN, b"")
