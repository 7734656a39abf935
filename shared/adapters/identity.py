"""Who the app is: its managed identity, for whatever has no key or connection string."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError

from shared.core.wire.headers import RawHeaders
from shared.errors import UpstreamUnreachable
from shared.settings.settings import UpstreamSettings

# A token is renewed this long before it expires, so that none expires on the way to the upstream.
_RENEW_BEFORE_S: Final = 300


def managed_identity(client_id: str | None) -> AsyncTokenCredential:
    """The app's identity in Azure; on a developer's machine, whoever `az login` says."""
    # 130 ms to import, and not needed where keys are used
    from azure.identity.aio import DefaultAzureCredential

    return DefaultAzureCredential(managed_identity_client_id=client_id)


class KeyCredential:
    """AZURE_OPENAI_KEY."""

    def __init__(self, key: str) -> None:
        self._headers: RawHeaders = [(b"api-key", key.encode())]

    async def headers(self) -> RawHeaders:
        return self._headers


class CachedToken:
    """A token of one scope, kept until shortly before it expires."""

    def __init__(
        self, credential: AsyncTokenCredential, scope: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._credential = credential
        self._scope = scope
        self._clock = clock
        self._token = ""
        self._renew_at = 0.0
        self._renewal = asyncio.Lock()

    async def value(self) -> str:
        """Raises AzureError where none can be had."""
        if self._clock() >= self._renew_at:
            async with self._renewal:
                if self._clock() >= self._renew_at:
                    token = await self._credential.get_token(self._scope)
                    self._token, self._renew_at = token.token, token.expires_on - _RENEW_BEFORE_S
        return self._token


class TokenCredential:
    """The managed identity's token for the upstream."""

    def __init__(
        self, credential: AsyncTokenCredential, scope: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._token = CachedToken(credential, scope, clock)

    async def headers(self) -> RawHeaders:
        """Raises UpstreamUnreachable where no token can be had."""
        try:
            return [(b"authorization", b"Bearer " + (await self._token.value()).encode())]
        except AzureError as error:
            raise UpstreamUnreachable(
                "The proxy's identity got no token for Azure OpenAI. The operator should check the app's managed identity, "
                "AZURE_CLIENT_ID and AZURE_OPENAI_SCOPE, or set AZURE_OPENAI_KEY."
            ) from error


def for_upstream(
    settings: UpstreamSettings, identity: Callable[[], AsyncTokenCredential]
) -> KeyCredential | TokenCredential:
    """The key where one is set, the managed identity's token otherwise."""
    return (
        KeyCredential(settings.key) if settings.key else TokenCredential(identity(), settings.scope)
    )
