"""CAPTURE_POLICY=required and a response without a body: its headers are its end, and are held
until its capture is stored. Whatever happens meanwhile, the client is answered once, and the event
says what it was answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import httpx
import pytest

from shared.core.records.exchange.outcome import Outcome
from shared.errors import StorageError
from tests.integration.support.exchanges import (
    DEADLINE_S,
    MemoryStore,
    RelayClient,
    RelaySetup,
    ScriptedBody,
    relay_setup,
)

pytestmark = pytest.mark.anyio

ASK = b'{"messages": []}'


class ResponseStore(MemoryStore):
    """Stores requests at once, and responses when the test says so, or never."""

    def __init__(self, *, stored: bool = True) -> None:
        super().__init__()
        self.in_put, self.may_store = asyncio.Event(), asyncio.Event()
        self._stored = stored

    async def put(self, name: str, parts: Sequence[bytes]) -> None:
        if name.endswith(".response"):
            self.in_put.set()
            await self.may_store.wait()
            if not self._stored:
                raise StorageError("storage refused: 403 AuthorizationFailure", status=403)
        await super().put(name, parts)


def no_content(*parts: asyncio.Event | Exception) -> httpx.Response:
    """204, and what becomes of the body that it has not."""
    return httpx.Response(204, stream=ScriptedBody(*parts))


def calling(store: ResponseStore) -> tuple[RelaySetup, RelayClient]:
    """A client whose call the upstream answers 204."""
    setup = relay_setup(no_content(), store=store, capture_required=True)
    return setup, RelayClient(setup.relay, ASK)


async def test_they_come_when_the_capture_is_stored() -> None:
    store = ResponseStore()
    setup, client = calling(store)
    running = client.start()
    await asyncio.wait_for(store.in_put.wait(), DEADLINE_S)
    assert client.messages == []
    store.may_store.set()
    await asyncio.wait_for(running, DEADLINE_S)
    assert (client.status, client.ended) == (204, True)
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.status_code) == (Outcome.COMPLETED, 204)


@pytest.mark.parametrize("cancelled", [False, True], ids=["reported", "cancelled"])
async def test_disconnect_while_headers_are_held_back(*, cancelled: bool) -> None:
    """The client was not answered, and is not afterwards, when the capture is stored."""
    store = ResponseStore()
    setup, client = calling(store)
    running = client.start()
    await asyncio.wait_for(store.in_put.wait(), DEADLINE_S)
    if cancelled:
        running.cancel()
    else:
        await client.disconnect_and_be_noticed()
    await asyncio.wait({running}, timeout=DEADLINE_S)
    store.may_store.set()
    envelope = await setup.envelope()
    assert client.messages == []
    assert (envelope.outcome, envelope.status_code, envelope.upstream_status_code) == (
        Outcome.CLIENT_DISCONNECTED,
        None,
        204,
    )


async def test_an_unstored_capture_is_an_error() -> None:
    """The client has nothing yet, so it gets a status."""
    store = ResponseStore(stored=False)
    store.may_store.set()
    setup, client = calling(store)
    await client.run()
    assert (client.status, client.ended) == (503, True)
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.status_code, envelope.upstream_status_code) == (
        Outcome.REJECTED,
        503,
        204,
    )


@pytest.mark.parametrize(
    ("failure", "status", "outcome"),
    [
        (httpx.ReadError("reset"), 502, Outcome.UPSTREAM_INTERRUPTED),
        (httpx.ReadTimeout("silent"), 504, Outcome.TIMED_OUT),
    ],
    ids=["reset", "silent"],
)
async def test_a_failure_after_the_headers_is_an_error(
    failure: Exception, status: int, outcome: Outcome
) -> None:
    """The connection broke before the response's end was known."""
    setup = relay_setup(no_content(failure), capture_required=True)
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert (client.status, client.ended) == (status, True)
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.status_code, envelope.upstream_status_code) == (
        outcome,
        status,
        204,
    )


async def test_the_time_limit_is_a_504() -> None:
    """EXCHANGE_TIMEOUT_S, for an upstream that neither ends the response nor its connection."""
    setup = relay_setup(no_content(asyncio.Event()), capture_required=True, exchange_s=0.05)
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert (client.status, client.ended) == (504, True)
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.status_code) == (Outcome.TIMED_OUT, 504)
