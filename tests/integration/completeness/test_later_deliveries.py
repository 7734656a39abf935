"""A later delivery repeats the first event, for every outcome: redelivery, replay and requeueing.

The use cases are real; storage, queue and ledger are in memory.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.memory_json_store import MemoryJsonStore
from shared.completeness.dead_letters import DeadLetters
from shared.completeness.exchange_erasure import ExchangeErasure
from shared.completeness.redelivery import find_exchange, rebuild_envelope
from shared.core.content.policy import ContentPolicy
from shared.core.event import builder
from shared.core.event.shape import to_json
from shared.core.records.exchange import capture
from shared.core.records.exchange.capture import Capture
from shared.core.records.exchange.captured_exchange import captured_exchanges
from shared.core.records.exchange.digests import Digests
from shared.core.records.exchange.envelope import Envelope, dump, load
from shared.core.records.exchange.outcome import Outcome
from shared.core.wire.content_mode import ContentMode
from shared.errors import StorageError, StorageNotFound
from tests.integration.support.exchanges import (
    ASK,
    DEADLINE_S,
    DONE,
    STOP,
    TEXT,
    UNTOUCHED,
    MemoryQueue,
    MemoryStore,
    RelayCase,
    RelayClient,
    RelaySetup,
    document,
    event_of,
    relay_setup,
    sse,
)

pytestmark = pytest.mark.anyio


async def whole(setup: RelaySetup) -> None:
    await RelayClient(setup.relay, ASK).run()


async def disconnect_before_headers(setup: RelaySetup) -> None:
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await asyncio.wait_for(setup.upstream.called.wait(), DEADLINE_S)
    client.disconnect()
    await asyncio.wait({running}, timeout=DEADLINE_S)


async def disconnect_within_the_response(setup: RelaySetup) -> None:
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(TEXT)
    client.disconnect()
    await asyncio.wait({running}, timeout=DEADLINE_S)


async def disconnect_while_the_end_is_held(setup: RelaySetup) -> None:
    gate = asyncio.Event()
    stored = setup.store.put

    async def put(name: str, parts: Sequence[bytes]) -> None:
        if name.endswith(".response"):
            await gate.wait()
        await stored(name, parts)

    setup.store.put = put  # type: ignore[method-assign]
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(TEXT)
    await client.disconnect_and_be_noticed()
    await asyncio.wait({running}, timeout=DEADLINE_S)
    gate.set()


def with_failing_responses(*, carried_out: bool) -> Callable[[RelaySetup], Awaitable[None]]:
    """Make every put of a response fail, after storage carried it out or without; storage cannot be
    asked which.
    """

    async def run(setup: RelaySetup) -> None:
        stored = setup.store.put

        async def put(name: str, parts: Sequence[bytes]) -> None:
            if not name.endswith(".response"):
                await stored(name, parts)
                return
            if carried_out:
                await stored(name, parts)
            raise StorageError("storage did not answer: TimeoutError")

        async def exists(name: str) -> bool:
            raise StorageError("storage did not answer: TimeoutError")

        setup.store.put, setup.store.exists = put, exists  # type: ignore[method-assign]
        await whole(setup)

    return run


STREAM = (TEXT, STOP, DONE)
CASES: Mapping[str, RelayCase] = {
    "completed": (lambda: relay_setup(sse(*STREAM)), whole, Outcome.COMPLETED),
    "429": (lambda: relay_setup(document(b"{}", status=429)), whole, Outcome.UPSTREAM_ERROR),
    "502": (lambda: relay_setup(httpx.ConnectError("refused")), whole, Outcome.UPSTREAM_ERROR),
    "504": (lambda: relay_setup(httpx.ReadTimeout("silent")), whole, Outcome.TIMED_OUT),
    "broken": (
        lambda: relay_setup(sse(TEXT, httpx.ReadError("broken"))),
        whole,
        Outcome.UPSTREAM_INTERRUPTED,
    ),
    "disconnected before headers": (
        lambda: relay_setup(asyncio.Event()),
        disconnect_before_headers,
        Outcome.CLIENT_DISCONNECTED,
    ),
    "disconnected within the response": (
        lambda: relay_setup(sse(TEXT, asyncio.Event())),
        disconnect_within_the_response,
        Outcome.CLIENT_DISCONNECTED,
    ),
    "disconnected while the end is held": (
        lambda: relay_setup(sse(TEXT, DONE), capture_required=True),
        disconnect_while_the_end_is_held,
        Outcome.CLIENT_DISCONNECTED,
    ),
    "request not stored": (
        lambda: relay_setup(store=MemoryStore(failing=True), capture_required=True),
        whole,
        Outcome.REJECTED,
    ),
    "answer not stored": (
        lambda: relay_setup(sse(*STREAM), capture_required=True),
        with_failing_responses(carried_out=False),
        Outcome.REJECTED,
    ),
    "answer stored, unacknowledged": (
        lambda: relay_setup(sse(*STREAM), capture_required=True),
        with_failing_responses(carried_out=True),
        Outcome.REJECTED,
    ),
    "answer not stored, best effort": (
        lambda: relay_setup(sse(*STREAM)),
        with_failing_responses(carried_out=False),
        Outcome.COMPLETED,
    ),
    "answer stored, unacknowledged, best effort": (
        lambda: relay_setup(sse(*STREAM)),
        with_failing_responses(carried_out=True),
        Outcome.COMPLETED,
    ),
    "204 of required": (
        lambda: relay_setup(httpx.Response(204), capture_required=True),
        whole,
        Outcome.COMPLETED,
    ),
    "empty 500 of required": (
        lambda: relay_setup(document(b"", status=500), capture_required=True),
        whole,
        Outcome.UPSTREAM_ERROR,
    ),
}


class StoredBlobs:
    """Captures, as the use cases read them."""

    def __init__(self, blobs: dict[str, bytes]) -> None:
        self.blobs = blobs

    async def header(self, name: str) -> dict[str, Any]:
        return dict((await self._load(name)).header)

    async def exists(self, name: str) -> bool:
        return name in self.blobs

    async def is_stored(self, name: str) -> bool:
        return await self.exists(name)

    async def erase(self, name: str) -> bool:
        raise NotImplementedError

    async def _load(self, name: str) -> Capture:
        if name not in self.blobs:
            raise StorageNotFound("no such capture")
        return capture.load(self.blobs[name])

    def event(self, envelope: Envelope) -> Any:
        sides = [
            capture.load(self.blobs[name]) if name in self.blobs else None
            for name in (envelope.request_capture or "", envelope.response_capture or "")
        ]
        return to_json(
            builder.build(
                replace(envelope, replayed=False), sides[0], sides[1], default_region=None
            )
        )


class OneDeadLetter:
    """Dead letters that hold every exchange."""

    async def dead_letters(self, limit: int) -> list[Any]:
        raise NotImplementedError

    async def dead_letter_count(self, limit: int) -> int:
        raise NotImplementedError

    async def dead_letter_reason(self, exchange_id: str) -> str | None:
        return "refused"

    async def remove_dead_letter(self, exchange_id: str) -> bool:
        return True

    async def reopen(self, exchange_id: str) -> None: ...

    async def take_event_rejection(self, exchange_id: str) -> bool:
        return False


class NoDigests:
    """A ledger without the digests of any delivery."""

    async def first_digests(self, window: str, exchange_ids: Collection[str]) -> dict[str, Digests]:
        return {}


class NoErasureMarks:
    """Marks of erased exchanges, of which requeueing makes none."""

    async def mark_erased(self, exchange_id: str, run: str | None) -> None:
        raise NotImplementedError

    async def unmark_erased(self, exchange_id: str) -> None:
        raise NotImplementedError

    async def erased_ids(self, window: str) -> set[str]:
        raise NotImplementedError


async def rebuild_from_listing(storage: StoredBlobs, _: str) -> Envelope:
    """Reconcile and replay: the exchange is found in a listing."""
    (exchange,) = captured_exchanges(sorted(storage.blobs))
    return await rebuild_envelope(storage, exchange)


async def rebuild_from_id(storage: StoredBlobs, exchange_id: str) -> Envelope:
    """A replay at the edge of a page."""
    return await rebuild_envelope(storage, await find_exchange(storage, exchange_id))


async def requeue(storage: StoredBlobs, exchange_id: str) -> Envelope:
    """An operator requeues a dead letter."""
    queue, dead_letters = MemoryQueue(), OneDeadLetter()
    operator = DeadLetters(
        captures=storage,
        ledger=NoDigests(),
        dead_letters=dead_letters,
        envelopes=queue,
        erasure=ExchangeErasure(
            captures=storage,
            erasure_marks=NoErasureMarks(),
            dead_letters=dead_letters,
            failure_counts=MemoryJsonStore(),
        ),
    )
    assert await operator.requeue(exchange_id)
    (envelope,) = queue.queued
    return load(dump(envelope))


async def check_later_deliveries(setup: RelaySetup, first: Envelope) -> None:
    """A message that comes again has the same envelope; the others have storage alone."""
    if first.outcome_pending:  # enrichment stores it before it sends the first event
        final = replace(first, outcome_pending=False)
        setup.store.blobs.setdefault(
            capture.outcome_name(first.exchange_id), capture.of_outcome(json.loads(dump(final)))
        )
    storage = StoredBlobs(setup.store.blobs)
    expected = storage.event(first)
    for later in (rebuild_from_listing, rebuild_from_id, requeue):
        envelope = await later(storage, first.exchange_id)
        assert storage.event(envelope) == expected, later.__name__


@pytest.mark.parametrize("mode", ContentMode)
@pytest.mark.parametrize("name", CASES)
async def test_every_later_delivery_repeats_the_first_event(name: str, mode: ContentMode) -> None:
    make, run, outcome = CASES[name]
    setup = make()
    setup.relay.content_policy = lambda: ContentPolicy(default=mode)
    await run(setup)
    first = load(dump(await setup.envelope()))
    assert first.outcome is outcome
    await check_later_deliveries(setup, first)


# --- any exchange ---------------------------------------------------------------------------------


class FailingStore(MemoryStore):
    """Fails for the kinds of captures in `refused`, and carries out those in `unacknowledged`
    although it answers an error. It cannot be asked about either.
    """

    def __init__(self, refused: frozenset[str], unacknowledged: frozenset[str]) -> None:
        super().__init__()
        self._refused, self._unacknowledged = refused, unacknowledged

    async def put(self, name: str, parts: Sequence[bytes]) -> None:
        kind = name.rpartition(".")[2]
        if kind not in self._refused:
            await super().put(name, parts)
        if kind in self._refused | self._unacknowledged:
            raise StorageError("storage did not answer: TimeoutError")

    async def exists(self, name: str) -> bool:
        if name.rpartition(".")[2] in self._refused | self._unacknowledged:
            raise StorageError("storage did not answer: TimeoutError")
        return await super().exists(name)


USAGE = event_of(choices=[], usage={"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7})
ERROR = event_of(error={"code": "server_error", "message": "sorry"})
KINDS = st.frozensets(st.sampled_from(["request", "response", "outcome"]))
ENDINGS: st.SearchStrategy[tuple[Exception, ...]] = st.sampled_from(
    [(), (httpx.ReadError("reset"),), (httpx.ReadTimeout("silent"),)]
)
STREAM_PIECES = st.lists(st.sampled_from([TEXT, TEXT[:9], STOP, USAGE, ERROR, DONE]), max_size=5)
DOCUMENTS = st.sampled_from([b"", b"{}", b'{"error": {"code": "429"}}', b'{"choices": []}', b"<p>"])
ANSWERS = st.one_of(
    st.builds(lambda pieces, ending: sse(*pieces, *ending), STREAM_PIECES, ENDINGS),
    st.builds(
        lambda body, status: document(body, status=status),
        DOCUMENTS,
        st.sampled_from([200, 204, 307, 400, 429, 500, 503]),
    ),
    st.sampled_from([httpx.ConnectError("refused"), httpx.ReadTimeout("silent")]),
)


@dataclass(frozen=True, kw_only=True)
class AnyExchange:
    """Everything that may happen in one exchange."""

    response: httpx.Response | Exception
    capture_required: bool
    early: bool  # the client is answered before the upstream is
    turns_until_disconnect: int | None  # of the event loop
    mode: ContentMode
    refused: frozenset[str]
    unacknowledged: frozenset[str]


def any_exchange() -> st.SearchStrategy[AnyExchange]:
    return st.builds(
        AnyExchange,
        response=ANSWERS,
        capture_required=st.booleans(),
        early=st.booleans(),
        turns_until_disconnect=st.none() | st.integers(0, 30),
        mode=st.sampled_from(ContentMode),
        refused=KINDS,
        unacknowledged=KINDS,
    )


@settings(max_examples=200, deadline=None)
@given(any_exchange())
def test_any_later_delivery_repeats_the_first(exchange: AnyExchange) -> None:
    """This holds whatever the upstream, the client and storage do."""
    asyncio.run(check_exchange(exchange))


async def check_exchange(exchange: AnyExchange) -> None:
    gate = asyncio.Event()
    setup = relay_setup(
        *([gate] if exchange.early else []),
        exchange.response,
        store=FailingStore(exchange.refused, exchange.unacknowledged),
        interventions=replace(
            UNTOUCHED, error_frames=True, early_response_after_s=1e-6 if exchange.early else 0
        ),
        capture_required=exchange.capture_required,
        content_mode=exchange.mode,
        recording_wait_s=0,
    )
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    for turn in range(40):
        if turn == exchange.turns_until_disconnect:
            client.disconnect()
        if turn == 10:
            gate.set()
        await asyncio.sleep(0)
    await asyncio.wait({running}, timeout=DEADLINE_S)
    assert running.done()
    first = load(dump(await setup.envelope()))
    if setup.store.blobs or first.outcome_pending:  # otherwise nothing can contradict the event
        await check_later_deliveries(setup, first)
