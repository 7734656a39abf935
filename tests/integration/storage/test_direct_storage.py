"""The storage calls of every exchange when the service refuses, breaks the connection, or requires
another credential.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.adapters.storage.backoff import Backoff
from shared.adapters.storage.direct_storage import DirectStorage, Service
from shared.errors import StorageError, StorageNotFound
from tests.integration.support.tiny_server import Connection, Script, TinyServer, serving

pytestmark = pytest.mark.anyio

CREATED = b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n"
BUSY = b"HTTP/1.1 503 Busy\r\nx-ms-error-code: ServerBusy\r\ncontent-length: 0\r\n\r\n"
THROTTLED = b"HTTP/1.1 429 Slowly\r\ncontent-length: 0\r\n\r\n"


def saying(*responses: bytes, heads: list[bytes] | None = None) -> Script:
    """A script that gives one response after another on any connections. An empty response closes
    the connection without a response.
    """
    script_answers = list(responses)

    async def script(connection: Connection) -> None:
        while True:
            head = await connection.request()
            if heads is not None:
                heads.append(head)
            response = script_answers.pop(0)
            if not response:
                return
            await connection.say(response)

    return script


@contextlib.asynccontextmanager
async def storage_at(
    server: TinyServer, waits: list[float] | None = None, **credential: Any
) -> AsyncIterator[DirectStorage]:
    """Notes its waits between tries in `waits` instead of waiting."""
    service = Service(url=server.url, **credential)

    async def sleep(seconds: float) -> None:
        if waits is not None:
            waits.append(seconds)

    storage = DirectStorage(
        blobs=service, queues=service, backoff=Backoff(uniform=lambda low, _: low), sleep=sleep
    )
    try:
        yield storage
    finally:
        await storage.aclose()


@pytest.mark.parametrize("first", [(BUSY,), (THROTTLED, BUSY), (b"",), (b"", b"")])
async def test_a_transient_failure_is_tried_three_times(first: tuple[bytes, ...]) -> None:
    async with serving(saying(*first, CREATED)) as server, storage_at(server) as storage:
        await storage.put_blob("c/b", b"x")


async def test_tries_are_counted_and_spaced() -> None:
    """A PUT on connections that break reaches the server three times, and the HTTP client adds no
    retries of its own.
    """
    heads: list[bytes] = []
    waits: list[float] = []
    responses = (CREATED, b"", b"", b"")
    async with (
        serving(saying(*responses, heads=heads)) as server,
        storage_at(server, waits) as storage,
    ):
        await storage.put_blob("c/b", b"x")
        with pytest.raises(StorageError):
            await storage.append_block("c/b", b"x")
    assert len(heads) == 1 + 3
    assert waits == [0.05, 0.25]


@pytest.mark.parametrize("status", [b"429 Slowly", b"503 Busy", b"500 Oops"])
async def test_a_busy_service_says_when_to_come_back(status: bytes) -> None:
    busy = b"HTTP/1.1 %b\r\nretry-after: 2\r\ncontent-length: 0\r\n\r\n" % status
    waits: list[float] = []
    async with (
        serving(saying(busy, busy, CREATED)) as server,
        storage_at(server, waits) as storage,
    ):
        await storage.put_blob("c/b", b"x")
    assert waits == [2.05, 2.25]


async def test_a_long_retry_after_ends_the_tries() -> None:
    """Reconcile, or the queue, comes back later."""
    busy = b"HTTP/1.1 503 Busy\r\nretry-after: 60\r\ncontent-length: 0\r\n\r\n"
    async with serving(saying(busy)) as server, storage_at(server) as storage:
        with pytest.raises(StorageError, match="503"):
            await storage.put_blob("c/b", b"x")


async def test_a_permanent_failure_is_raised() -> None:
    async with serving(saying(BUSY, BUSY, BUSY)) as server, storage_at(server) as storage:
        with pytest.raises(StorageError, match="storage refused: 503 ServerBusy") as refused:
            await storage.put_blob("c/b", b"x")
    assert refused.value.status == 503

    async with serving(saying(b"", b"", b"")) as server, storage_at(server) as storage:
        with pytest.raises(StorageError):
            await storage.put_blob("c/b", b"x")


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, StorageNotFound), (403, StorageError), (302, StorageError)],
)
async def test_a_refusal_is_not_tried_again(status: int, kind: type[StorageError]) -> None:
    refusal = (
        b"HTTP/1.1 %d No\r\nx-ms-error-code: Why\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"
        % status
    )
    async with serving(saying(refusal)) as server, storage_at(server) as storage:
        with pytest.raises(kind) as refused:
            await storage.get_range("c/b", 0, 1)
    assert (refused.value.status, refused.value.code) == (
        status,
        "Why",
    )


async def test_an_empty_blob_has_an_empty_beginning() -> None:
    nothing = b"HTTP/1.1 416 No\r\nx-ms-error-code: InvalidRange\r\ncontent-length: 0\r\n\r\n"
    heads: list[bytes] = []
    async with serving(saying(nothing, heads=heads)) as server, storage_at(server) as storage:
        assert await storage.get_beginning("c/b", 100) == b""
    assert b"\r\nx-ms-range: bytes=0-99\r\n" in heads[0]


async def test_every_call_gets_a_new_token() -> None:
    tokens = iter(("one", "two"))

    async def token() -> str:
        await asyncio.sleep(0)
        return next(tokens)

    heads: list[bytes] = []
    async with (
        serving(saying(CREATED, CREATED, heads=heads)) as server,
        storage_at(server, token=token) as storage,
    ):
        for _ in range(2):
            await storage.put_blob("c/b", b"x")
    assert [
        head.count(b"\r\nauthorization: Bearer " + name + b"\r\n")
        for head, name in zip(heads, (b"one", b"two"), strict=True)
    ] == [1, 1]


async def test_a_shared_access_signature_follows_the_query() -> None:
    heads: list[bytes] = []
    async with (
        serving(saying(CREATED, CREATED, heads=heads)) as server,
        storage_at(server, sas="sv=1&sig=a%2Bb") as storage,
    ):
        await storage.put_blob("c/a b", b"x")
        await storage.put_message("q", "{}", 5)
    assert heads[0].startswith(b"PUT /c/a%20b?sv=1&sig=a%2Bb HTTP/1.1\r\n")
    assert heads[1].startswith(
        b"POST /q/messages?messagettl=-1&visibilitytimeout=5&sv=1&sig=a%2Bb HTTP/1.1\r\n"
    )
    assert b"authorization" not in heads[0] + heads[1]
