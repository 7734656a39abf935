"""Which dependencies the app cannot reach or may not use (GET /health/ready), and what to do."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

# The app gives each dependency five seconds; a busy worker may take longer to respond.
_ANSWER_WITHIN_S: Final = 15

_STORAGE: Final = "check AzureWebJobsStorage and CAPTURES_STORAGE"
_ON_CAPTURES: Final = "on the account of CAPTURES_STORAGE (or AzureWebJobsStorage)"
# what infra/main.bicep assigns to the app's identity
_ROLES: Final = {
    "event_hub": "Azure Event Hubs Data Sender on the Event Hub",
    "queue": f"Storage Queue Data Contributor {_ON_CAPTURES}",
    "blobs": f"Storage Blob Data Contributor {_ON_CAPTURES}",
}


def unreachable(proxy_url: str, settings: Mapping[str, str]) -> list[str]:
    """A sentence for each dependency that the app cannot use; [] if it can use all."""
    try:
        states = _states(proxy_url)
    except (OSError, http.client.HTTPException, ValueError):
        return ["the proxy does not answer GET /health/ready - look into the log of functions_host"]
    return sentences(states, settings)


def sentences(states: Mapping[str, Any], settings: Mapping[str, str]) -> list[str]:
    """`states`: the response of GET /health/ready."""
    address = (
        "AZURE_EVENTHUB_CONN_STR"
        if settings.get("AZURE_EVENTHUB_CONN_STR")
        else "AZURE_EVENTHUB_NAMESPACE"
    )
    remedies = {
        "event_hub": f"check {address} and AZURE_EVENTHUB_NAME",
        "queue": _STORAGE,
        "blobs": _STORAGE,
    }
    return [
        *(
            f"{name}: unreachable - {remedy}"
            for name, remedy in remedies.items()
            if states.get(name) == "unreachable"
        ),
        *(
            f"{name}: forbidden - the app's identity lacks the role {role} (a new one takes up to "
            "ten minutes); with a connection string: its key"
            for name, role in _ROLES.items()
            if states.get(name) == "forbidden"
        ),
    ]


def _states(proxy_url: str) -> Mapping[str, Any]:
    parts = urlsplit(proxy_url)
    connection = http.client.HTTPConnection(
        parts.hostname or "", parts.port, timeout=_ANSWER_WITHIN_S
    )
    try:
        connection.request("GET", "/health/ready")
        states = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    if not isinstance(states, dict):
        raise ValueError("not what /health/ready answers")  # noqa: TRY004 - a malformed answer
    return states
