"""The page's health view in a browser, beside the real app: what it shows, and what it does."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient
from playwright.sync_api import Locator, Page, expect

from harness import envelope_queue
from harness.chat import Chat
from harness.chromium import chromium
from harness.event_log import EventLog
from harness.view_process import view_process
from harness.waiting import poll_until
from local.stack import Stack
from shared.core.records.exchange import capture
from shared.core.records.exchange.exchange_id import started_at
from tests.e2e.conftest import on_embedded_alone

pytestmark = on_embedded_alone

_WITHIN_MS: Final = 60_000
_LOCAL: Final = "%Y-%m-%dT%H:%M:%S"  # of an input of type datetime-local


@pytest.fixture(scope="module")
def page(stack: Stack) -> Iterator[Page]:
    """The health view, in a browser whose local time is UTC."""
    with view_process(stack) as address, chromium() as browser:
        context = browser.new_context(viewport={"width": 1440, "height": 900}, timezone_id="UTC")
        shown = context.new_page()
        shown.set_default_timeout(_WITHIN_MS)
        shown.goto(f"{address}?view=health")
        yield shown
        context.close()


@contextmanager
def captures_of(stack: Stack) -> Iterator[ContainerClient]:
    with BlobServiceClient.from_connection_string(stack.storage_connection_string) as blobs:
        yield blobs.get_container_client(capture.CONTAINER)


def part(page: Page, title: str) -> Locator:
    """A part of the view, by its heading."""
    return page.locator(".health-part").filter(has=page.get_by_role("heading", name=title, level=2))


def confirm(page: Page, action: str, what: str) -> None:
    """Confirm what was begun, and wait for the app's answer."""
    page.get_by_role("dialog").get_by_role("button", name=action, exact=True).click()
    expect(page.locator(".result")).to_contain_text(f"{what}: accepted", timeout=_WITHIN_MS)


def test_status_and_reports_of_the_app_are_shown(page: Page, stack: Stack) -> None:
    """The page shows words and units, whatever the app's members are."""
    now = part(page, "Now")
    for fact in ("Event hub", "Accepting", "yes", "Recording", "Reconcile", "Dead letters"):
        expect(now).to_contain_text(fact, ignore_case=True)
    expect(now).not_to_contain_text("{")
    page.get_by_role("button", name="Reconcile …").click()
    confirm(page, "Reconcile", "Reconcile now")
    expect(page.locator(".run")).to_contain_text("completed", timeout=_WITHIN_MS)
    hours = part(page, "Hours").locator("tbody tr")
    expect(hours.first).to_contain_text(f"{datetime.now(UTC):%Y/%m/%d/}", timeout=_WITHIN_MS)


def test_a_dead_letter_is_requeued_after_a_fix(page: Page, stack: Stack, events: EventLog) -> None:
    """It leaves the list, and its event arrives once more."""
    exchange_id = Chat().ask(stack).exchange_id
    events.one(exchange_id=exchange_id)
    name = capture.response_name(exchange_id)
    with captures_of(stack) as captures, envelope_queue.queue(stack) as queue:
        whole = captures.download_blob(name).readall()
        captures.upload_blob(name, b"garbage", overwrite=True)
        envelope = json.dumps(capture.load_header(whole)["envelope"]).encode()
        queue.send_message(base64.b64encode(envelope).decode())
        listed = part(page, "Dead letters").locator("tbody tr", has_text=exchange_id)
        expect(listed).to_contain_text("corrupt_capture", timeout=_WITHIN_MS)
        captures.upload_blob(name, whole, overwrite=True)
    listed.get_by_role("button", name="Requeue …").click()
    expect(page.get_by_role("dialog")).to_contain_text(exchange_id)
    confirm(page, "Requeue", "Requeue this dead letter")
    expect(listed).to_have_count(0)
    poll_until(lambda: events.count(exchange_id=exchange_id) == 2, "its event once more")


def test_a_time_range_is_replayed(page: Page, stack: Stack, events: EventLog) -> None:
    """Each exchange that was captured in it is delivered once more, as replayed."""
    exchange_id = Chat().ask(stack).exchange_id
    events.one(exchange_id=exchange_id)
    began = started_at(exchange_id).replace(microsecond=0)
    end = began + timedelta(seconds=1)
    poll_until(lambda: datetime.now(UTC) > end, "the end of the range to be past")
    page.get_by_label("From").fill(f"{began:{_LOCAL}}")
    page.get_by_label("To").fill(f"{end:{_LOCAL}}")
    page.get_by_role("button", name="Replay …").click()
    confirm(page, "Replay", "Replay this time range")
    expect(page.locator(".run")).to_contain_text("1 of 1 hours", timeout=2 * _WITHIN_MS)
    poll_until(
        lambda: events.count(exchange_id=exchange_id, replayed=True) == 1,
        "the replayed event",
        within_s=120,
    )


def test_an_exchange_is_erased(page: Page, stack: Stack, events: EventLog) -> None:
    """Its captures are gone; the page asks before it does that."""
    exchange_id = Chat().ask(stack).exchange_id
    events.one(exchange_id=exchange_id)
    page.get_by_label("Exchange id").fill(exchange_id)
    page.get_by_role("button", name="Erase …").click()
    with captures_of(stack) as captures:
        assert captures.get_blob_client(capture.request_name(exchange_id)).exists()
        confirm(page, "Erase for good", "Erase this exchange")
        assert not captures.get_blob_client(capture.request_name(exchange_id)).exists()
        assert not captures.get_blob_client(capture.response_name(exchange_id)).exists()
