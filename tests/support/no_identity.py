"""A credential for clients that connect by a connection string."""

from __future__ import annotations

from azure.core.credentials_async import AsyncTokenCredential


def no_identity() -> AsyncTokenCredential:
    """Fails the test: nothing may ask for a credential."""
    raise AssertionError("a connection string needs no identity")
