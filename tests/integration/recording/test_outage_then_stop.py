"""Storage is away for 30 s, comes back, and the instance is stopped: each exchange is in storage,
on the queue, or in the log. The clock is the test's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from shared.core.records.exchange import capture
from shared.core.records.exchange.envelope import Envelope
from shared.settings.timeouts import SLOW_RECORDING_S
from tests.integration.support.exchanges import (
    MemoryQueue,
    MemoryStore,
    RelayClient,
    RelaySetup,
    document,
    relay_setup,
)
from tests.integration.support.skipping_loop import SkippingLoop

OUTAGE_S = 30.0


class StoreOutage:
    """Refuses, or is silent, until storage is back."""

    def __init__(self, *, silent: bool) -> None:
        self.silent = silent
        self.over = False

    async def meet(self, store: MemoryStore | SilentEnvelopes) -> None:
        store.failing = not self.over
        if self.silent and not self.over:
            await asyncio.sleep(15)  # three tries, each with a bound


class SilentStore(MemoryStore):
    def __init__(self, outage: StoreOutage) -> None:
        super().__init__()
        self._outage = outage

    async def put(self, name: str, parts: Sequence[bytes]) -> None:
        await self._outage.meet(self)
        await super().put(name, parts)

    async def begins_with(self, name: str, data: bytes) -> bool:
        await self._outage.meet(self)
        return await super().begins_with(name, data)


class SilentEnvelopes(MemoryQueue):
    def __init__(self, outage: StoreOutage) -> None:
        super().__init__()
        self._outage = outage

    async def put(self, envelope: Envelope) -> None:
        await self._outage.meet(self)
        await super().put(envelope)


async def calls_in_an_outage(setup: RelaySetup, outage: StoreOutage, stop_s: float) -> list[str]:
    """A call every five seconds; storage is back after 30 s. The ids of those that ended, when the
    instance is stopped at `stop_s`.
    """
    loop, clients = asyncio.get_running_loop(), []
    loop.call_later(OUTAGE_S, setattr, outage, "over", True)
    while loop.time() < stop_s:
        client = RelayClient(setup.relay, b"{}")
        clients.append(client)
        await client.run()
        await asyncio.sleep(min(5.0, stop_s - loop.time()))
    return [client.exchange_id for client in clients]


def is_recorded(setup: RelaySetup, exchange_id: str) -> bool:
    names = (capture.outcome_name(exchange_id), capture.response_name(exchange_id))
    queued = [envelope.exchange_id for envelope in setup.envelopes.queued]
    return exchange_id in queued or any(name in setup.store.blobs for name in names)


def run_until_stopped(
    outage: StoreOutage, stop_s: float, *, slow_after_s: float = SLOW_RECORDING_S
) -> tuple[RelaySetup, list[str]]:
    """The relay and its exchanges when the loop was stopped: no task had another step."""
    loop = SkippingLoop()
    setups: list[RelaySetup] = []

    async def run() -> list[str]:
        setups.append(
            relay_setup(
                *[document(b"{}") for _ in range(20)],
                store=SilentStore(outage),
                envelopes=SilentEnvelopes(outage),
                slow_after_s=slow_after_s,
            )
        )
        return await calls_in_an_outage(setups[0], outage, stop_s)

    try:
        ids = loop.run_until_complete(run())
        recorded_ids = {exchange_id for exchange_id in ids if is_recorded(setups[0], exchange_id)}
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        assert recorded_ids == {
            exchange_id for exchange_id in ids if is_recorded(setups[0], exchange_id)
        }
    finally:
        loop.close()
    return setups[0], ids


@pytest.mark.parametrize("stop_s", [12.0, 29.9, 31.0, 36.0, 45.0])
@pytest.mark.parametrize("silent", [False, True], ids=["refused", "silent"])
def test_nothing_is_lost_without_a_line_in_the_log(
    caplog: pytest.LogCaptureFixture, stop_s: float, *, silent: bool
) -> None:
    """This holds whenever the app is stopped. (A record that storage does not answer is logged
    after five seconds.)
    """
    setup, ids = run_until_stopped(StoreOutage(silent=silent), stop_s)
    lines = [line for line in caplog.messages if "Its envelope: " in line]
    earlier = ids if not silent else ids[: int((stop_s - SLOW_RECORDING_S) / 5)]
    assert earlier
    for exchange_id in earlier:
        assert is_recorded(setup, exchange_id) or any(
            f'"exchange_id":"{exchange_id}"' in line for line in lines
        )


@pytest.mark.parametrize(("slow_after_s", "lines"), [(0.5, 1), (2.0, 0)])
def test_a_slow_recording_is_logged_after_its_bound(
    caplog: pytest.LogCaptureFixture, slow_after_s: float, lines: int
) -> None:
    run_until_stopped(StoreOutage(silent=True), 1.0, slow_after_s=slow_after_s)
    assert len([line for line in caplog.messages if "is not recorded yet" in line]) == lines


@pytest.mark.parametrize("silent", [False, True], ids=["refused", "silent"])
def test_storage_that_is_back_records_what_waits(*, silent: bool) -> None:
    """The first call after the outage shows that it is back, not the clock of the retries."""
    setup, ids = run_until_stopped(StoreOutage(silent=silent), OUTAGE_S + 5.1)
    waited = [exchange_id for exchange_id in ids if not is_recorded(setup, exchange_id)]
    assert len(ids) > 6
    assert waited == [] if not silent else len(waited) <= 3
