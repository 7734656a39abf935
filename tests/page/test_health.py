"""Health: what the app says, what it lacks, and that every action is confirmed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.page.app import DEAD_LETTER, FakeApp
from tests.page.conftest import Visitor


@pytest.fixture
def operator_calls(app: FakeApp) -> Iterator[list[tuple[str, str]]]:
    """The operators' calls that the app takes during a test."""
    app.operator_calls.clear()
    yield app.operator_calls
    app.operator_calls.clear()


def test_status_and_missing_routes_are_shown(visitor: Visitor) -> None:
    """The app answers 404 to /ops/reports here."""
    page = visitor.opens("/?view=health")
    expect(page.locator(".health-part").nth(0)).to_contain_text("backlog")
    expect(page.locator(".health-part").nth(1)).to_contain_text("Not available")
    expect(page.locator(".health-part").nth(2)).to_contain_text("corrupt_capture")


def test_requeue_says_what_will_happen_and_waits(
    visitor: Visitor, operator_calls: list[tuple[str, str]]
) -> None:
    """Cancel does nothing; the action itself is one call."""
    page = visitor.opens("/?view=health")
    page.get_by_role("button", name="Requeue …").click()
    expect(page.get_by_role("dialog")).to_contain_text("goes back to the queue")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert operator_calls == []
    page.get_by_role("button", name="Requeue …").click()
    page.get_by_role("button", name="Requeue", exact=True).click()
    expect(page.locator(".result")).to_contain_text("accepted")
    assert operator_calls == [("POST", f"/ops/dead-letters/{DEAD_LETTER}")]


def test_erase_needs_an_exchange_id_and_is_confirmed(
    visitor: Visitor, operator_calls: list[tuple[str, str]]
) -> None:
    """It cannot be undone."""
    page = visitor.opens("/?view=health")
    page.get_by_label("Exchange id").fill("everything")
    page.get_by_role("button", name="Erase …").click()
    expect(page.locator(".result")).to_contain_text("not an exchange id")
    page.get_by_label("Exchange id").fill(DEAD_LETTER)
    page.get_by_role("button", name="Erase …").click()
    expect(page.get_by_role("dialog")).to_contain_text("cannot be restored")
    page.get_by_role("button", name="Erase for good").click()
    expect(page.locator(".result")).to_contain_text("accepted")
    assert operator_calls == [("DELETE", f"/ops/exchanges/{DEAD_LETTER}")]


def test_replay_names_the_range(visitor: Visitor, operator_calls: list[tuple[str, str]]) -> None:
    """The times are in UTC, as the route wants them."""
    page = visitor.opens("/?view=health")
    page.get_by_label("From").fill("2026-11-27T09:00:00")
    page.get_by_label("To").fill("2026-11-27T10:00:00")
    page.get_by_role("button", name="Replay …").click()
    expect(page.get_by_role("dialog")).to_contain_text("replayed: true")
    page.get_by_role("button", name="Replay", exact=True).click()
    expect(page.locator(".result")).to_contain_text("accepted")
    assert operator_calls == [("POST", "/ops/replay")]
