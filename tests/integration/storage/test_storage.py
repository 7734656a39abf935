"""Captures and the envelope queue against Azurite."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import tracemalloc
from array import array
from collections.abc import AsyncIterator

import pytest
from azure.storage.queue import TextBase64DecodePolicy
from azure.storage.queue.aio import QueueClient

from harness.sample_envelope import sample_envelope
from local.stack.ports import Ports
from local.stack.storage import connection_string
from shared.adapters.blobs.captures import PIECE_BYTES, Captures
from shared.adapters.queues.envelope_queue import EnvelopeQueue
from shared.adapters.storage.account import StorageAccount
from shared.core.records.exchange import capture, envelope
from shared.core.records.exchange.capture import Capture, CaptureStream
from shared.core.records.exchange.exchange_id import new_exchange_id
from shared.core.records.queue.envelope_message import QUEUE
from shared.enrichment.assembly import Assembler
from shared.errors import CaptureError, StorageError
from shared.relay.capture_writer import BLOCK_BYTES
from shared.settings.settings import StorageSettings
from tests.support.no_identity import no_identity

pytestmark = pytest.mark.anyio

DEADLINE_S = 60
NAME = capture.request_name(new_exchange_id(1_731_481_170_000, bytes(10)))


@contextlib.asynccontextmanager
async def sample_storage(account: str) -> AsyncIterator[StorageAccount]:
    settings = StorageSettings(
        setting="CAPTURES_STORAGE",
        connection_string=account,
        blob_service_uri=None,
        queue_service_uri=None,
    )
    storage = StorageAccount(settings, no_identity)
    try:
        yield storage
    finally:
        await storage.aclose()


@pytest.fixture
def unserved_account() -> str:
    """The connection string of an account that no server answers for."""
    with socket.socket() as not_listening:
        not_listening.bind(("127.0.0.1", 0))
        port = not_listening.getsockname()[1]
    return connection_string(Ports(blob=port, queue=port, table=port))


async def test_a_capture_is_read_back_as_it_was_put(azurite: str) -> None:
    header, body = {"method": "POST", "note": "žluť"}, bytes(range(256)) * 50
    async with sample_storage(azurite) as storage:
        captures = Captures(storage)
        await captures.put(NAME, (capture.preamble(header), body[:1000], b"", body[1000:]))
        assert await captures.get(NAME) == Capture(header=header, body=body)


async def test_a_capture_without_a_body_is_one(azurite: str) -> None:
    async with sample_storage(azurite) as storage:
        captures = Captures(storage)
        await captures.put(NAME, (capture.preamble({}),))
        assert await captures.get(NAME) == Capture(header={}, body=b"")


async def test_putting_a_capture_again_replaces_it(azurite: str) -> None:
    async with sample_storage(azurite) as storage:
        captures = Captures(storage)
        for body in (b"first, and longer", b"second"):
            await captures.put(NAME, (capture.preamble({}), body))
        assert await captures.get(NAME) == Capture(header={}, body=b"second")


async def test_a_capture_in_blocks_with_its_header_last(azurite: str) -> None:
    blocks = [bytes([number]) * 1000 for number in (1, 2)]
    async with sample_storage(azurite) as storage:
        captures = Captures(storage)
        for number in (2, 1):
            await captures.stage(NAME, number, blocks[number - 1])
        await captures.stage(NAME, 0, capture.preamble({"a": 1}))
        await captures.commit(NAME, (0, 1, 2))
        assert await captures.get(NAME) == Capture(header={"a": 1}, body=b"".join(blocks))


@contextlib.asynccontextmanager
async def large_capture(azurite: str, body: bytes) -> AsyncIterator[tuple[Captures, CaptureStream]]:
    """A stored capture that is larger than a piece."""
    async with sample_storage(azurite) as storage:
        captures = Captures(storage)
        await captures.stage(NAME, 0, capture.preamble({"a": 1}))
        for number in range(0, len(body), BLOCK_BYTES):
            await captures.stage(NAME, number + 1, body[number : number + BLOCK_BYTES])
        await captures.commit(NAME, [0, *range(1, len(body) + 1, BLOCK_BYTES)])
        stored = await captures.get(NAME)
        assert isinstance(stored, CaptureStream)
        yield captures, stored


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # above 1 MB
async def test_a_large_capture_is_read_in_pieces(azurite: str) -> None:
    body = array("I", range(3 * PIECE_BYTES // 4)).tobytes()
    async with large_capture(azurite, body) as (_, stored):
        pieces = [piece async for piece in stored.pieces()]
    assert (stored.header, stored.body_bytes) == ({"a": 1}, len(body))
    assert b"".join(pieces) == body
    assert max(map(len, pieces)) <= PIECE_BYTES
    assert len(pieces) == 4  # the first one holds the header as well


@pytest.mark.no_cover
@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # above 1 MB
async def test_an_event_never_holds_a_large_capture_whole(azurite: str) -> None:
    """Its size is the caller's choice, and the worker relays streams meanwhile."""
    body = b'{"messages": [{"role": "user", "content": "%b"}]}' % (b"x" * (16 * PIECE_BYTES))
    async with large_capture(azurite, body) as (captures, _):
        tracemalloc.start()
        try:
            stored = await captures.get(NAME)
            event = await Assembler(None)(sample_envelope(), stored, None, 100_000)
            _, most_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert json.loads(event.body)["request_bytes"] == len(body)
    assert most_bytes < 5 * PIECE_BYTES


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # above 1 MB
async def test_a_large_capture_that_is_replaced_is_not_mixed(azurite: str) -> None:
    """An erasure replaces it meanwhile: the rest of another version must not follow."""
    async with large_capture(azurite, bytes(2 * PIECE_BYTES)) as (captures, stored):
        pieces = stored.pieces()
        await anext(pieces)
        await captures.erase_body(NAME)
        with pytest.raises(StorageError, match="ConditionNotMet"):
            await anext(pieces)


