"""The app's managed identity, for every service that has no key or connection string."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError

from shared.concurrency.renewal import Renewal
from shared.core.wire.http.headers import RawHeaders
from shared.errors import UpstreamUnreachable
from shared.settings.settings import UpstreamSettings
from shared.settings.timeouts import TOKEN_S

# A token is renewed this long before it expires, so that none expires on the way to the upstream.
_RENEW_BEFORE_S: Final = 300
# A caller within this time after a failure shares it.
PAUSE_AFTER_FAILURE_S: Final = 1.0


def managed_identity(client_id: str | None) -> AsyncTokenCredential:
    """The app's identity in Azure; on a developer's machine, the user of `az login`."""
    # 130 ms to import, and not needed if keys are used
    from azure.identity.aio import DefaultAzureCredential

    return DefaultAzureCredential(managed_identity_client_id=client_id)


class KeyCredential:
    """AZURE_OPENAI_KEY."""

    def __init__(self, key: str) -> None:
        self._headers: RawHeaders = [(b"api-key", key.encode())]

    async def headers(self) -> RawHeaders:
        return self._headers


class CachedToken:
    """A token of one scope, shared by all callers: see `Renewal`.

    It is renewed ahead of its expiry, and used until then if the renewal fails.
    """

    def __init__(
        self,
        credential: AsyncTokenCredential,
        scope: str,
        clock: Callable[[], float] = time.time,
        *,
        timeout_s: float = TOKEN_S,
    ) -> None:
        self._credential = credential
        self._scope = scope
        self._renewal = Renewal(
            self._fetch,
            clock,
            renew_before_s=_RENEW_BEFORE_S,
            timeout_s=timeout_s,
            pause_s=PAUSE_AFTER_FAILURE_S,
        )

    async def value(self) -> str:
        """Raises AzureError or TimeoutError if none can be had."""
        return await self._renewal.value()

    async def aclose(self) -> None:
        """End the fetch that is under way."""
        await self._renewal.aclose()

    async def _fetch(self) -> tuple[str, float]:
        token = await self._credential.get_token(self._scope)
        return token.token, token.expires_on


class TokenCredential:
    """The managed identity's token for the upstream."""

    def __init__(self, token: CachedToken) -> None:
        self._token = token

    async def headers(self) -> RawHeaders:
        try:
            return [(b"authorization", b"Bearer " + (await self._token.value()).encode())]
        except (AzureError, TimeoutError) as error:
            raise UpstreamUnreachable(
                "The proxy's identity got no token for Azure OpenAI. The operator should check the app's managed identity, "
                "AZURE_CLIENT_ID and AZURE_OPENAI_SCOPE, or set AZURE_OPENAI_KEY."
            ) from error


def for_upstream(
    settings: UpstreamSettings, identity: Callable[[], AsyncTokenCredential]
) -> KeyCredential | TokenCredential:
    """The key if one is set, otherwise the managed identity's token."""
    return (
        KeyCredential(settings.key)
        if settings.key
        else TokenCredential(CachedToken(identity(), settings.scope))
    )
