"""Clients of the queue service of a queue trigger."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from azure.core.credentials_async import AsyncTokenCredential
from azure.storage.queue.aio import QueueServiceClient

from emulators.functions_host.app_settings import StorageConnection
from emulators.functions_host.unsupported import StartError
from shared.adapters.storage.account import service_of
from shared.adapters.storage.direct_storage import DirectStorage

# Deletes a message of a queue: queue, message id, pop receipt. Raises AzureError or StorageError.
type DeleteMessage = Callable[[str, str, str], Awaitable[None]]


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


def open_delete(
    connection: StorageConnection, service: QueueServiceClient, stack: AsyncExitStack
) -> DeleteMessage:
    """A function that deletes a message; the stack closes its client.

    It takes 0.1 ms of CPU instead of the SDK's 0.5 ms (measured). With an identity, it uses the
    SDK.
    """
    if not connection.connection_string:

        async def delete(queue: str, message_id: str, pop_receipt: str) -> None:
            await service.get_queue_client(queue).delete_message(message_id, pop_receipt)

        return delete
    queues = service_of(service)
    direct = DirectStorage(blobs=queues, queues=queues)
    stack.push_async_callback(direct.aclose)
    return direct.delete_message


def _credential(connection: StorageConnection) -> AsyncTokenCredential:
    # Imported here: it takes 0.1 s, which a replaced worker should not need.
    from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential

    if connection.managed_identity:
        return ManagedIdentityCredential(client_id=connection.client_id)
    return DefaultAzureCredential(managed_identity_client_id=connection.client_id)
