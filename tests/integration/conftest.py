"""Fixtures that several modules of these tests use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.stack import Stack


@pytest.fixture(scope="module")
def azurite() -> Iterator[str]:
    """The connection string of an Azurite of the module's own."""
    with Stack(only=["azurite"]) as stack:
        yield stack.storage_connection_string
