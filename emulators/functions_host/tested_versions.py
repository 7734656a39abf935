"""The library versions that this host was tested with.

The host calls these libraries' own internals, such as `handle_event` of azure-functions-runtime and
`Server.capture_signals` of uvicorn. Another version may have renamed them or given them another
meaning, so the host warns when it finds one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Final

TESTED: Final[Mapping[str, str]] = {
    "azure-functions": "2.3.0",
    "azure-functions-durable": "1.7.0",
    "azure-functions-runtime": "1.3.0",
    "azurefunctions-extensions-base": "1.2.0",
    "azurefunctions-extensions-http-fastapi": "1.0.1",
    "uvicorn": "0.54.0",
}


def warning(version_of: Callable[[str], str] = metadata.version) -> str | None:
    """A warning that names every library of another version; None if all are tested."""
    untested = [
        f"{package} {installed} (tested with {tested})"
        for package, tested in TESTED.items()
        if (installed := version_of(package)) != tested
    ]
    if not untested:
        return None
    return (
        "WARNING: the embedded Functions host relies on internals of libraries whose installed "
        f"versions it was not tested with: {', '.join(untested)}. If it misbehaves, compare with "
        "`func start`."
    )
