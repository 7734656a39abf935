"""Fixtures that several modules of these tests use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from local.stack import Stack
from local.stack.storage import ACCOUNT, KEY, create_queues_and_containers

# More than there are modules with the fixture `azurite`.
_NAMES: Final = [f"account{number}" for number in range(60)]


@pytest.fixture(scope="session")
def unused_accounts() -> Iterator[Iterator[str]]:
    """The connection strings of accounts that no module has used yet. They share an Azurite, which
    takes a second of CPU to start.
    """
    with pytest.MonkeyPatch.context() as environment:
        accounts = ";".join(f"{name}:{KEY}" for name in (ACCOUNT, *_NAMES))
        environment.setenv("AZURITE_ACCOUNTS", accounts)
        stack = Stack(only=["azurite"])
        stack.start()
    try:
        yield (stack.storage_connection_string.replace(ACCOUNT, name) for name in _NAMES)
    finally:
        stack.stop()


@pytest.fixture(scope="module")
def azurite(unused_accounts: Iterator[str]) -> str:
    """The connection string of a storage account of the module's own."""
    account = next(unused_accounts)
    create_queues_and_containers(account)
    return account
