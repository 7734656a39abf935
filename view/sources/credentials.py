"""The identity with which the view reads, if it has no connection string."""

from __future__ import annotations

from azure.core.credentials_async import AsyncTokenCredential


def identity() -> AsyncTokenCredential:
    """The environment's credential, a managed identity, or `az login`. The caller closes it."""
    from azure.identity.aio import DefaultAzureCredential  # only here: its import takes 130 ms

    return DefaultAzureCredential()
