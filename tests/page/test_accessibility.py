"""axe finds nothing serious, in every view, in both themes, wide and narrow."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect

from harness.node import tool
from tests.page.conftest import Visitor


def _serious(page: Page, part: str = "html") -> list[tuple[str, Any]]:
    # through the debugger's world, so that the page's own policy stays as it is
    page.evaluate(tool("axe-core/axe.min.js").read_text())
    results = page.evaluate("part => axe.run(part, {resultTypes: ['violations']})", part)
    return [
        (violation["id"], [node["target"] for node in violation["nodes"]][:3])
        for violation in results["violations"]
        if violation["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize(
    ("address", "width", "theme"),
    [
        ("/", 1440, "light"),
        ("/", 1440, "dark"),
        ("/", 320, "light"),
        ("/?view=playground", 1440, "light"),
        ("/?view=playground", 320, "dark"),
        ("/?view=health", 1440, "light"),
        ("/?view=health", 320, "dark"),
    ],
)
def test_nothing_serious_is_found(
    visitor: Visitor, address: str, width: int, theme: Literal["light", "dark"]
) -> None:
    """Nothing reaches beyond the page's width either."""
    page = visitor.opens(address, color_scheme=theme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 480})
    if address == "/" and width == 1440:
        expect(page.locator(".plot canvas").first).to_be_visible()
    assert _serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_nothing_serious_is_found_in_an_exchange(visitor: Visitor) -> None:
    """Each of its tabs is examined in both themes."""
    page = visitor.opens("/", reduced_motion="reduce")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    for name in ("Conversation", "Usage", "Event", "Capture"):
        page.get_by_role("tab", name=name).click()
        theme: Literal["light", "dark"]
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            assert _serious(page, ".panel") == [], (name, theme)
