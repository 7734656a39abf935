"""The options of the Azure SDK's clients take effect.

The SDK ignores keyword arguments that it does not know. So a newer version that renames one would
fall back to its own figures without an error.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import pytest
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from emulators.functions_host.app_settings import StorageConnection
from emulators.functions_host.queue_clients import open_service
from shared.adapters.event_hub.producer import connect
from shared.adapters.storage.account import StorageAccount
from shared.settings.settings import EventHubSettings, StorageSettings
from tests.support.no_identity import no_identity
from view.options import CapturesAddress
from view.sources import captures

pytestmark = pytest.mark.anyio

CONNECTION = (
    "AccountName=account;AccountKey=a2V5;"
    "BlobEndpoint=http://127.0.0.1:1/account;QueueEndpoint=http://127.0.0.1:1/account"
)


def retries(client: BlobServiceClient | QueueServiceClient | QueueClient) -> dict[str, float]:
    """The options that the client's retry policy holds."""
    config: Any = client._config
    policy = config.retry_policy
    return {
        "retry_total": policy.total_retries,
        "initial_backoff": policy.initial_backoff,
        "increment_base": policy.increment_base,
        "random_jitter_range": policy.random_jitter_range,
    }


def transport(client: BlobServiceClient | QueueServiceClient | QueueClient) -> dict[str, float]:
    """The options that the client's transport holds."""
    config: Any = client._config
    return {
        "connection_timeout": config.transport.connection_config.timeout,
        "read_timeout": config.transport.connection_config.read_timeout,
        "use_env_settings": config.transport._use_env_settings,
    }


async def test_options_of_the_apps_clients() -> None:
    settings = StorageSettings(
        setting="CAPTURES_STORAGE",
        connection_string=CONNECTION,
        blob_service_uri=None,
        queue_service_uri=None,
    )
    storage = StorageAccount(settings, no_identity)
    for client in (storage.blobs, storage.queue("envelopes")):
        assert retries(client) == {
            "retry_total": 2,
            "initial_backoff": 0,
            "increment_base": 1,
            "random_jitter_range": 0.5,
        }
        assert transport(client) == {
            "connection_timeout": 3.0,
            "read_timeout": 10.0,
            "use_env_settings": False,
        }
    await storage.aclose()


async def test_options_of_the_pages_client() -> None:
    address = CapturesAddress(connection_string=CONNECTION, blob_service_uri=None)
    client = captures.connect(address)
    assert retries(client) == {
        "retry_total": 1,
        "initial_backoff": 0,
        "increment_base": 1,
        "random_jitter_range": 0.5,
    }
    options = transport(client)
    assert (options["connection_timeout"], options["read_timeout"]) == (5, 20)
    await client.close()


async def test_options_of_the_embedded_hosts_client() -> None:
    async with AsyncExitStack() as stack:
        client = await open_service(StorageConnection(connection_string=CONNECTION), stack)
        assert retries(client) == {
            "retry_total": 3,
            "initial_backoff": 1,
            "increment_base": 2,
            "random_jitter_range": 0,
        }
        assert transport(client)["use_env_settings"] is False


async def test_options_of_the_event_hubs_client() -> None:
    settings = EventHubSettings(
        name="openai-logs",
        connection_string="Endpoint=sb://127.0.0.1/;SharedAccessKeyName=n;SharedAccessKey=a2V5",
        namespace=None,
    )
    async with connect(settings, no_identity) as client:
        config: Any = client._config
    assert (config.max_retries, config.backoff_factor, config.auth_timeout) == (1, 0.2, 10)
