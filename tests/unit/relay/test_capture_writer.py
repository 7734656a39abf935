"""Writing a capture as it comes: whole or in blocks, within its memory, and its end always at
hand.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import tracemalloc
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.waiting import poll_until_async
from shared.core.wire.stream.tail import TAIL_BYTES
from shared.errors import StorageError
from shared.relay.body_memory import CaptureMemory
from shared.relay.capture_writer import BLOCK_BYTES, SMALL_BLOCK_BYTES, CaptureWriter, Upload
from tests.unit.relay.gated_store import GatedStore, start

pytestmark = pytest.mark.anyio
MB = 1024 * 1024
PREAMBLE = b"FNSSE header "


class StartedUploads:
    """Starts uploads, and waits for them."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[StorageError | None]] = set()

    def __call__(self, upload: Upload) -> asyncio.Task[StorageError | None]:
        task = start(upload)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def wait_for_all(self) -> None:
        """All of them have ended; nobody has asked how."""
        while self._tasks:
            await asyncio.wait(self._tasks)


async def until_used(memory: CaptureMemory, at_most: int) -> None:
    """Returns when no more is used: uploads end in their own time."""
    await poll_until_async(lambda: memory.used_bytes <= at_most, "memory is released")


def pieces_of(size: int, piece: int = 64 * 1024) -> list[bytes]:
    """Bytes that differ from place to place."""
    data = array("I", range(size // 4 + 1)).tobytes()[:size]
    return [data[at : at + piece] for at in range(0, size, piece)]


async def test_a_small_body_goes_up_in_one_call() -> None:
    """Held until its end; nothing stays in memory."""
    store, memory = GatedStore(), CaptureMemory(MB)
    writer = CaptureWriter(store, "a", memory, start)
    for piece in (b"one ", b"", b"two"):
        writer.write(piece)
    assert (writer.size, memory.used_bytes) == (7, 7)
    assert await writer.close(PREAMBLE)
    assert store.blobs == {"a": PREAMBLE + b"one two"}
    assert (store.blocks, memory.used_bytes) == ({}, 0)


async def test_an_empty_body_is_a_capture_too() -> None:
    """Its header says that there was an exchange."""
    store = GatedStore()
    assert await CaptureWriter(store, "a", CaptureMemory(0), start).close(PREAMBLE)
    assert store.blobs == {"a": PREAMBLE}


@pytest.mark.parametrize("size", [BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES - 5])
async def test_a_large_body_goes_up_in_blocks(size: int) -> None:
    """The header, which is known last, comes first in the blob."""
    store, memory = GatedStore(), CaptureMemory(4 * BLOCK_BYTES)
    writer = CaptureWriter(store, "a", memory, start)
    pieces = pieces_of(size)
    for piece in pieces:
        writer.write(piece)
    assert await writer.close(PREAMBLE)
    assert store.blobs == {"a": PREAMBLE + b"".join(pieces)}
    assert memory.used_bytes == 0


@pytest.mark.parametrize("size", [0, 7, 100_000, BLOCK_BYTES, 2 * BLOCK_BYTES + 5])
async def test_the_hash_is_that_of_the_whole_body(size: int) -> None:
    """The body may have any number of blocks, and may end before the first of them is uploaded."""
    store, memory = GatedStore(), CaptureMemory(4 * BLOCK_BYTES)
    writer = CaptureWriter(store, "a", memory, start)
    pieces = pieces_of(size)
    for piece in pieces:
        writer.write(piece)
    assert writer.sha256 is None
    await writer.compute_hash()
    assert await writer.close(PREAMBLE)
    assert writer.sha256 == hashlib.sha256(b"".join(pieces)).hexdigest()


async def test_a_lost_capture_has_no_hash() -> None:
    """A part of the body is missing."""
    writer = CaptureWriter(GatedStore(), "a", CaptureMemory(0), start)
    writer.write(b"12345")
    await writer.compute_hash()
    assert writer.sha256 is None


async def test_no_more_than_a_few_blocks_are_held() -> None:
    """The body may be of any size, as long as the store keeps up."""
    store, memory = GatedStore(), CaptureMemory(100 * MB)
    started = StartedUploads()
    writer = CaptureWriter(store, "a", memory, started)
    most = 0
    for _ in range(40 * MB // (64 * 1024)):
        writer.write(bytes(64 * 1024))
        most = max(most, memory.used_bytes)
        await started.wait_for_all()
    assert await writer.close(PREAMBLE)
    assert most <= 2 * BLOCK_BYTES
    assert len(store.blobs["a"]) == 40 * MB + len(PREAMBLE)


async def test_single_bytes_take_one_byte_each() -> None:
    """A stream may come in pieces of a byte, and an object of one byte takes 33 and a place in a
    list: the limit would be passed many times over.
    """
    memory = CaptureMemory(MB)
    writer = CaptureWriter(GatedStore(), "a", memory, start)
    tracemalloc.start()
    try:
        for number in range(100_000):
            writer.write(b"%c" % (number % 128))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert memory.used_bytes == 100_000
    assert held < 1.25 * memory.used_bytes
    assert await writer.close(b"")


async def test_a_placeholder_is_there_until_the_capture_is() -> None:
    """It comes before every block, because a put discards the blocks of a blob."""
    store, memory = GatedStore(), CaptureMemory(100 * MB)
    writer = CaptureWriter(store, "a", memory, start)
    writer.put_placeholder(b"soon")
    pieces = pieces_of(BLOCK_BYTES + 10)
    for piece in pieces:
        writer.write(piece)
    assert writer.reached_storage
    assert await writer.close(PREAMBLE)
    assert store.blobs == {"a": PREAMBLE + b"".join(pieces)}


async def test_a_late_placeholder_does_not_replace_the_capture() -> None:
    """A call that seemed to time out may be carried out later."""
    store = GatedStore()
    writer = CaptureWriter(store, "a", CaptureMemory(MB), start)
    writer.write(b"body")
    writer.put_placeholder(b"soon")
    assert await writer.close(PREAMBLE)
    await asyncio.sleep(0)
    assert store.blobs == {"a": PREAMBLE + b"body"}


@pytest.mark.parametrize("size", [100, BLOCK_BYTES + 10])
async def test_a_capture_is_stored_without_its_placeholder(size: int) -> None:
    """The placeholder's call may fail; the next one may not."""
    store = GatedStore()
    store.failing = {"put if absent"}
    writer = CaptureWriter(store, "a", CaptureMemory(100 * MB), start)
    writer.put_placeholder(b"soon")
    for piece in pieces_of(size):
        writer.write(piece)
    assert await writer.close(PREAMBLE)
    assert len(store.blobs["a"]) == len(PREAMBLE) + size


async def test_what_is_erased_is_not_in_storage() -> None:
    """Neither the placeholder nor a block is there, although their calls are still on their way."""
    store, memory = GatedStore(), CaptureMemory(100 * MB)
    writer = CaptureWriter(store, "a", memory, start)
    writer.put_placeholder(b"soon")
    writer.write(bytes(BLOCK_BYTES + 5))
    writer.discard()
    await writer.erase()
    assert (store.blobs, store.blocks, memory.used_bytes) == ({}, {}, 0)


async def test_a_slow_store_loses_the_capture() -> None:
    """At the memory's limit the capture is lost: held bytes are freed at once, and bytes under way
    when their upload ends.
    """
    store, memory = GatedStore(), CaptureMemory(BLOCK_BYTES + MB)
    store.open.clear()
    started = StartedUploads()
    writer = CaptureWriter(store, "a", memory, started)
    pieces = pieces_of(BLOCK_BYTES + 2 * MB)
    for piece in pieces:
        writer.write(piece)
    assert writer.is_lost
    assert writer.size == BLOCK_BYTES + 2 * MB
    assert memory.used_bytes == BLOCK_BYTES
    assert writer.last_bytes(TAIL_BYTES) == b"".join(pieces)[-TAIL_BYTES:]
    store.open.set()
    assert not await writer.close(PREAMBLE)
    await started.wait_for_all()
    assert (store.blobs, memory.used_bytes) == ({}, 0)


@pytest.mark.parametrize("kind", ["responses", "requests with a placeholder"])
async def test_idle_exchanges_cost_no_captures(kind: str) -> None:
    """A client that stops reading, or sending, leaves its capture where it is. If the memory is
    half full, captures go up in small blocks, so that many of them leave room.
    """
    store, memory = GatedStore(), CaptureMemory(3 * BLOCK_BYTES)
    writers = [
        CaptureWriter(store, str(number), memory, start, small_blocks=kind == "responses")
        for number in range(10)
    ]
    pieces = [bytes(64 * 1024)] * (3 * MB // (64 * 1024))
    for number, writer in enumerate(writers, 1):
        if kind != "responses":
            writer.put_placeholder(b"soon")
        for piece in pieces:
            writer.write(piece)
            await until_used(memory, memory.limit_bytes // 2 + number * SMALL_BLOCK_BYTES)
    assert not any(writer.is_lost for writer in writers)
    for writer in writers:
        writer.discard()
    await until_used(memory, 0)


async def test_blocks_are_large_before_a_placeholder() -> None:
    """It would discard what was uploaded before."""
    memory = CaptureMemory(BLOCK_BYTES)
    writer = CaptureWriter(GatedStore(), "a", memory, start)
    for piece in pieces_of(BLOCK_BYTES - MB):
        writer.write(piece)
    assert memory.is_short
    assert not writer.reached_storage
    writer.put_placeholder(b"soon")
    writer.write(b"more")
    await until_used(memory, 0)


@pytest.mark.parametrize("placeholder", ["none", "failed", "stored"])
async def test_no_block_of_a_lost_capture_is_hidden(placeholder: str) -> None:
    """No listing shows blocks alone: they are erased, unless there is a placeholder."""
    store, memory = GatedStore(), CaptureMemory(BLOCK_BYTES + MB)
    store.failing = {"put if absent"} if placeholder == "failed" else set()
    store.open.clear()
    started = StartedUploads()
    writer = CaptureWriter(store, "a", memory, started)
    if placeholder != "none":
        writer.put_placeholder(b"soon")
    for piece in pieces_of(BLOCK_BYTES + 2 * MB):
        writer.write(piece)
    assert not await writer.close(PREAMBLE)
    store.open.set()
    await started.wait_for_all()
    if placeholder == "stored":
        assert (store.blobs, 1 in store.blocks) == ({"a": b"soon"}, True)
    else:
        assert (store.blobs, store.blocks) == ({}, {})


async def test_one_exchange_does_not_take_anothers_share_back() -> None:
    """A capture that is lost leaves room for the next one."""
    store, memory = GatedStore(), CaptureMemory(10)
    greedy, modest = (CaptureWriter(store, name, memory, start) for name in ("greedy", "modest"))
    modest.write(b"12345")
    greedy.write(b"123456")
    assert (greedy.is_lost, modest.is_lost, memory.used_bytes) == (True, False, 5)
    modest.write(b"67890")
    assert await modest.close(b"")
    assert store.blobs == {"modest": b"1234567890"}
    assert not await greedy.close(b"")
    assert memory.used_bytes == 0


@pytest.mark.parametrize("failing", ["put", "stage 1", "stage 2", "stage 0", "commit"])
async def test_a_failing_store_keeps_no_memory(failing: str) -> None:
    """The error is the caller's to note."""
    store, memory = GatedStore(), CaptureMemory(100 * MB)
    store.failing = {failing}
    writer = CaptureWriter(store, "a", memory, start)
    for piece in pieces_of(100 if failing == "put" else 2 * BLOCK_BYTES):
        writer.write(piece)
    with pytest.raises(StorageError):
        await writer.close(PREAMBLE)
    await asyncio.sleep(0)
    assert (store.blobs, memory.used_bytes) == ({}, 0)


@pytest.mark.parametrize("discarded", [False, True])
async def test_a_lost_capture_leaves_no_failure_to_asyncio(
    caplog: pytest.LogCaptureFixture, *, discarded: bool
) -> None:
    """A block that fails after the capture was closed leaves no unretrieved exception, which
    asyncio would log with the SDK's message.
    """
    store, memory = GatedStore(), CaptureMemory(BLOCK_BYTES + MB)
    store.open.clear()
    store.failing = {"stage 1"}
    started = StartedUploads()
    writer = CaptureWriter(store, "a", memory, started)
    for piece in pieces_of(BLOCK_BYTES if discarded else BLOCK_BYTES + 2 * MB):
        writer.write(piece)
    if discarded:
        writer.discard()
    else:
        assert not await writer.close(PREAMBLE)
    store.open.set()
    await started.wait_for_all()
    del writer
    gc.collect()
    assert memory.used_bytes == 0
    assert [record for record in caplog.get_records("call") if record.name == "asyncio"] == []


async def test_what_is_discarded_is_not_stored() -> None:
    """A rejected request's body."""
    store, memory = GatedStore(), CaptureMemory(MB)
    writer = CaptureWriter(store, "a", memory, start)
    writer.write(b"12345")
    writer.discard()
    assert (store.blobs, memory.used_bytes) == ({}, 0)


@given(
    st.lists(
        st.sampled_from([0, 1, 5, 1000, TAIL_BYTES, BLOCK_BYTES - 1000, BLOCK_BYTES]), max_size=6
    ),
    st.integers(0, TAIL_BYTES),
    st.sampled_from([0, 1000, BLOCK_BYTES + 10, 100 * MB]),
)
def test_the_end_is_at_hand(sizes: list[int], count: int, limit: int) -> None:
    """`last_bytes` returns them whatever the sizes of the pieces, also after uploads and after
    the capture was lost.
    """

    async def write() -> tuple[bytes, bytes]:
        writer = CaptureWriter(GatedStore(), "a", CaptureMemory(limit), start)
        whole = b"".join(bytes([65 + number]) * size for number, size in enumerate(sizes))
        at = 0
        for size in sizes:
            writer.write(whole[at : at + size])
            at += size
        return writer.last_bytes(count), whole[len(whole) - min(count, len(whole)) :]

    last_bytes, expected = asyncio.run(write())
    assert last_bytes == expected
