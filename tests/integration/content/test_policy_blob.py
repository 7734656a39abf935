"""A content policy in a blob of an Azurite: what the operator uploads counts for the next exchange,
without a restart.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from azure.storage.blob.aio import ContainerClient

from harness.waiting import poll_until_async
from shared.adapters.blobs.policy_blob import PolicyBlob
from shared.content.policy_source import PolicyPace, PolicyRenewal
from shared.core.wire.content_mode import ContentMode
from shared.errors import StorageNotFound
from tests.integration.support.azurite import sample_storage
from tests.integration.support.exchanges import DEADLINE_S, RelayClient, document, relay_setup

pytestmark = pytest.mark.anyio

ASK = b'{"messages": [{"role": "user", "content": "plum-Prompt"}]}'
ANSWER = b'{"choices": [{"message": {"content": "plum-Answer"}}]}'
HEADERS = {"content-length": str(len(ASK)), "x-apim-product-id": "lab"}
LAB_IN_FULL = (
    b'{"default": "metadata", "rules": [{"name": "lab", "product": "lab", "mode": "full"}]}'
)
LAB_REDACTED = LAB_IN_FULL.replace(b'"full"', b'"redacted"')


@contextlib.asynccontextmanager
async def sample_operator(azurite: str) -> AsyncIterator[ContainerClient]:
    """The container of policies, and what an operator does there."""
    async with ContainerClient.from_connection_string(azurite, "policies") as container:
        yield container


async def decide(renewal: PolicyRenewal) -> tuple[str, str | None, bool]:
    """Mode and rule of an exchange that begins now, and whether its prompt is stored."""
    setup = relay_setup(document(ANSWER))
    setup.relay.content_policy = renewal.policy
    await RelayClient(setup.relay, ASK, headers=HEADERS).run()
    envelope = await setup.envelope()
    stored = any(b"plum-" in blob for blob in setup.store.blobs.values())
    return envelope.content_mode, envelope.content_rule, stored


async def becomes(renewal: PolicyRenewal, mode: str, rule: str) -> None:
    """Returns when an exchange gets this mode by this rule."""
    async with asyncio.timeout(DEADLINE_S):
        while (await decide(renewal))[:2] != (mode, rule):  # noqa: ASYNC110 - found by reads
            await asyncio.sleep(0.01)


async def degrades(renewal: PolicyRenewal, reason: str) -> None:
    """Returns when `/health/ready` would give this reason."""
    await poll_until_async(
        lambda: reason in (renewal.degradation() or ""), "readiness gives the reason"
    )


async def test_a_changed_blob_counts_at_once(azurite: str) -> None:
    """It counts for the next exchange, before it is there, after it is changed, broken, removed and
    put back.
    """
    storage = sample_storage(azurite)
    renewal = PolicyRenewal(
        PolicyBlob(storage, "policies/a/content.json"),
        ContentMode.FULL,
        PolicyPace(every_s=0.02, first_retry_s=0.02),
    )
    async with sample_operator(azurite) as policies:
        assert await decide(renewal) == ("metadata", "no policy", False)
        await degrades(renewal, "does not exist; the mode metadata counts")
        await policies.upload_blob("a/content.json", LAB_IN_FULL)
        await becomes(renewal, "full", "rule lab")
        assert await decide(renewal) == ("full", "rule lab", True)
        assert renewal.degradation() is None
        await policies.upload_blob("a/content.json", LAB_REDACTED, overwrite=True)
        await becomes(renewal, "redacted", "rule lab")
        await policies.upload_blob("a/content.json", LAB_IN_FULL[:-5], overwrite=True)
        await degrades(renewal, "does not hold a policy; the last policy that was read counts")
        assert (await decide(renewal))[0] == "redacted"
        await policies.delete_blob("a/content.json")
        await degrades(renewal, "does not exist; the last policy that was read counts")
        assert (await decide(renewal))[0] == "redacted"
        await policies.upload_blob("a/content.json", b'{"default": "full"}')
        await becomes(renewal, "full", "CONTENT_POLICY")
        assert renewal.degradation() is None
    await renewal.aclose()
    await storage.aclose()


async def test_a_version_that_is_known_is_not_sent_again(azurite: str) -> None:
    storage = sample_storage(azurite)
    async with sample_operator(azurite) as policies:
        await policies.upload_blob("b.json", LAB_IN_FULL)
        blob = PolicyBlob(storage, "policies/b.json")
        version = await blob.read(None, 1000)
        assert version is not None
        data, etag = version
        assert data == LAB_IN_FULL
        assert await blob.read(etag, 1000) is None
        await policies.upload_blob("b.json", LAB_REDACTED, overwrite=True)
        changed = await blob.read(etag, 10)
        assert changed is not None
        assert changed[0] == LAB_REDACTED[:10]
        await policies.upload_blob("b.json", b"", overwrite=True)
        emptied = await blob.read(etag, 10)
        assert emptied is not None
        assert emptied[0] == b""
    with pytest.raises(StorageNotFound):
        await PolicyBlob(storage, "policies/none.json").read(None, 1000)
    with pytest.raises(StorageNotFound):
        await PolicyBlob(storage, "nowhere/none.json").read(None, 1000)
    await storage.aclose()
