"""The filter line: chips, presets, completions, and the address."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.page.conftest import Visitor


def _input(page: Page) -> None:
    page.keyboard.press("/")
    expect(page.get_by_role("combobox", name="Filter")).to_be_focused()


def test_typed_term_becomes_a_chip_and_stands_in_the_address(visitor: Visitor) -> None:
    """A link shows the same rows."""
    page = visitor.opens()
    _input(page)
    page.keyboard.type("outcome:aborted ")
    expect(page.locator(".chip")).to_have_text(re.compile("outcome:aborted"))
    expect(page).to_have_url(re.compile(r"q=outcome%3Aaborted"))
    expect(page.locator(".foot")).to_contain_text("match")
    expect(page.locator(".window .row:not([data-outcome=aborted])")).to_have_count(0)
    words = page.locator(".window .outcome").all_inner_texts()
    assert words
    assert all(word.startswith("aborted") for word in words)
    again = visitor.opens(page.url.partition("127.0.0.1")[2].partition("/")[2].join(("/", "")))
    expect(again.locator(".chip")).to_have_text(re.compile("outcome:aborted"))


def test_chip_is_removed_edited_and_undone_by_back(visitor: Visitor) -> None:
    """The browser's own back undoes a change of the filter."""
    page = visitor.opens("/?q=outcome%3Aaborted+tokens%3E5")
    page.get_by_role("button", name="Remove tokens>5").click()
    expect(page.locator(".chip")).to_have_count(1)
    page.go_back()
    expect(page.locator(".chip")).to_have_count(2)
    _input(page)
    page.keyboard.press("Backspace")
    expect(page.get_by_role("combobox", name="Filter")).to_have_value("tokens>5")


def test_preset_is_one_click(visitor: Visitor) -> None:
    """It says that it is pressed."""
    page = visitor.opens()
    page.get_by_role("button", name="Estimated usage").click()
    expect(page).to_have_url(re.compile("q=usage%3Aestimated"))
    expect(page.get_by_role("button", name="Estimated usage")).to_have_attribute(
        "aria-pressed", "true"
    )
    expect(page.locator(".window .row").first).to_contain_text(
        re.compile("disconnected|interrupted")
    )


def test_every_preset_is_a_filter_that_the_server_reads(visitor: Visitor) -> None:
    """None is refused."""
    page = visitor.opens()
    for button in page.locator(".presets button").all():
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        expect(page.locator(".filter-problem")).to_have_count(0)


def test_wrong_filter_is_explained(visitor: Visitor) -> None:
    """The page shows the server's own sentence."""
    page = visitor.opens("/?q=nonsense%3Ax")
    expect(page.get_by_role("alert")).to_contain_text("nonsense")


def test_pasted_exchange_id_finds_and_opens_its_row(visitor: Visitor) -> None:
    """The header x-exchange-id of any answer is enough."""
    page = visitor.opens()
    identifier = page.locator(".window .row").nth(7).get_attribute("data-id")
    page.evaluate("text => navigator.clipboard.writeText(text)", f" {identifier}\n")
    _input(page)
    page.keyboard.press("Control+V")
    expect(page.locator(".panel .id")).to_have_text(str(identifier))
    expect(page.locator(".window .row")).to_have_count(1)


def test_several_words_are_searched_as_one_text(visitor: Visitor) -> None:
    """A reader expects that of a search box."""
    page = visitor.opens()
    _input(page)
    page.keyboard.type("release notes")
    page.keyboard.press("Enter")
    expect(page.locator(".chip")).to_have_text(re.compile('"release notes"'))
    expect(page.locator(".window .row").first).to_be_visible()


def test_completions_are_chosen_by_keys(visitor: Visitor) -> None:
    """Keys of the filter line first, then their values."""
    page = visitor.opens()
    _input(page)
    page.keyboard.type("outc")
    page.keyboard.press("Tab")
    expect(page.get_by_role("combobox", name="Filter")).to_have_value("outcome:")
    page.keyboard.type("abo")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(".chip")).to_have_text(re.compile("outcome:aborted"))
