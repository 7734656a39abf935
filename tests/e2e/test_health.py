"""The two health routes."""

from __future__ import annotations

import json

from harness import http_client
from harness.waiting import until
from local.stack import Stack
from tests.e2e.conftest import on_embedded_alone


@on_embedded_alone
def test_health_touches_no_dependency(strained: Stack) -> None:
    """200 although nothing that the app needs is there."""
    for part in ("event_hubs", "azure_openai"):
        strained.parts[part].kill()
    response = http_client.call(strained.proxy_url, "GET", "/health")
    for part in ("event_hubs", "azure_openai"):
        strained.parts[part].start()
    assert (response.status, response.body) == (200, b'{"status":"ok"}')


@on_embedded_alone
def test_readiness_says_which_dependency_is_missing(strained: Stack) -> None:
    """503 while the Event Hub cannot be reached, 200 when it is back; no host, account or key is
    named.
    """
    whole = {
        "status": "ready",
        "queue": "reachable",
        "blobs": "reachable",
        "event_hub": "reachable",
    }

    def ready() -> tuple[int, dict[str, str]]:
        response = http_client.call(strained.proxy_url, "GET", "/health/ready")
        return response.status, json.loads(response.body)

    until(lambda: ready() == (200, whole), "readiness with everything there")
    strained.parts["event_hubs"].kill()
    without = {**whole, "status": "not ready", "event_hub": "unreachable"}
    until(lambda: ready() == (503, without), "the Event Hub to be missed")
    strained.parts["event_hubs"].start()
    until(lambda: ready() == (200, whole), "the Event Hub to be found again")
