"""A failure of the proxy itself is reported, recorded and raised."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ServiceRequestError

from shared.adapters.identity.credentials import CachedToken, TokenCredential
from shared.core.records.exchange.outcome import Outcome
from tests.integration.relay.samples import ASK, TEXT
from tests.integration.support.exchanges import UNTOUCHED, RelayClient, relay_setup, sse

pytestmark = pytest.mark.anyio


async def test_an_internal_error_is_a_500() -> None:
    """500 in Azure's shape for the client, its own outcome in the envelope, the exception for the
    host's log.
    """
    setup = relay_setup(RuntimeError("secret"))
    client = RelayClient(setup.relay, ASK)
    with pytest.raises(RuntimeError, match="secret"):
        await client.run()
    assert (client.status, client.ended) == (500, True)
    error = json.loads(client.body)["error"]
    assert (error["code"], error["type"]) == ("internal_error", "fnsse_error")
    envelope = await setup.envelope()
    assert envelope.failure is not None
    assert (envelope.failure.code, envelope.status_code, envelope.upstream_status_code) == (
        "internal_error",
        500,
        None,
    )
    assert envelope.outcome is not Outcome.CLIENT_DISCONNECTED
    assert b"secret" not in client.body + envelope.failure.message.encode()


@pytest.mark.parametrize("before", [b"", TEXT], ids=["after the headers", "after a piece"])
async def test_an_internal_error_within_a_response(before: bytes) -> None:
    """It cuts the response off, because the state of the stream is unknown."""
    setup = relay_setup(
        sse(before, RuntimeError("secret")), interventions=replace(UNTOUCHED, error_frames=True)
    )
    client = RelayClient(setup.relay, ASK)
    with pytest.raises(RuntimeError):
        await client.run()
    assert (client.status, client.body, client.ended) == (200, before, False)
    envelope = await setup.envelope()
    assert envelope.failure is not None
    assert (envelope.failure.code, envelope.outcome) == (
        "internal_error",
        Outcome.UPSTREAM_INTERRUPTED,
    )


async def test_an_unreachable_identity_is_a_502() -> None:
    """The error names no address, and nothing goes upstream."""

    class UnreachableIdentity:
        async def get_token(self, *_: str, **__: object) -> AccessToken:
            raise ServiceRequestError("169.254.169.254 does not answer")

    token = CachedToken(UnreachableIdentity(), "scope")  # type: ignore[arg-type]  # as much of it as is used
    setup = relay_setup(credential=TokenCredential(token))
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert (client.status, client.ended) == (502, True)
    error = json.loads(client.body)["error"]
    assert error["code"] == "upstream_unreachable"
    assert "169.254" not in error["message"]
    envelope = await setup.envelope()
    assert envelope.failure is not None
    assert (envelope.failure.code, envelope.outcome) == (
        "upstream_unreachable",
        Outcome.UPSTREAM_ERROR,
    )
    assert not setup.upstream.requests
