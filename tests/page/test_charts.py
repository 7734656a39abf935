"""The charts: what they draw, and that a click filters the table."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

import pytest
from playwright.sync_api import expect

from harness.view_server import ViewServer
from tests.page.conftest import Visitor
from tests.page.sample_events import exchange_id, sample_events

# the entries of legends that are outside their chart or outside the charts
_CUT_OFF: Final = """
() => [...document.querySelectorAll(".legend li")].filter((entry) => {
  const box = entry.getBoundingClientRect();
  const inside = (part) => {
    const outer = entry.closest(part).getBoundingClientRect();
    return box.right <= outer.right + 1 && box.bottom <= outer.bottom + 1;
  };
  return box.width && !(inside(".legend") && inside(".chart") && inside(".charts"));
}).map((entry) => entry.textContent)
"""


def test_charts_are_drawn_and_described(visitor: Visitor) -> None:
    """A description in words is for those who do not see them."""
    page = visitor.opens()
    expect(page.locator(".plot canvas").first).to_be_visible()
    described = [plot.get_attribute("aria-label") or "" for plot in page.locator(".plot").all()]
    assert re.match(r"Time to first token of \d+ exchanges", described[0])
    assert re.search(r"gpt-4o-mini [\d,]+", described[1])
    assert re.search(r"completed [\d,]+", described[2])


def test_completeness_is_counted_and_drawn_by_the_hour(visitor: Visitor) -> None:
    """One hour is not complete: three of its exchanges are missing."""
    page = visitor.opens()
    tile = page.locator(".completeness")
    expect(tile.locator("dd")).to_have_text(["2,595", "2,592", "3", "0"])
    expect(tile.locator(".hour")).to_have_count(3)
    expect(tile.get_by_role("img")).to_have_accessible_name("3 hours, 1 of them not complete yet")
    expect(tile.locator(".hour").last).to_have_attribute(
        "title", re.compile("1,204 captured, 1,201 delivered, not complete yet$")
    )
    expect(page.locator(".complete")).to_have_text("3 on their way")


def test_legend_filters_by_its_series(visitor: Visitor) -> None:
    """An outcome of the chart becomes a chip."""
    page = visitor.opens()
    page.locator(".legend button", has_text="client disconnected").click()
    expect(page.locator(".chip")).to_have_text(re.compile("outcome:client_disconnected"))


def test_a_deployment_has_its_own_name(visitor: Visitor, server: ViewServer) -> None:
    """An underscore of an outcome is a space for the reader; that of a deployment is its name."""
    now = datetime.now(UTC)
    [event] = sample_events(1, end=now)
    server.add({**event, "exchange_id": exchange_id(now, 3_000_000), "deployment": "my_model"})
    page = visitor.opens()
    expect(page.locator(".legend button", has_text="my_model")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile(r"^Tokens.*my_model \d"))).to_be_visible()


@pytest.mark.parametrize("width", [960, 1440])
def test_a_legend_shows_all_its_names(visitor: Visitor, width: int) -> None:
    """They take as many lines as they need: none is cut off, and none stands below the table."""
    page = visitor.opens()
    page.set_viewport_size({"width": width, "height": 900})
    buttons = page.locator(".legend button:visible")
    buttons.first.wait_for()
    assert buttons.count() >= 8
    assert page.evaluate(_CUT_OFF) == []


def test_click_into_a_bar_filters_by_series_and_time(visitor: Visitor) -> None:
    """The stretch of time that the bar stands for, and what it counts."""
    page = visitor.opens()
    plot = page.locator(".plot").nth(2).locator(".u-over")
    plot.wait_for()
    box = plot.bounding_box()
    assert box
    plot.click(position={"x": box["width"] / 2, "y": box["height"] - 4})
    expect(page.locator(".chip")).to_have_count(3)
    expect(page).to_have_url(re.compile("outcome.*time%3E%3D.*time%3C"))
    expect(page.locator(".window .row").first).to_be_visible()


def test_charts_are_hidden_by_a_key_and_stay_so(visitor: Visitor) -> None:
    """The choice is kept by the browser."""
    page = visitor.opens()
    expect(page.locator(".charts")).to_be_visible()
    page.keyboard.press("g")
    expect(page.locator(".charts")).to_have_count(0)
    page.reload()
    page.locator(".window .row").first.wait_for()
    expect(page.locator(".charts")).to_have_count(0)
