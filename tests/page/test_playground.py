"""The playground: the answer as it comes, then its event."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.page.app import ANSWER, FakeApp
from tests.page.conftest import Visitor


@pytest.fixture
def held_app(app: FakeApp) -> FakeApp:
    """An app whose chats stop after their first word until `goes_on` is set."""
    app.goes_on.clear()
    return app


def test_an_answer_comes_word_by_word(visitor: Visitor, held_app: FakeApp) -> None:
    """Its event is selected after that: what a newcomer does first."""
    page = visitor.opens("/?view=playground")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".answer-text")).to_have_text(re.compile(r"^A\s*$"))
    expect(page.get_by_role("button", name="Disconnect")).to_be_visible()
    held_app.goes_on.set()
    expect(page.locator(".answer-text")).to_have_text(re.compile(f"^{re.escape(ANSWER)}"))
    expect(page.locator(".panel .message[data-source=answer]")).to_contain_text(ANSWER)
    expect(page.locator(".answer")).to_contain_text("Its event is on the Event Hub.")


def test_client_can_disconnect(visitor: Visitor, held_app: FakeApp) -> None:
    """The button ends the call within its answer."""
    page = visitor.opens("/?view=playground")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".answer-text")).to_have_text(re.compile(r"^A\s*$"))
    page.get_by_role("button", name="Disconnect").click()
    expect(page.locator(".answer")).to_contain_text("You disconnected.")
    held_app.goes_on.set()


def test_faults_and_deployments_are_offered(visitor: Visitor) -> None:
    """They are the stand-in's."""
    page = visitor.opens("/?view=playground")
    assert page.get_by_label("Fault of the stand-in").locator("option").count() > 3
    assert page.get_by_label("Deployment").input_value() != ""
