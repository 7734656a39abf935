"""Take the pictures of the page that README shows, light and dark, of sample events.

Run it after a change of the page, and look at what it took:
    .venv/bin/python -m tests.page.screenshots docs/images
"""

from __future__ import annotations

import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser, sync_playwright

from harness.view_server import view_server
from tests.page.app import COMPLETENESS
from tests.page.sample_events import sample_events

_EXCHANGES: Final = 1_500
_PROGRAM: Final = shutil.which("chromium") or shutil.which("google-chrome")


def _take(browser: Browser, url: str, theme: Literal["light", "dark"], file: Path) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme=theme)
    page.goto(f"{url}/?q=stream%3Ayes")
    page.locator(".plot canvas").nth(1).wait_for()
    page.locator(".window .row[data-outcome=completed]").nth(3).click()
    page.locator(".timeline").wait_for()
    page.mouse.move(720, 20)
    page.wait_for_timeout(800)  # the charts draw in their own time
    page.screenshot(path=file)
    page.close()


def main(folder: Path) -> None:
    """Write page-light.png and page-dark.png."""
    folder.mkdir(parents=True, exist_ok=True)
    events = list(sample_events(_EXCHANGES, end=datetime.now(UTC)))
    with view_server(events, completeness=COMPLETENESS) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_PROGRAM, args=["--no-sandbox"])
        theme: Literal["light", "dark"]
        for theme in ("light", "dark"):
            _take(browser, server.url, theme, folder / f"page-{theme}.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
