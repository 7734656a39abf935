"""The alerts that an outage of a part raises in Azure."""

from __future__ import annotations

from typing import Final

# The rules of infra/ that notice an outage of a part, and how long it has to last: the window of
# the rule and what its query counts (infra/queries, infra/modules/platform-alerts.bicep).
ALERTS: Final[dict[str, dict[str, str]]] = {
    "azurite": {
        "not-recorded": "within 5 minutes",
        "storage-unavailable": "within 15 minutes",
        "not-ready": "within 15 minutes",
        "nothing-delivered": "after 30 minutes",
    },
    "event_hubs": {
        "not-ready": "within 15 minutes",
        "poison": "after 10 minutes",
        "nothing-delivered": "after 30 minutes",
        "reconcile-incomplete": "after 3 hours",
    },
}


def alerts(part: str) -> str:
    """The alert rules that notice an outage of a part, and when."""
    return ", ".join(f"{rule} ({when})" for rule, when in ALERTS[part].items())
