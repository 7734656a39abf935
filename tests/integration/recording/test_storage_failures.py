"""When storage itself fails: bounded tries, one line with the envelope and never content, counters;
and nothing is lost that could be stored in any way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from io import StringIO

import httpx
import pytest

from harness.waiting import poll_until_async
from shared.core.records.exchange.envelope import from_fields, load
from shared.core.records.exchange.outcome import Outcome
from shared.errors import StorageError
from tests.integration.support.exchanges import (
    DEADLINE_S,
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

ASK = b'{"stream": true, "messages": ["a prompt"]}'
STREAM = (
    event_of(choices=[{"index": 0, "delta": {"content": "an answer"}}])
    + event_of(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
    + b"data: [DONE]\n\n"
)


async def exchange(setup: RelaySetup) -> RelayClient:
    client = RelayClient(setup.relay, ASK)
    await client.run()
    await setup.wait_until_recorded()
    return client


async def test_with_blobs_down_the_envelope_is_queued() -> None:
    """It names no captures."""
    setup = relay_setup(sse(STREAM), store=MemoryStore(failing=True))
    client = await exchange(setup)
    assert (client.body, client.ended) == (STREAM, True)
    (envelope,) = setup.envelopes.queued
    assert (envelope.request_capture, envelope.response_capture) == (None, None)
    assert envelope.outcome is Outcome.COMPLETED
    assert envelope.outcome_pending, "enrichment stores it before it sends the event"
    assert setup.recorder.failures.lost == 0


async def test_with_the_queue_down() -> None:
    """The capture holds the envelope."""
    setup = relay_setup(sse(STREAM), envelopes=MemoryQueue(failing=True))
    client = await exchange(setup)
    assert (client.body, client.ended) == (STREAM, True)
    (response,) = setup.store.captures(".response")
    assert from_fields(response.header["envelope"]).outcome is Outcome.COMPLETED
    assert (setup.recorder.failures.envelopes, setup.recorder.failures.lost) == (1, 0)


async def test_with_the_queue_down_without_a_response() -> None:
    """The outcome is kept. Otherwise reconcile would find a request alone, and call it aborted."""
    setup = relay_setup(httpx.ConnectError("no route"), envelopes=MemoryQueue(failing=True))
    await exchange(setup)
    (outcome,) = setup.store.captures(".outcome")
    envelope = from_fields(outcome.header["envelope"])
    assert (envelope.outcome, envelope.response_capture, outcome.body) == (
        Outcome.UPSTREAM_ERROR,
        None,
        b"",
    )
    assert envelope.request_capture == next(
        name for name in setup.store.blobs if name.endswith(".request")
    )
    assert setup.recorder.failures.lost == 0


async def test_with_both_down_the_log_has_the_envelope(
    caplog: pytest.LogCaptureFixture, every_log: StringIO
) -> None:
    """It is one line, and the tries are bounded."""
    setup = relay_setup(
        sse(STREAM),
        store=MemoryStore(failing=True),
        envelopes=MemoryQueue(failing=True),
        retry_interval_s=0.01,
        give_up_after_s=0.05,
    )
    client = await exchange(setup)
    assert (client.body, client.ended) == (STREAM, True)
    assert setup.recorder.failures.lost == 1
    lines = [
        record.getMessage()
        for record in caplog.records
        if "could not be recorded" in record.getMessage()
    ]
    assert len(lines) == 2
    assert "could not be recorded at all" in lines[1]
    assert caplog.records[-1].levelno == logging.ERROR
    envelope = load(lines[0].partition("Its envelope: ")[2])
    assert envelope.outcome is Outcome.COMPLETED
    for private in ("a prompt", "an answer", "AccountKey"):
        assert private not in every_log.getvalue()


async def test_storage_that_comes_back_takes_all() -> None:
    """Nothing that it takes is given up."""
    store, envelopes = MemoryStore(failing=True), MemoryQueue(failing=True)
    setup = relay_setup(sse(STREAM), store=store, envelopes=envelopes, retry_interval_s=0.01)
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await poll_until_async(
        lambda: setup.recorder.failures.envelopes > 0, "the queue refused an envelope"
    )
    envelopes.failing = False
    await running
    await setup.wait_until_recorded()
    assert len(envelopes.queued) == 1
    assert setup.recorder.failures.lost == 0


async def test_the_envelope_is_in_the_log_before_the_next_try(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A worker that is stopped right after that has lost nothing that the log does not have."""
    setup = relay_setup(
        sse(STREAM), store=MemoryStore(failing=True), envelopes=MemoryQueue(failing=True)
    )
    client = RelayClient(setup.relay, ASK)
    await client.run()
    await poll_until_async(
        lambda: setup.recorder.failures.envelopes > 0, "the queue refused an envelope"
    )
    assert "Its envelope: " in caplog.records[-1].getMessage()
    assert setup.recorder.outcomes.pending_count == 1
    for task in setup.recorder.running:
        task.cancel()


