"""docs/reference/timeouts.md shows the table of waits."""

from __future__ import annotations

import re

from local.repository import ROOT
from tests.support.waits import WAITS, Wait

PAGE = ROOT / "docs" / "reference" / "timeouts.md"


def row(wait: Wait) -> str:
    bound = f"`{wait.bound}`" if isinstance(wait.bound, str) else f"{wait.bound:g} s"
    return f"| {wait.dependency} | {wait.operation} | {bound} | {wait.on_timeout} |"


def test_every_wait_has_its_row() -> None:
    """The rows have its figure and the table's order, and none is left over."""
    rows = re.findall(r"^\|(?!---| dependency).*\|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert rows == [row(wait) for wait in WAITS]


def test_a_bound_that_is_a_setting_is_documented() -> None:
    settings = (PAGE.parent / "settings.md").read_text("utf-8")
    names = {wait.bound for wait in WAITS if isinstance(wait.bound, str)}
    assert {name for name in names if f"`{name}`" in settings} == names
