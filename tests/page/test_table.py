"""The live table: order, older rows, new rows, and what holds them back."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final

from playwright.sync_api import Page, Route, expect

from harness.view_server import ViewServer
from tests.page.conftest import EXCHANGES, Visitor
from tests.page.sample_events import exchange_id, sample_events

_new = iter(range(1_000_000, 2_000_000))


def _event(**members: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    [event] = sample_events(1, end=now)
    return {**event, "exchange_id": exchange_id(now, next(_new)), **members}


def _top(page: Page) -> Any:
    return page.locator(".window .row").first


def test_newest_row_is_on_top_and_the_outcome_is_a_word(visitor: Visitor) -> None:
    """Colour alone would say nothing to some readers."""
    page = visitor.opens()
    times = page.locator(".window .cell-time").all_inner_texts()
    assert times == sorted(times, reverse=True)
    words = {text.split("\n")[0] for text in page.locator(".window .outcome").all_inner_texts()}
    assert any(word.startswith("completed") for word in words)


def test_ten_thousand_rows_take_few_elements(visitor: Visitor, record_property: Any) -> None:
    """The rows in view are in the document at each frame, and older ones load on the way down.

    A frame's time is noted and not asserted: it depends on what else the machine does.
    """
    page = visitor.opens()
    frames = _scroll_to_the_end(page)
    median_ms = sorted(frame["ms"] for frame in frames)[len(frames) // 2]
    record_property("figures", f"page: scrolling, median frame {median_ms:.1f} ms")
    assert page.evaluate("document.querySelector('.canvas').clientHeight / 30") >= EXCHANGES
    assert len(frames) >= EXCHANGES * 30 / 600
    assert max(frame["rows"] for frame in frames) < 100


def _scroll_to_the_end(page: Page) -> list[dict[str, float]]:
    """Scroll down to the last row, 600 px a frame. The `ms` and the number of `rows` of frames.

    `page.evaluate` has no time-out of its own. A busy machine may take its time, but the table has
    to move: an error says where it stopped. Chromium may stop drawing a page on a busy machine; a
    frame that is late is not waited for then, nor the scroll event that would have come with it.
    """
    frames: list[dict[str, float]] = page.evaluate(
        """(least) => new Promise((resolve, reject) => {
          const scroller = document.querySelector(".table .scroller");
          scroller.scrollTop = 0;
          const frames = [];
          let before = performance.now();
          let moved = { at: before, to: "" };
          const watch = setInterval(() => {
            if (performance.now() - moved.at < 60_000) return;
            clearInterval(watch);
            const foot = document.querySelector(".table .foot").textContent;
            reject(new Error(`no further than ${moved.to} px: ${foot}`));
          }, 1_000);
          const step = (now) => {
            frames.push({ ms: now - before, rows: document.querySelectorAll(".table .row").length });
            before = now;
            const to = `${scroller.scrollTop} of ${scroller.scrollHeight}`;
            if (to !== moved.to) moved = { at: performance.now(), to };
            const end = scroller.scrollHeight - scroller.clientHeight;
            if (scroller.scrollTop >= end - 1 && end > least) {
              clearInterval(watch);
              return resolve(frames);
            }
            scroller.scrollTop += 600;
            afterFrame(step);
          };
          const afterFrame = (step) => {
            const late = setTimeout(() => {
              cancelAnimationFrame(frame);
              scroller.dispatchEvent(new Event("scroll"));
              step(performance.now());
            }, 100);
            const frame = requestAnimationFrame((now) => {
              clearTimeout(late);
              step(now);
            });
          };
          afterFrame(step);
        })""",
        (EXCHANGES - 100) * 30,
    )
    return frames


_OLDER_ROWS: Final = re.compile(r"/api/exchanges\?.*before=")


def _height(page: Page) -> int:
    """The height of all rows that are loaded, in px."""
    height: int = page.evaluate("document.querySelector('.table .scroller').scrollHeight")
    return height


def _scroll_to_the_oldest_loaded(page: Page) -> None:
    page.locator(".table .scroller").evaluate("(it) => { it.scrollTop = it.scrollHeight }")


def _expect_older_rows(page: Page, height: int) -> None:
    """More rows are loaded than those of this height."""
    page.wait_for_function(
        "(height) => document.querySelector('.table .scroller').scrollHeight > height", arg=height
    )


def test_older_rows_that_did_not_come_are_loaded_again(visitor: Visitor) -> None:
    """The table says why they did not, and offers it."""
    page = visitor.opens()
    height = _height(page)
    page.route(_OLDER_ROWS, lambda route: route.fulfill(status=503, body="the store is busy"))
    _scroll_to_the_oldest_loaded(page)
    expect(page.locator(".foot")).to_contain_text("the store is busy")
    page.unroute_all(behavior="wait")
    page.get_by_role("button", name="Try again").click()
    _expect_older_rows(page, height)
    expect(page.locator(".foot")).not_to_contain_text("the store is busy")


def test_table_that_is_loaded_anew_at_its_end_loads_older_rows(visitor: Visitor) -> None:
    """It has as many rows as before: nothing scrolls, and its height stays."""
    page = visitor.opens()
    height = _height(page)
    unanswered: list[Route] = []

    def answer_later_ones(route: Route) -> None:
        if unanswered:
            route.continue_()
        else:
            unanswered.append(route)

    page.route(_OLDER_ROWS, answer_later_ones)
    _scroll_to_the_oldest_loaded(page)
    expect(page.locator(".foot")).to_contain_text("loading older")
    page.evaluate("import('/feed.js').then((feed) => feed.reload())")
    _expect_older_rows(page, height)
    # a route without an answer is a pending task after the page has closed
    for route in unanswered:
        route.abort()
    page.unroute_all(behavior="wait")


def test_new_row_appears_on_top(visitor: Visitor, server: ViewServer) -> None:
    """The page is not loaded again."""
    page = visitor.opens()
    event = _event()
    server.add(event)
    expect(_top(page)).to_have_attribute("data-id", event["exchange_id"])


def test_table_holds_still_under_the_pointer(visitor: Visitor, server: ViewServer) -> None:
    """The row that the reader aims at does not move away; new rows appear when the pointer leaves
    the table.
    """
    page = visitor.opens()
    before = _top(page).get_attribute("data-id")
    page.mouse.move(400, 500)
    events = [_event(), _event()]
    server.add(*events)
    expect(page.get_by_role("button", name="2 new")).to_be_visible()
    assert _top(page).get_attribute("data-id") == before
    page.mouse.move(400, 10)
    expect(_top(page)).to_have_attribute("data-id", events[1]["exchange_id"])


def test_table_holds_still_while_a_row_is_open(visitor: Visitor, server: ViewServer) -> None:
    """The title says how many came, and the button shows them."""
    page = visitor.opens()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    event = _event()
    server.add(event)
    page.get_by_role("button", name="1 new").click()
    expect(page.locator(f".row[data-id='{event['exchange_id']}']")).to_be_visible()


def test_live_switch_holds_new_rows(visitor: Visitor, server: ViewServer) -> None:
    """They appear when it is switched on again."""
    page = visitor.opens()
    page.keyboard.press(".")
    event = _event()
    server.add(event)
    expect(page.get_by_role("button", name="1 new")).to_be_visible()
    page.keyboard.press(".")
    expect(_top(page)).to_have_attribute("data-id", event["exchange_id"])


def test_row_that_comes_again_is_replaced(visitor: Visitor, server: ViewServer) -> None:
    """A replayed event is not a second exchange."""
    page = visitor.opens()
    event = _event(outcome="aborted")
    server.add(event)
    expect(_top(page)).to_contain_text("aborted")
    server.add({**event, "outcome": "completed", "replayed": True})
    expect(_top(page)).to_contain_text("completed")
    expect(page.locator(f".row[data-id='{event['exchange_id']}']")).to_have_count(1)
