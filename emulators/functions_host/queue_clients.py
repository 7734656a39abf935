"""Clients of the queue service of a queue trigger."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

from azure.core.credentials_async import AsyncTokenCredential
from azure.storage.queue.aio import QueueServiceClient

from emulators.functions_host.app_settings import StorageConnection
from emulators.functions_host.unsupported import StartError


async def open_service(connection: StorageConnection, stack: AsyncExitStack) -> QueueServiceClient:
    """The queue service of a connection; the stack closes it. Raises StartError for a
    malformed connection string.
    """
    # The .NET client's defaults: three retries from 0.8 s on (Azure.Core, RetryOptions). Polling
    # continues anyway.
    retry: dict[str, Any] = {
        "initial_backoff": 1,
        "increment_base": 2,
        "retry_total": 3,
        "random_jitter_range": 0,
    }
    # or aiohttp looks for proxies and a .netrc with each call, in a thread
    retry["use_env_settings"] = False
    if connection.connection_string:
        try:
            service = QueueServiceClient.from_connection_string(
                connection.connection_string, **retry
            )
        except ValueError as error:
            raise StartError(f"A storage connection string is malformed: {error}") from error
    else:
        credential = await stack.enter_async_context(_credential(connection))
        service = QueueServiceClient(
            connection.queue_service_uri or "", credential=credential, **retry
        )
    await stack.enter_async_context(service)
    return service


def _credential(connection: StorageConnection) -> AsyncTokenCredential:
    # Imported here: it takes 0.1 s, which a replaced worker should not need.
    from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential

    if connection.managed_identity:
        return ManagedIdentityCredential(client_id=connection.client_id)
    return DefaultAzureCredential(managed_identity_client_id=connection.client_id)
