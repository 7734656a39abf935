"""Error responses of the app, as a client parses them."""

from __future__ import annotations

import json
from typing import Any

from harness.http_client import ReceivedResponse


def error_of(response: ReceivedResponse) -> dict[str, Any]:
    """The error in the proxy's response, which has nothing beside it."""
    assert response.header("content-type") == "application/json"
    document = json.loads(response.body)
    assert document.keys() == {"error"}
    error: dict[str, Any] = document["error"]
    return error
