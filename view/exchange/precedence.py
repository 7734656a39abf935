"""Which of two events of an exchange counts: the rule of docs/reference/events.md, which
infra/queries/analysts/exchanges.kql states as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared.core.wire.json.json_shape import Json, items, text

# stands in `problems` if a capture is not that of the first delivery
_ALTERED: Final = "capture was altered"


def outranks(new: Mapping[str, Json], accepted: Mapping[str, Json]) -> bool:
    """Whether `new` takes the place of `accepted`, which the Event Hub accepted earlier."""
    return _rank(new) < _rank(accepted)


def _rank(event: Mapping[str, Json]) -> tuple[bool, bool]:
    """The lowest counts. Among equals it is the first event."""
    altered = any(_ALTERED in text(problem) for problem in items(event.get("problems")))
    return altered, event.get("outcome") == "aborted"
