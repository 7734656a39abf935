"""Azurite's account, and the queues and containers that the app expects in it."""

from __future__ import annotations

import contextlib
from typing import Final

from local.stack.ports import HOST, Ports

QUEUES: Final = ("envelopes", "envelopes-poison", "follow-ups")
CONTAINERS: Final = ("captures", "ledger", "policies")

# Azurite's well-known account, the same on every machine (Azurite's README, "Default Storage
# Account").
ACCOUNT: Final = "devstoreaccount1"
KEY: Final = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)


def connection_string(ports: Ports) -> str:
    """The connection string of Azurite on these ports."""
    services = {"Blob": ports.blob, "Queue": ports.queue, "Table": ports.table}
    endpoints = "".join(
        f"{name}Endpoint=http://{HOST}:{port}/{ACCOUNT};" for name, port in services.items()
    )
    return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};{endpoints}"


def create_queues_and_containers(storage_connection_string: str) -> None:
    """Create what is missing. The app creates nothing: in Azure the infrastructure does."""
    # Imported here: it takes half a second, which every process that imports local.stack would pay,
    # the watchdog included.
    from azure.core.exceptions import ResourceExistsError
    from azure.storage.blob import BlobServiceClient
    from azure.storage.queue import QueueServiceClient

    with QueueServiceClient.from_connection_string(storage_connection_string) as queues:
        for name in QUEUES:
            with contextlib.suppress(ResourceExistsError):
                queues.create_queue(name)
    with BlobServiceClient.from_connection_string(storage_connection_string) as blobs:
        for name in CONTAINERS:
            with contextlib.suppress(ResourceExistsError):
                blobs.create_container(name)
