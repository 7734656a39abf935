"""A request body that is too large, or broken off, goes nowhere."""

from __future__ import annotations

import json

import pytest

from shared.core.records.exchange.outcome import Outcome
from tests.integration.relay.samples import ASK
from tests.integration.support.exchanges import RelayClient, document, relay_setup

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("pieces", "headers"),
    [
        ([], {"content-length": "1000001"}),
        ([], {"content-length": "9" * 30}),
        ([b"x" * 600_000, b"x" * 600_000, b"never read"], {"transfer-encoding": "chunked"}),
    ],
    ids=["announced", "announced beyond all numbers", "unannounced"],
)
async def test_a_body_over_the_limit_is_rejected(
    pieces: list[bytes], headers: dict[str, str]
) -> None:
    """It is rejected at once: nothing of it is stored or sent upstream."""
    setup = relay_setup()
    client = RelayClient(setup.relay, *pieces, headers=headers)
    await client.run()
    assert (client.status, client.ended) == (413, True)
    assert json.loads(client.body)["error"]["code"] == "body_too_large"
    assert not setup.upstream.requests
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.status_code) == (Outcome.REJECTED, 413)
    assert (envelope.request_capture, envelope.response_capture) == (None, None)
    # nothing of the body
    assert {name for name in setup.store.blobs if not name.endswith(".outcome")} == set()
    assert client.pieces in ([], [b"never read"])


async def test_a_broken_off_upload_is_recorded() -> None:
    """The capture has the part that came."""
    setup = relay_setup()
    client = RelayClient(setup.relay, ASK[:10], ASK[10:30], headers={"content-length": "1000"})
    client.body_is_whole = False
    client.disconnect()
    await client.run()
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.request_bytes) == (Outcome.CLIENT_DISCONNECTED, 30)
    assert [blob.body for blob in setup.store.captures(".request")] == [ASK[:30]]


async def test_a_body_of_exactly_the_limit_is_taken() -> None:
    """The limit is the largest size that passes."""
    setup = relay_setup(document(b"{}"), request_body_bytes=len(ASK))
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert client.status == 200