async def test_the_first_call_records_what_waits() -> None:
    """The first that storage takes again, without waiting for the next step."""
    store, envelopes = MemoryStore(failing=True), MemoryQueue(failing=True)
    setup = relay_setup(
        *(sse(STREAM) for _ in range(3)),
        store=store,
        envelopes=envelopes,
        retry_interval_s=2 * DEADLINE_S,  # none comes within this test
        give_up_after_s=4 * DEADLINE_S,
    )
    for _ in range(2):
        await RelayClient(setup.relay, ASK).run()
    await poll_until_async(
        lambda: setup.recorder.outcomes.pending_count >= 2, "two outcomes are pending"
    )
    store.failing = envelopes.failing = False
    await exchange(setup)
    assert len({envelope.exchange_id for envelope in envelopes.queued}) == 3
    assert setup.recorder.failures.lost == 0


@pytest.mark.parametrize("required", [False, True], ids=["best_effort", "required"])
@pytest.mark.parametrize("lost", [".request", ".response"])
async def test_a_put_whose_response_was_lost(*, required: bool, lost: str) -> None:
    """Storage is asked before the client or the event hears that it is not."""
    setup = relay_setup(sse(STREAM), capture_required=required)
    stored = setup.store.put

    async def put_without_response(name: str, parts: Sequence[bytes]) -> None:
        await stored(name, parts)
        if name.endswith(lost):
            raise StorageError("storage did not answer: TimeoutError")

    setup.store.put = put_without_response  # type: ignore[method-assign]
    client = await exchange(setup)
    assert (client.body, client.ended) == (STREAM, True)
    (envelope,) = setup.envelopes.queued
    assert envelope.outcome is Outcome.COMPLETED
    assert envelope.request_capture in setup.store.blobs
    assert envelope.response_capture in setup.store.blobs
    assert not setup.store.captures(".outcome")


async def test_no_blob_is_looked_for_after_a_refusal() -> None:
    """The recorder does not check for a blob after a refusal, because the refused call was not
    carried out.
    """
    setup = relay_setup(sse(STREAM))
    names: list[str] = []

    async def refuse(name: str, parts: Sequence[bytes]) -> None:
        raise StorageError("storage refused: 403", status=403)

    async def exists(name: str) -> bool:
        names.append(name)
        return True

    setup.store.put, setup.store.exists = refuse, exists  # type: ignore[method-assign]
    await exchange(setup)
    assert names == []
    assert setup.envelopes.queued[0].response_capture is None


async def test_the_withheld_end_was_not_sent() -> None:
    """`sent_bytes` excludes the withheld end, in the event and in storage."""
    setup = relay_setup(document(b'{"a": 1}'), capture_required=True)
    stored = setup.store.put

    async def put(name: str, parts: Sequence[bytes]) -> None:
        setup.store.failing = name.endswith(".response")
        await stored(name, parts)

    setup.store.put = put  # type: ignore[method-assign]
    client = await exchange(setup)
    (envelope,) = setup.envelopes.queued
    assert (len(client.body), envelope.sent_bytes, envelope.response_bytes) == (7, 7, 8)
    (outcome,) = setup.store.captures(".outcome")
    assert from_fields(outcome.header["envelope"]) == envelope


async def test_waiting_captures_stay_within_memory(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A capture that does not fit is lost and counted, and its event goes out without content."""
    gate = asyncio.Event()
    setup = relay_setup(
        *[sse(b"x" * 50_000 + STREAM) for _ in range(10)],
        store=MemoryStore(gate=gate),
        capture_memory_bytes=200_000,
        recording_wait_s=0.01,
    )
    clients = [RelayClient(setup.relay, ASK) for _ in range(10)]
    for client in clients:
        await client.run()
    assert setup.memory.used_bytes <= 200_000
    assert all(client.ended and client.body.endswith(STREAM) for client in clients)
    gate.set()
    await setup.wait_until_recorded()
    without = [envelope for envelope in setup.envelopes.queued if envelope.response_capture is None]
    assert len(setup.envelopes.queued) == 10
    assert len(without) == setup.recorder.failures.response_captures == 7
    assert "CAPTURE_MEMORY_MB" in caplog.text
