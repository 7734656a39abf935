"""A request whose body takes its time leaves a trace in storage before it is whole: a placeholder
in the place of its capture.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from harness.waiting import poll_until_async
from shared.core.records.exchange import capture
from shared.core.records.exchange.outcome import Outcome
from shared.errors import StorageError
from shared.relay.capture_writer import BLOCK_BYTES
from tests.integration.support.exchanges import (
    CHAT,
    DEADLINE_S,
    LIMITS,
    MemoryQueue,
    MemoryStore,
    RelayClient,
    RelaySetup,
    document,
    relay_setup,
)

pytestmark = pytest.mark.anyio

UPLOAD = "/openai/files"
PASSING = {"content-type": "application/octet-stream", "transfer-encoding": "chunked"}
EXAMINED = {"content-type": "application/json", "transfer-encoding": "chunked"}
LONG = b"x" * 300_000


def slow_client(setup: RelaySetup, piece: bytes, headers: dict[str, str], path: str) -> RelayClient:
    """It has sent this piece, and the rest of its body is to come."""
    client = RelayClient(setup.relay, piece, headers=headers, path=path)
    client.body_is_whole = False
    return client


async def until_stored(setup: RelaySetup) -> None:
    async with asyncio.timeout(DEADLINE_S):
        await setup.store.stored.wait()


@pytest.mark.parametrize(
    ("headers", "piece", "path"),
    [(PASSING, b"first", UPLOAD), (EXAMINED, LONG, CHAT)],
    ids=["a body that passes", "a long body that is held"],
)
async def test_storage_knows_of_a_request_before_it_is_whole(
    headers: dict[str, str], piece: bytes, path: str
) -> None:
    """Its placeholder says all that an event of a killed instance needs; the capture replaces
    it.
    """
    setup = relay_setup(document(b"{}"))
    client = slow_client(setup, piece, headers, path)
    running = client.start()
    await until_stored(setup)
    (placeholder,) = setup.store.captures(".request")
    assert (placeholder.is_partial, placeholder.body) == (True, b"")
    assert placeholder.header["exchange_id"] == client.exchange_id
    client.disconnect()
    await asyncio.wait_for(running, DEADLINE_S)
    envelope = await setup.envelope()
    (request,) = setup.store.captures(".request")
    assert (request.is_partial, request.body) == (False, piece)
    assert envelope.request_capture == capture.request_name(client.exchange_id)


async def test_a_short_request_has_no_placeholder() -> None:
    """Its capture takes no longer to store."""
    store = CountingStore()
    setup = relay_setup(document(b"{}"), document(b"{}"), store=store)
    for path in (CHAT, UPLOAD):
        await RelayClient(setup.relay, b"{}", path=path).run()
    await setup.wait_until_recorded()
    assert store.placeholders == 0
    assert len(setup.store.captures(".request")) == 2


async def test_a_required_capture_has_no_placeholder() -> None:
    """It is smaller than a block. Nothing of it goes upstream before its capture is stored."""
    store = CountingStore()
    setup = relay_setup(document(b"{}"), document(b"{}"), store=store, capture_required=True)
    for path, headers in ((CHAT, EXAMINED), (UPLOAD, PASSING)):
        await RelayClient(setup.relay, LONG, LONG, headers=headers, path=path).run()
    await setup.wait_until_recorded()
    assert store.placeholders == 0
    assert len(setup.store.captures(".request")) == 2


@pytest.mark.parametrize("capture_required", [False, True])
@pytest.mark.parametrize("length", ["announced", "unknown"])
async def test_no_block_is_uploaded_without_a_placeholder(
    *, capture_required: bool, length: str
) -> None:
    """A listing must show the blocks of an instance that is killed meanwhile, even if the piece
    that fills a block is the body's last one.
    """
    store = Blocks()
    setup = relay_setup(
        document(b"{}"),
        store=store,
        capture_required=capture_required,
        request_body_bytes=2 * BLOCK_BYTES,
    )
    body = b"x" * BLOCK_BYTES
    headers = (
        {"content-type": "application/json", "content-length": str(len(body))}
        if length == "announced"
        else EXAMINED
    )
    await RelayClient(setup.relay, body, headers=headers).run()
    await setup.wait_until_recorded()
    assert store.listed == [True, True], "the block of the body, that of the header"
    (request,) = setup.store.captures(".request")
    assert (request.is_partial, request.body) == (False, body)


async def test_nothing_stays_of_a_request_without_room() -> None:
    """It is rejected, so nothing of its prompt stays: neither a block nor the placeholder."""
    setup = relay_setup(
        capture_required=True,
        capture_memory_bytes=BLOCK_BYTES + 10,
        request_body_bytes=3 * BLOCK_BYTES,
    )
    client = RelayClient(setup.relay, b"x" * BLOCK_BYTES, b"x" * BLOCK_BYTES, headers=EXAMINED)
    await client.run()
    envelope = await setup.envelope()
    assert (client.status, envelope.outcome) == (503, Outcome.REJECTED)
    assert not setup.store.blocks
    assert list(setup.store.blobs) == [capture.outcome_name(client.exchange_id)]


async def test_a_rejected_request_leaves_no_placeholder() -> None:
    """Its outcome is stored, in case that the placeholder cannot be erased."""
    setup = relay_setup()
    too_long = [LONG] * (LIMITS.request_body_bytes // len(LONG) + 1)
    client = RelayClient(setup.relay, *too_long, headers=EXAMINED)
    await client.run()
    envelope = await setup.envelope()
    assert (client.status, envelope.outcome) == (413, Outcome.REJECTED)
    assert list(setup.store.blobs) == [capture.outcome_name(client.exchange_id)]


async def test_a_placeholder_that_cannot_be_erased(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The client does not pay for it; the log says it."""
    store = CountingStore()
    setup = relay_setup(store=store)
    store.erasable = False
    too_long = [LONG] * (LIMITS.request_body_bytes // len(LONG) + 1)
    client = RelayClient(setup.relay, *too_long, headers=EXAMINED)
    await client.run()
    assert (await setup.envelope()).outcome is Outcome.REJECTED
    assert client.status == 413
    assert f"exchange {client.exchange_id} could not be erased" in caplog.text


async def test_a_placeholder_is_not_taken_for_the_capture() -> None:
    """If the capture's own call fails, storage is asked whether it was carried out."""
    store = CountingStore()
    store.storing = False
    setup = relay_setup(document(b"{}"), store=store)
    await RelayClient(setup.relay, LONG, b"rest", headers=EXAMINED).run()
    envelope = await setup.envelope()
    assert envelope.request_capture is None
    assert setup.recorder.failures.request_captures == 1
    (placeholder,) = setup.store.captures(".request")
    assert placeholder.is_partial


async def test_a_placeholder_shows_that_storage_is_back() -> None:
    """Records that wait for storage are tried at once, not only when an exchange has ended."""
    store = MemoryStore(failing=True)
    setup = relay_setup(
        document(b"{}"),
        document(b"{}"),
        store=store,
        envelopes=MemoryQueue(failing=True),
        retry_interval_s=10 * DEADLINE_S,
    )
    await RelayClient(setup.relay, b"{}").run()
    await poll_until_async(lambda: setup.recorder.outcomes.pending_count, "an outcome is pending")
    store.failing = False
    client = slow_client(setup, b"first", PASSING, UPLOAD)
    running = client.start()
    await poll_until_async(lambda: store.captures(".outcome"), "an outcome is stored")
    setup.envelopes.failing = False
    client.disconnect()
    await asyncio.wait_for(running, DEADLINE_S)
    await setup.wait_until_recorded()


class CountingStore(MemoryStore):
    """Counts placeholders; it may be unable to erase, or to store a request's capture."""

    def __init__(self) -> None:
        super().__init__()
        self.placeholders = 0
        self.erasable = True
        self.storing = True

    async def put(self, name: str, parts: Sequence[bytes]) -> None:
        if not self.storing and name.endswith(".request"):
            raise StorageError("storage did not answer: TimeoutError")
        await super().put(name, parts)

    async def put_if_absent(self, name: str, data: bytes) -> None:
        self.placeholders += 1
        await super().put_if_absent(name, data)

    async def erase(self, name: str) -> bool:
        if not self.erasable:
            raise StorageError("storage did not answer: TimeoutError")
        return await super().erase(name)


class Blocks(MemoryStore):
    """Notes for each block whether a listing shows its capture."""

    def __init__(self) -> None:
        super().__init__()
        self.listed: list[bool] = []

    async def stage(self, name: str, block: int, data: bytes) -> None:
        self.listed.append(name in self.blobs)
        await super().stage(name, block, data)
