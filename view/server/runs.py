"""The runs of reconcile and replay that the page began."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from shared.core.wire.json.json_shape import JsonObject, text

_STATUS_LINK: Final = "statusQueryGetUri"
_MOST_RUNS: Final = 100


class Runs:
    """Where to ask for them on the app, by their ids. A link holds a key, so the page never sees
    one, and a key goes to the app alone.
    """

    def __init__(self) -> None:
        self._links: dict[str, str] = {}

    def keep(self, document: JsonObject) -> None:
        """Keep path and query of the link of a run, if the document names one."""
        run, link = text(document.get("id")), urlsplit(text(document.get(_STATUS_LINK)))
        if run and link.path:
            self._links[run] = f"/{link.path.lstrip('/')}?{link.query}"
        while len(self._links) > _MOST_RUNS:
            del self._links[next(iter(self._links))]

    def link(self, run: str) -> str | None:
        """Path and query of a run; None if the page did not begin it."""
        return self._links.get(run)
