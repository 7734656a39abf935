"""The page by keyboard alone."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.page.conftest import Visitor


def test_rows_are_walked_opened_and_closed(visitor: Visitor) -> None:
    """An open exchange follows j and k; Esc goes back to its row."""
    page = visitor.opens()
    ids = [row.get_attribute("data-id") for row in page.locator(".window .row").all()[:3]]
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator(".panel .id")).to_have_text(str(ids[1]))
    page.keyboard.press("j")
    expect(page.locator(".panel .id")).to_have_text(str(ids[2]))
    page.keyboard.press("k")
    expect(page.locator(".panel .id")).to_have_text(str(ids[1]))
    page.keyboard.press("Escape")
    expect(page.locator(".panel")).to_have_count(0)
    page.wait_for_function(
        "id => document.activeElement.getAttribute('data-id') === id", arg=ids[1]
    )


def test_tab_reaches_the_table_and_enter_the_exchange(visitor: Visitor) -> None:
    """Enter opens the focused row, and once more goes into the exchange."""
    page = visitor.opens()
    row = page.locator(".window .row").first
    row.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".panel-title .outcome")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#panel-title")).to_be_focused()


def test_keys_rest_while_the_reader_types(visitor: Visitor) -> None:
    """A j in the filter line is a letter."""
    page = visitor.opens()
    page.keyboard.press("/")
    page.keyboard.type("j.?c")
    expect(page.get_by_role("combobox", name="Filter")).to_have_value("j.?c")
    assert page.locator("dialog").count() == 0


def test_help_opens_and_closes(visitor: Visitor) -> None:
    """The keys are ? and Esc."""
    page = visitor.opens()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("copy as curl")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
