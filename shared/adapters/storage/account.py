"""The clients of the storage account that holds captures, envelopes and the ledger.

They are made on first use, in the worker's event loop. Calls of the SDK's clients are made within
`StorageAccount.call` or `StorageAccount.iterate`, which bound them. The SDK itself bounds only the
silences of a response, neither an upload that the service does not read nor a response that
trickles.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from typing import Any, Final, cast

from azure.core.credentials_async import AsyncTokenCredential
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue import TextBase64EncodePolicy
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from shared.adapters.identity.credentials import CachedToken
from shared.adapters.storage.direct_storage import DirectStorage, Service
from shared.adapters.storage.errors import storage_errors
from shared.adapters.storage.http_calls import StorageHttp
from shared.settings.settings import StorageSettings
from shared.settings.timeouts import StorageTimeouts

# Few and short: a client may be waiting for the end of its response, and reconcile redelivers after
# a failure. The SDK waits initial_backoff + increment_base ** try, give or take
# random_jitter_range; its defaults are 15, 3 and 3 s.
_SDK_RETRIES: Final[Mapping[str, float]] = {
    "retry_total": 2,
    "initial_backoff": 0,
    "increment_base": 1,
    "random_jitter_range": 0.5,
}

_END: Final = object()
_SCOPE: Final = "https://storage.azure.com/.default"


class StorageAccount:
    """Clients for one account. `identity` is called only if there is no connection string."""

    def __init__(
        self,
        settings: StorageSettings,
        identity: Callable[[], AsyncTokenCredential],
        *,
        timeouts: StorageTimeouts | None = None,
    ) -> None:
        self._settings = settings
        self._identity = identity
        self._timeouts = timeouts or StorageTimeouts()
        self._options: dict[str, Any] = {
            **_SDK_RETRIES,
            "connection_timeout": self._timeouts.connect_s,
            "read_timeout": self._timeouts.silence_s,
            # By default aiohttp reads proxies and a .netrc with every request, in a thread: a third
            # of a call's CPU (measured).
            "use_env_settings": False,
        }

    @functools.cached_property
    def blobs(self) -> BlobServiceClient:
        """The blob service."""
        if self._settings.connection_string:
            return BlobServiceClient.from_connection_string(
                self._settings.connection_string, **self._options
            )
        return BlobServiceClient(
            self._settings.blob_service_uri or "", credential=self._identity(), **self._options
        )

    @functools.cached_property
    def direct(self) -> DirectStorage:
        """The calls that every exchange makes."""
        queues, http = self._queue_service, StorageHttp(self._timeouts)
        if self._settings.connection_string:
            return DirectStorage(_service_of(self.blobs), _service_of(queues), http=http)
        token = CachedToken(self._identity(), _SCOPE).value
        return DirectStorage(
            Service(url=self.blobs.url.rstrip("/"), token=token),
            Service(url=queues.url.rstrip("/"), token=token),
            http=http,
        )

    @contextlib.asynccontextmanager
    async def call(self) -> AsyncIterator[None]:
        """Make one call of an SDK's client, with its retries. Raises StorageError, also if it takes
        too long.
        """
        with storage_errors():
            async with asyncio.timeout(self._timeouts.call_s):
                yield

    async def iterate[T](self, items: AsyncIterable[T]) -> AsyncIterator[T]:
        """The pages or pieces that the SDK fetches one after the other, each within `call`."""
        iterator = aiter(items)
        while True:
            async with self.call():
                item = await anext(iterator, _END)
            if item is _END:
                return
            yield cast(T, item)

    async def aclose(self) -> None:
        """Close the clients."""
        await self.direct.aclose()
        await self.blobs.close()
        await self._queue_service.close()

    @functools.cached_property
    def _queue_service(self) -> QueueServiceClient:
        if self._settings.connection_string:
            return QueueServiceClient.from_connection_string(
                self._settings.connection_string, **self._options
            )
        return QueueServiceClient(
            self._settings.queue_service_uri or "", credential=self._identity(), **self._options
        )

    def queue(self, name: str) -> QueueClient:
        """A queue whose messages are Base64, as host.json's messageEncoding says."""
        return self._queue_service.get_queue_client(
            name, message_encode_policy=TextBase64EncodePolicy()
        )


def _service_of(client: BlobServiceClient | QueueServiceClient) -> Service:
    """The address and the account key or SAS that the SDK read from a connection string."""
    url, _, sas = client.url.partition("?")
    key = getattr(client.credential, "account_key", None)
    return Service(
        url=url.rstrip("/"),
        account=client.account_name or "",
        key=base64.b64decode(key) if key else None,
        sas=sas,
    )
