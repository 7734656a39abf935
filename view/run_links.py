"""The links of the runs of reconcile, replay and erase that a client of the app started."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from shared.core.wire.json.json_shape import JsonObject, text

_STATUS_LINK: Final = "statusQueryGetUri"
_MOST_RUNS: Final = 100


class RunLinks:
    """The path and query of each run's status on the app, by the run's id.

    A link holds a key of the host. So the page never sees one, and only the part after the host's
    name is used: the key goes to the app alone.
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
        """Path and query of a run's status; None for a run that was not kept."""
        return self._links.get(run)
