"""The proxy's credential at the upstream: a key, or a token that is fetched once and renewed in
time.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from harness.waiting import poll_until_async
from shared.adapters.identity.credentials import (
    PAUSE_AFTER_FAILURE_S,
    CachedToken,
    KeyCredential,
    TokenCredential,
    for_upstream,
)
from shared.errors import UpstreamUnreachable
from shared.settings.loader import load
from shared.settings.settings import UpstreamSettings

pytestmark = pytest.mark.anyio

SCOPE = "https://cognitiveservices.azure.com/.default"


class Identity:
    """Hands out a numbered token that lives for an hour, and fails while `failing` is set."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.scopes: list[str] = []
        self.failing = False

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        await asyncio.sleep(0)
        if self.failing:
            raise ClientAuthenticationError("no token for tenant 1234")
        self.scopes += scopes
        return AccessToken(f"token-{len(self.scopes)}", int(self.now) + 3600)

    async def close(self) -> None: ...

    async def __aexit__(self, *_: object) -> None: ...


def sample_credential(identity: Identity) -> TokenCredential:
    token = CachedToken(identity, SCOPE, lambda: identity.now)  # type: ignore[arg-type]  # as much of it as is used
    return TokenCredential(token)


async def test_a_key_goes_up_as_azure_openai_wants_it() -> None:
    assert await KeyCredential("k").headers() == [(b"api-key", b"k")]


async def test_a_token_is_fetched_once_for_many_callers() -> None:
    identity = Identity()
    credential = sample_credential(identity)
    all_headers = await asyncio.gather(*(credential.headers() for _ in range(20)))
    assert identity.scopes == [SCOPE]
    assert all(headers == [(b"authorization", b"Bearer token-1")] for headers in all_headers)


async def test_a_token_is_renewed_before_it_expires() -> None:
    """Five minutes before."""
    identity = Identity()
    credential = sample_credential(identity)
    await credential.headers()
    identity.now += 3299
    assert await credential.headers() == [(b"authorization", b"Bearer token-1")]
    identity.now += 1
    # in the background: nobody waits while the old one holds
    assert await credential.headers() == [(b"authorization", b"Bearer token-1")]
    await poll_until_async(lambda: len(identity.scopes) == 2, "the token is fetched again")
    assert await credential.headers() == [(b"authorization", b"Bearer token-2")]


async def test_without_a_token_the_remedy_is_named() -> None:
    """The next try may succeed."""
    identity = Identity()
    identity.failing = True
    credential = sample_credential(identity)
    with pytest.raises(
        UpstreamUnreachable, match="AZURE_CLIENT_ID and AZURE_OPENAI_SCOPE, or set AZURE_OPENAI_KEY"
    ) as error:
        await credential.headers()
    assert "1234" not in str(error.value)
    identity.failing = False
    identity.now += PAUSE_AFTER_FAILURE_S
    assert await credential.headers() == [(b"authorization", b"Bearer token-1")]


async def test_a_silent_endpoint_fails_all_callers() -> None:
    """All of them within one timeout."""

    class SilentIdentity(Identity):
        async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
            self.scopes += scopes
            await asyncio.Event().wait()
            raise AssertionError

    identity = SilentIdentity()
    token = CachedToken(identity, SCOPE, timeout_s=0.05)  # type: ignore[arg-type]
    credential = TokenCredential(token)
    failures = await asyncio.gather(
        *(credential.headers() for _ in range(20)), return_exceptions=True
    )
    assert [type(failure) for failure in failures] == [UpstreamUnreachable] * 20
    assert identity.scopes == [SCOPE]


def upstream(key: str) -> UpstreamSettings:
    return load(
        {
            "AZURE_OPENAI_BASE_URL": "https://contoso.openai.azure.com",
            "AZURE_OPENAI_KEY": key,
            "AZURE_EVENTHUB_NAMESPACE": "contoso.servicebus.windows.net",
            "AZURE_EVENTHUB_NAME": "logs",
            "AzureWebJobsStorage": "UseDevelopmentStorage=true",
        }
    ).upstream


async def test_the_managed_identity_is_used_only_without_a_key() -> None:
    identities = [Identity()]
    assert isinstance(for_upstream(upstream("k"), identities.clear), KeyCredential)  # type: ignore[arg-type]
    assert len(identities) == 1
    assert isinstance(for_upstream(upstream(""), identities.pop), TokenCredential)  # type: ignore[arg-type]
    assert not identities