async def test_a_missing_capture_is_none(azurite: str) -> None:
    async with sample_storage(azurite) as storage:
        assert await Captures(storage).get("2024/11/13/06/none.request") is None
        assert await Captures(storage).get(None) is None


async def test_a_blob_that_is_not_a_capture_is_rejected(azurite: str) -> None:
    async with sample_storage(azurite) as storage:
        captures = Captures(storage)
        await captures.put(NAME, (b"something else",))
        with pytest.raises(CaptureError):
            await captures.get(NAME)


async def test_a_header_is_read_without_its_body(azurite: str) -> None:
    async with sample_storage(azurite) as storage:
        captures = Captures(storage)
        for header in ({"a": 1}, {"long": "x" * 40_000}):
            await captures.put(NAME, (capture.preamble(header), b"body" * 10_000))
            assert await captures.header(NAME) == header


async def test_an_envelope_comes_off_the_queue_as_it_was_put(azurite: str) -> None:
    sent_envelope = sample_envelope(deployment="žluť 🐎")
    async with sample_storage(azurite) as storage:
        await EnvelopeQueue(storage).put(sent_envelope)
    queue = QueueClient.from_connection_string(
        azurite, QUEUE, message_decode_policy=TextBase64DecodePolicy()
    )
    async with queue:
        message = await queue.receive_message()
        assert message is not None
        await queue.delete_message(message)
    assert envelope.load(message.content) == sent_envelope


async def test_an_envelope_never_expires(azurite: str) -> None:
    async with sample_storage(azurite) as storage:
        await EnvelopeQueue(storage).put(sample_envelope())
    async with QueueClient.from_connection_string(azurite, QUEUE) as queue:
        message = await queue.receive_message()
        assert message is not None
        await queue.delete_message(message)
    assert message.expires_on is not None
    assert message.expires_on.year == 9999


async def test_the_probes_of_what_is_there_are_silent(azurite: str) -> None:
    async with sample_storage(azurite) as storage:
        await Captures(storage).probe()
        await EnvelopeQueue(storage).probe()


async def test_an_unreachable_account_is_a_storage_error(
    unserved_account: str,
) -> None:
    async with sample_storage(unserved_account) as storage:
        for attempt in (
            Captures(storage).put(NAME, (b"x",)),
            EnvelopeQueue(storage).put(sample_envelope()),
        ):
            async with asyncio.timeout(DEADLINE_S):
                with pytest.raises(StorageError):
                    await attempt
