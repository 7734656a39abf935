"""The internals of aiohttp that fnsse relies on, in one table, and a check that they exist.

A missing internal might show only when a connection breaks, or never: if aiohttp no longer calls
an override, one caller can get another caller's response. So the app does not start on such a
version.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import aiohttp
from aiohttp.client_proto import ResponseHandler

from shared.errors import UnsupportedLibrary


class Internal(NamedTuple):
    """One name that fnsse uses."""

    owner: type
    name: str
    parameters: tuple[str, ...] | None  # a method's; None: an attribute
    reason: str


INTERNALS: Final = (
    Internal(
        aiohttp.BaseConnector,
        "_get",
        ("self", "key", "traces"),
        "ConnectionPool overrides it: an unsolicited response must not reach another caller",
    ),
    Internal(
        ResponseHandler,
        "set_exception",
        ("self", "exc", "exc_cause"),
        "ReusableConnection overrides it: a request that the server never received is sent again",
    ),
    Internal(
        ResponseHandler,
        "eof_received",
        ("self",),
        "ReusableConnection overrides it: a request that the server never received is sent again",
    ),
    Internal(
        ResponseHandler,
        "should_close",
        None,
        "ConnectionPool reads from it whether unsolicited bytes came",
    ),
    Internal(
        aiohttp.StreamReader,
        "_read_nowait",
        ("self", "n"),
        "AiohttpTransport reads with it the bytes that had arrived before a connection broke",
    ),
    Internal(
        aiohttp.StreamReader,
        "set_exception",
        ("self", "exc", "exc_cause"),
        "AiohttpTransport ends with it the wait for an upstream that is silent",
    ),
    Internal(
        ResponseHandler,
        "read_timeout",
        None,
        "AiohttpTransport ends with it aiohttp's own timer, which costs every chunk",
    ),
    Internal(
        ResponseHandler,
        "start_timeout",
        ("self",),
        "AiohttpTransport ends with it aiohttp's own timer, which costs every chunk",
    ),
)

# The attributes that only an instance of aiohttp's connector has.
CONNECTOR_ATTRIBUTES: Final = {
    "_factory": "ConnectionPool has its connections made by it",
    "_loop": "ConnectionPool's connections belong to it",
    "_conns": "ConnectionPool takes connections that cool down out of it",
}


def check_connector(connector: aiohttp.BaseConnector) -> None:
    """Raises UnsupportedLibrary, which names every attribute that the connector lacks."""
    lacking = [
        f"{type(connector).__name__}.{name} ({reason})"
        for name, reason in CONNECTOR_ATTRIBUTES.items()
        if not hasattr(connector, name)
    ]
    _require_none(lacking)


def check(internals: Sequence[Internal] = INTERNALS) -> None:
    """Raises UnsupportedLibrary, which names every internal that is not as it is used."""
    wrong = [
        f"{internal.owner.__name__}.{internal.name} ({internal.reason})"
        for internal in internals
        if not _is_as_used(internal)
    ]
    _require_none(wrong)


def _require_none(wrong: Sequence[str]) -> None:
    if wrong:
        raise UnsupportedLibrary(
            f"aiohttp {aiohttp.__version__} is not as fnsse uses it: {'; '.join(wrong)}. "
            "Install the version that requirements.txt names."
        )


def _is_as_used(internal: Internal) -> bool:
    member: Any = getattr(internal.owner, internal.name, None)
    if internal.parameters is None:
        return member is not None
    return callable(member) and tuple(inspect.signature(member).parameters) == internal.parameters
