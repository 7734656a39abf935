"""The waits of an exchange that no setting bounds. The clock is the test's own."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from shared.settings.timeouts import RelayTimeouts
from tests.integration.support.exchanges import (
    ASK,
    TEXT,
    UNTOUCHED,
    RelayClient,
    relay_setup,
    sse,
)
from tests.integration.support.skipping_loop import SkippingLoop


class ClientThatStopsReading(RelayClient):
    """Takes the first event of its response, and no error."""

    async def _send(self, message: Any) -> None:
        if self.body:
            await asyncio.Event().wait()
        await super()._send(message)


@pytest.mark.parametrize("error_send_s", [0.25, 2.0])
def test_a_client_that_stops_reading_is_given_up(error_send_s: float) -> None:
    """It has some time to take the error."""
    loop = SkippingLoop()

    async def run() -> float:
        setup = relay_setup(
            sse(TEXT, asyncio.Event()),
            interventions=replace(UNTOUCHED, error_frames=True),
            timeouts=RelayTimeouts(error_send_s=error_send_s),
            exchange_s=3,
        )
        await ClientThatStopsReading(setup.relay, ASK).run()
        ended_s = loop.time()
        await setup.wait_until_recorded()
        return ended_s

    try:
        assert loop.run_until_complete(run()) == pytest.approx(3 + error_send_s, abs=0.01)
    finally:
        loop.close()
