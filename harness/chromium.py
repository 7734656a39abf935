"""A Chromium of the machine, for tests of the page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Browser, sync_playwright

from harness.tools import missing

_HOW_TO_GET: Final = "needs Chromium on PATH: apt-get install chromium (Debian), or any `chromium` or `google-chrome`"
_PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    """One that is installed, never one that Playwright would download. Until it is closed,
    Playwright's event loop runs in the thread, and no other loop can.
    """
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        missing(_HOW_TO_GET, "chromium")
    with sync_playwright() as playwright:
        # no sandbox: containers run tests as root; the pages are our own
        launched = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield launched
        launched.close()
