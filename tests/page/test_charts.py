"""The charts: what they draw, and that a click filters the table."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.page.conftest import Visitor


def test_charts_are_drawn_and_described(visitor: Visitor) -> None:
    """In words as well, for those who do not see them."""
    page = visitor.opens()
    expect(page.locator(".plot canvas").first).to_be_visible()
    described = [plot.get_attribute("aria-label") or "" for plot in page.locator(".plot").all()]
    assert re.match(r"Time to first token of \d+ exchanges", described[0])
    assert re.search(r"gpt-4o-mini [\d,]+", described[1])
    assert re.search(r"completed [\d,]+", described[2])


def test_completeness_is_counted_and_drawn_by_the_hour(visitor: Visitor) -> None:
    """What is missing in an hour that is not complete is three exchanges here."""
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
