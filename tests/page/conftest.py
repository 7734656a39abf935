"""One browser, one server and one app for all tests of the page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from harness.chromium import chromium
from harness.node import vendor_folder
from harness.view_server import ViewServer, view_server
from tests.page.app import COMPLETENESS, FakeApp
from tests.page.sample_events import sample_events

EXCHANGES: Final = 10_000


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """It ends with this folder's tests, so that those of other folders can run event loops."""
    with chromium() as launched:
        yield launched


@pytest.fixture(scope="package")
def app() -> Iterator[FakeApp]:
    """The app that the page's server calls for the playground and the operators' routes."""
    with FakeApp() as started:
        yield started


@pytest.fixture(scope="package")
def server(app: FakeApp) -> Iterator[ViewServer]:
    """A page's server that has read 10,000 events of the last hour."""
    vendor_folder()
    events = list(sample_events(EXCHANGES, end=datetime.now(UTC)))
    traces = ["--trace-url", "https://viewer.example/traces/{trace_id}"]
    arguments = ["--local", "--app", app.url, *traces]
    with view_server(events, arguments=arguments, completeness=COMPLETENESS) as started:
        app.on_event = started.add
        yield started


class Visitor:
    """Opens pages, and notes what went wrong in them."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self._context = context
        self._url = url
        self.problems: list[str] = []

    def opens(self, address: str = "/", **media: Any) -> Page:
        """A page, as soon as its table or its view is there."""
        page = self._context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", lambda message: self._note(message.type, message.text))
        if media:
            page.emulate_media(**media)
        page.goto(self._url + address)
        page.locator(".window .row, .view, .empty:not(:text('Loading'))").first.wait_for()
        return page

    def _note(self, kind: str, text: str) -> None:
        # a refused request is an answer that the page shows; its console line is no problem
        if kind == "error" and "Failed to load resource" not in text:
            self.problems.append(text)


@pytest.fixture
def visitor(browser: Browser, server: ViewServer) -> Iterator[Visitor]:
    """A visitor of the page. No script may fail, and the policy may refuse nothing."""
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, permissions=["clipboard-read", "clipboard-write"]
    )
    looking = Visitor(context, server.url)
    yield looking
    context.close()
    assert looking.problems == []
