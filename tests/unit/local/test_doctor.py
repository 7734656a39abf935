"""The findings of the doctor, and the remedies that it names."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.app_access import AppAccess
from local.doctor import app, settings
from local.doctor.check import CheckState, DoctorCheck, ok, problem, show
from local.repository import ROOT

REPORT: dict[str, Any] = {
    "worker": {"recording": {"waiting": 0, "lost": 0}},
    "queue": {"length": 2, "oldest_age_s": 3.0},
    "reconcile": {"at": None, "waiting": None},
    "dead_letters": {"count": 0, "oldest": []},
}
READY = {"status": "ready", "queue": "reachable", "blobs": "reachable", "event_hub": "reachable"}


class AppInTest(AppAccess):
    """An app that responds by a function."""

    def client(self) -> AbstractContextManager[httpx.Client]:
        return httpx.Client(base_url=self.url, transport=httpx.MockTransport(self.respond))

    respond: Callable[[httpx.Request], httpx.Response]


def app_that(respond: Callable[[httpx.Request], httpx.Response]) -> AppAccess:
    access = AppInTest(url="http://app")
    object.__setattr__(access, "respond", respond)
    return access


def health_of(ready: dict[str, Any], status: int = 200) -> list[DoctorCheck]:
    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/health":
            return httpx.Response(200, json={"status": "ok"})
        return httpx.Response(status, json=ready)

    return list(app.health(app_that(respond), {"AZURE_EVENTHUB_CONN_STR": "Endpoint=…"}))


def states(checks: list[DoctorCheck]) -> list[CheckState]:
    return [check.state for check in checks]


def test_a_healthy_app_is_all_right() -> None:
    assert states(health_of(READY)) == [CheckState.OK, CheckState.OK]


def test_an_unreachable_dependency_is_named() -> None:
    """A dependency that cannot be reached is named with its settings."""
    checks = health_of({**READY, "status": "not ready", "event_hub": "unreachable"}, 503)
    assert checks[1] == problem(
        "event_hub: unreachable", "check AZURE_EVENTHUB_CONN_STR and AZURE_EVENTHUB_NAME"
    )


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("event_hub", "Azure Event Hubs Data Sender"),
        ("queue", "Storage Queue Data Contributor"),
        ("blobs", "Storage Blob Data Contributor"),
    ],
)
def test_a_role_that_is_missing_is_named(name: str, role: str) -> None:
    checks = health_of({**READY, "status": "not ready", name: "forbidden"}, 503)
    assert checks[1].state is CheckState.PROBLEM
    assert checks[1].finding == f"{name}: forbidden"
    assert role in checks[1].remedy
    assert f"role: '{role}'" in (ROOT / "infra/main.bicep").read_text("utf-8")


def test_an_identity_that_azure_openai_refuses_needs_its_role() -> None:
    error = {"error": {"code": "PermissionDenied", "message": "lacks the required data action"}}
    [checks, _] = app.exchange(app_that(lambda _: httpx.Response(403, json=error)), "gpt", None)
    assert "Cognitive Services OpenAI User" in checks.remedy


def test_a_degraded_app_and_a_misspelt_setting_are_shown() -> None:
    checks = health_of(
        {
            **READY,
            "status": "degraded",
            "degraded": {
                "event_hub": "no event accepted since noon: busy",
                "content_policy": "the blob of CONTENT_POLICY does not exist",
            },
            "settings": "CAPTURE_POLCY is not a setting",
        }
    )
    assert states(checks) == [
        CheckState.OK,
        CheckState.PROBLEM,
        CheckState.PROBLEM,
        CheckState.WARNING,
    ]
    assert "change-the-content-policy.md" in checks[2].remedy


def test_an_app_that_does_not_answer_is_one_problem() -> None:
    def respond(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    [checks] = app.health(app_that(respond), {})
    assert checks.state is CheckState.PROBLEM
    assert "check the address" in checks.remedy


def test_without_an_operators_key_the_status_is_left_out() -> None:
    [checks] = app.status(app_that(lambda _: httpx.Response(401)))
    assert checks.state is CheckState.SKIPPED
    assert "FNSSE_OPERATOR_KEY" in checks.remedy


@pytest.mark.parametrize(
    ("change", "state", "text"),
    [
        (
            {"worker": {"recording": {"waiting": 0, "lost": 3}}},
            CheckState.PROBLEM,
            "3 exchanges could",
        ),
        (
            {"worker": {"recording": {"waiting": 4, "lost": 0}}},
            CheckState.WARNING,
            "4 exchanges wait",
        ),
        ({"queue": {"length": 9, "oldest_age_s": 301.0}}, CheckState.WARNING, "waits since 301 s"),
        (
            {"reconcile": {"waiting": "the queue still holds"}},
            CheckState.WARNING,
            "the queue still",
        ),
        ({"dead_letters": {"count": 2, "oldest": []}}, CheckState.WARNING, "2 dead letters"),
        ({"queue": {"error": "storage …"}}, CheckState.PROBLEM, "the app cannot read queue"),
    ],
)
def test_what_operators_should_look_at_is_found(
    change: dict[str, Any], state: CheckState, text: str
) -> None:
    checks = list(app.judge(REPORT | change))
    assert any(check.state is state and text in check.finding for check in checks)
    assert states(list(app.judge(REPORT))) == [CheckState.OK]


def test_a_refused_exchange_says_why_and_what_to_give() -> None:
    error = {"error": {"code": "401", "message": "Access denied"}}
    checks = list(app.exchange(app_that(lambda _: httpx.Response(401, json=error)), "gpt", None))
    assert states(checks) == [CheckState.PROBLEM, CheckState.SKIPPED]
    assert "401: Access denied" in checks[0].finding
    assert "FNSSE_KEY" in checks[0].remedy


def test_settings_that_are_malformed_are_each_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_VERSION", "soon")
    monkeypatch.setenv("CAPTURE_POLCY", "required")
    [malformed] = settings.checks(tmp_path / "none.json")
    assert malformed.state is CheckState.PROBLEM
    assert malformed.finding.startswith("AZURE_OPENAI_API_VERSION is malformed")
    monkeypatch.delenv("AZURE_OPENAI_API_VERSION")
    assert states(list(settings.checks(tmp_path / "none.json"))) == [
        CheckState.OK,
        CheckState.WARNING,
    ]


def test_a_settings_file_that_is_not_json_is_named(tmp_path: Path) -> None:
    file = tmp_path / "local.settings.json"
    file.write_text("{")
    [checks] = settings.checks(file)
    assert checks.state is CheckState.PROBLEM
    assert "local.settings.json is not JSON" in checks.finding


def test_findings_are_printed_as_they_come() -> None:
    """Findings are printed as they come without colours in a file."""
    out = io.StringIO()

    def findings() -> Iterator[DoctorCheck]:
        yield ok("one")
        assert "one" in out.getvalue()
        yield problem("two", "do this")

    assert len(show("Title", findings(), out)) == 2
    assert out.getvalue() == ("\nTitle\n  ok       one\n  problem  two\n           -> do this\n")
