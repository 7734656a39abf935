"""The exchange that is open: what it shows, its actions, and that it shows text as text."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from harness.view_server import ViewServer
from tests.page.conftest import Visitor
from tests.page.sample_events import exchange_id, sample_events

_MARKUP = "<img src=x onerror=\"document.title='ran'\"><script>document.title='ran'</script>"


def _event(number: int, **members: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    [event] = sample_events(1, end=now)
    return {**event, "exchange_id": exchange_id(now, 3_000_000 + number), **members}


def _open_first(visitor: Visitor, query: str = "q=outcome%3Acompleted+stream%3Ayes") -> Page:
    page = visitor.opens(f"/?{query}")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator(".panel-title .outcome")).to_be_visible()
    return page


def test_conversation_timeline_and_usage_are_shown(visitor: Visitor) -> None:
    """The open row stands in the address."""
    page = _open_first(visitor)
    expect(page).to_have_url(re.compile("open="))
    roles = page.locator(".message h4").all_inner_texts()
    assert [role.split()[0] for role in roles] == ["system", "user", "assistant"]
    expect(page.locator("[data-mark]").first).to_be_visible()
    assert page.locator(".phase").count() >= 2
    trace = page.get_by_role("link", name="Its trace")
    expect(trace).to_have_attribute("href", re.compile(r"^https://viewer\.example/traces/\w{32}$"))
    page.get_by_role("tab", name="Usage").click()
    expect(page.get_by_role("row", name=re.compile("input"))).to_contain_text("usage.prompt_tokens")


def test_markup_in_prompt_and_answer_is_text_and_does_not_run(
    visitor: Visitor, server: ViewServer
) -> None:
    """This holds in the conversation, the event and every cell of the table."""
    event = _event(
        1,
        deployment=_MARKUP[:60],
        prompt=[{"role": "user", "content": _MARKUP}],
        content=_MARKUP,
        choices=[{"index": 0, "content": _MARKUP, "finish_reason": "stop"}],
    )
    server.add(event)
    page = visitor.opens(f"/?open={event['exchange_id']}")
    expect(page.locator(".message .text").first).to_have_text(_MARKUP)
    page.get_by_role("tab", name="Event").click()
    expect(page.locator(".code")).to_contain_text("onerror")
    assert page.locator("#page img:not([src='icon.svg']), #page script").count() == 0
    assert "ran" not in page.title()


def test_a_followed_response_leads_to_the_call_that_created_it(
    visitor: Visitor, server: ViewServer
) -> None:
    """The app's own poll has no prompt; the call that created the response has."""
    created = _event(3)
    followed = _event(4, operation="responses.followed", create_exchange_id=created["exchange_id"])
    server.add(created, followed)
    page = visitor.opens(f"/?open={followed['exchange_id']}")
    expect(page.locator(".exchange-facts")).to_contain_text("responses.followed")
    page.get_by_role("button", name=created["exchange_id"]).click()
    expect(page.locator(".panel .id")).to_have_text(created["exchange_id"])
    expect(page.locator(".exchange-facts")).not_to_contain_text("Created by")


def test_copy_as_curl_and_copy_event(visitor: Visitor) -> None:
    """`c` copies as well."""
    page = _open_first(visitor)
    page.keyboard.press("c")
    expect(page.locator(".notice")).to_have_text("Copied as curl")
    assert page.evaluate("navigator.clipboard.readText()").startswith("curl ")
    page.get_by_role("button", name="Copy event").click()
    expect(page.locator(".notice")).to_have_text("Copied the event")
    event = json.loads(page.evaluate("navigator.clipboard.readText()"))
    assert event["exchange_id"] == page.locator(".panel .id").inner_text()


def test_download_is_the_event(visitor: Visitor) -> None:
    """The file has the name of its exchange id."""
    page = _open_first(visitor)
    identifier = page.locator(".panel .id").inner_text()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == f"{identifier}.json"
    assert json.loads(Path(download.value.path()).read_text())["exchange_id"] == identifier


def test_previous_and_next_of_the_same_session(visitor: Visitor) -> None:
    """The keys [ and ] do the same."""
    page = _open_first(visitor)
    first = page.locator(".panel .id").inner_text()
    page.get_by_role("button", name="Previous of the same session").click()
    expect(page.locator(".panel .id")).not_to_have_text(first)
    expect(page.locator(".panel")).to_have_attribute("aria-busy", "false")
    page.keyboard.press("]")
    expect(page.locator(".panel .id")).to_have_text(first)


def test_capture_that_cannot_be_read_says_why(visitor: Visitor) -> None:
    """This server was given no storage."""
    page = _open_first(visitor)
    page.get_by_role("tab", name="Capture").click()
    expect(page.locator("#tab-panel .empty")).not_to_have_text("Loading …")
    expect(page.locator("#tab-panel .empty")).not_to_be_empty()


def test_error_of_the_upstream_stands_in_the_conversation(visitor: Visitor) -> None:
    """It takes the answer's place, with its code."""
    page = _open_first(visitor, "q=outcome%3Aupstream_error")
    error = page.locator(".message[data-source='error']")
    expect(error.locator("h4")).to_have_text("upstream error 429")
    expect(error).to_contain_text("Requests have exceeded the token rate limit.")


def test_unknown_exchange_says_so(visitor: Visitor) -> None:
    """Its event may still be on its way."""
    page = visitor.opens("/?open=01a21c82-ec97-7985-96c3-45bd05f45db9")
    expect(page.locator(".panel .empty")).to_contain_text("not in the store")


def test_fact_filters_the_table(visitor: Visitor) -> None:
    """A click on the caller shows its exchanges."""
    page = _open_first(visitor, "")
    caller = page.locator(".exchange-facts button").nth(2).inner_text()
    page.locator(".exchange-facts button").nth(2).click()
    expect(page.locator(".chip")).to_have_text(re.compile(f"caller:{caller}"))
