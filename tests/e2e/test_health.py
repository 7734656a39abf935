"""The two health routes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from harness import http_client
from harness.chat import API_VERSION
from harness.waiting import poll_until
from local.repository import ROOT
from local.stack import Stack
from tests.e2e.conftest import on_embedded_alone


@on_embedded_alone
def test_health_touches_no_dependency(strained_stack: Stack) -> None:
    """It answers 200 although nothing that the app needs is there."""
    for part in ("event_hubs", "azure_openai"):
        strained_stack.parts[part].kill()
    response = http_client.call(strained_stack.proxy_url, "GET", "/health")
    for part in ("event_hubs", "azure_openai"):
        strained_stack.parts[part].start()
    assert (response.status, response.body) == (200, b'{"status":"ok"}')


@on_embedded_alone
def test_readiness_says_which_dependency_is_missing(strained_stack: Stack) -> None:
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
        response = http_client.call(strained_stack.proxy_url, "GET", "/health/ready")
        return response.status, json.loads(response.body)

    poll_until(lambda: ready() == (200, whole), "readiness with everything there")
    strained_stack.parts["event_hubs"].kill()
    without = {**whole, "status": "not ready", "event_hub": "unreachable"}
    poll_until(lambda: ready() == (503, without), "the Event Hub to be missed")
    strained_stack.parts["event_hubs"].start()
    poll_until(lambda: ready() == (200, whole), "the Event Hub to be found again")


@on_embedded_alone
def test_a_rejecting_event_hub_degrades_the_app(
    strained_stack: Stack,
) -> None:
    """Operators see the reason in the status, and the app recovers with the Event Hub."""

    def get(path: str) -> tuple[int, dict[str, Any]]:
        response = http_client.call(strained_stack.proxy_url, "GET", path)
        return response.status, json.loads(response.body)

    def set_mode(mode: str) -> None:
        body = json.dumps({"mode": mode}).encode()
        http_client.call(strained_stack.event_hubs_control_url, "PUT", "/behaviour", body=body)

    set_mode("reject")
    try:
        http_client.call(
            strained_stack.proxy_url, "GET", f"/openai/models?api-version={API_VERSION}"
        )
        poll_until(
            lambda: get("/health/ready")[1]["status"] == "degraded", "the refusal to be noticed"
        )
        status, health = get("/health/ready")
        assert status == 200
        assert health["event_hub"] == "reachable"
        assert health["degraded"]["event_hub"].endswith(": the Event Hub refused: server-busy")
        _, seen = get("/ops/status")
        assert seen["worker"]["event_hub"]["accepting"] is False
        assert seen["worker"]["event_hub"]["last_error"] == "the Event Hub refused: server-busy"
        assert seen["queue"]["length"] >= 1
    finally:
        set_mode("accept")
    poll_until(lambda: get("/health/ready")[1]["status"] == "ready", "events to get through again")
    _, seen = get("/ops/status")
    assert seen["worker"]["event_hub"]["accepting"] is True
    assert seen["worker"]["event_hub"]["last_accepted_at"] is not None
    assert seen["worker"]["recording"] == {"waiting": 0, "lost": 0}
    assert seen["dead_letters"]["count"] == len(seen["dead_letters"]["oldest"])


@on_embedded_alone
def test_the_doctor_follows_a_test_exchange_to_its_event(strained_stack: Stack) -> None:
    hub = {name: text for name, text in strained_stack.settings.items() if "EVENTHUB" in name}
    command = [sys.executable, "-m", "local.doctor", "--url", strained_stack.proxy_url]
    result = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **hub},
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    for text in ("a test exchange with gpt-4o was answered", "arrived after", "no problem found"):
        assert text in result.stdout


@on_embedded_alone
def test_reports_are_read_hour_by_hour(strained_stack: Stack) -> None:
    """The number of hours is checked."""

    def reports(query: str) -> tuple[int, dict[str, Any]]:
        response = http_client.call(strained_stack.proxy_url, "GET", f"/ops/reports{query}")
        return response.status, json.loads(response.body)

    status, read = reports("?hours=2")
    assert status == 200
    assert isinstance(read["reports"], list)
    for hours in ("0", "745", "x", "-1", "1e3", "9" * 400):
        status, error = reports(f"?hours={hours}")
        assert (status, error["error"]["code"]) == (400, "invalid_hours")
