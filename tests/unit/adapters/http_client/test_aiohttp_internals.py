"""The internals of aiohttp that fnsse uses are there, and an aiohttp without them stops the app."""

from __future__ import annotations

import re
from typing import cast

import aiohttp
import pytest

from shared.adapters.http_client import aiohttp_internals
from shared.adapters.http_client.aiohttp_internals import INTERNALS, Internal
from shared.errors import UnsupportedLibrary


class ChangedClass:
    """A class of an aiohttp that is different."""

    closed = None

    def read(self, size: int) -> bytes:
        return bytes(size)


def test_the_installed_aiohttp_is_as_it_is_used() -> None:
    """Each row of the table."""
    for internal in INTERNALS:
        aiohttp_internals.check([internal])


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("gone", None),
        ("gone", ("self",)),
        ("closed", None),
        ("closed", ("self",)),
        ("read", ("self",)),
        ("read", ("self", "count")),
    ],
)
def test_another_aiohttp_is_refused(name: str, parameters: tuple[str, ...] | None) -> None:
    """The error names every difference, the version, and the remedy."""
    good = Internal(ChangedClass, "read", ("self", "size"), "fine")
    bad = Internal(ChangedClass, name, parameters, "the reason")
    expected = rf"aiohttp {re.escape(aiohttp.__version__)}.*ChangedClass\.{name} \(the reason\)"
    with pytest.raises(UnsupportedLibrary, match=expected + ".*requirements.txt") as raised:
        aiohttp_internals.check([good, bad])
    assert "fine" not in str(raised.value)


def test_a_connector_without_an_internal() -> None:
    """It is rejected. The override of a renamed attribute would never be called."""

    class RenamedConnector:
        _loop = _conns = None

    with pytest.raises(UnsupportedLibrary, match=r"RenamedConnector\._factory \("):
        aiohttp_internals.check_connector(cast("aiohttp.BaseConnector", RenamedConnector()))
