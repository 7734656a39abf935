"""docs/reference/timeouts.md shows the table of waits."""

from __future__ import annotations

import re

import pytest

from local.repository import ROOT
from shared.adapters.worker.http_invocations import PAIRING_TIMEOUT_S
from shared.content.policy_source import PolicyPace
from shared.settings import timeouts
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


@pytest.mark.parametrize(
    ("beginning", "seconds"),
    [
        ("**The client, at the end", timeouts.RelayTimeouts().error_send_s),
        ("**A call of the upstream that is cancelled", timeouts.RelayTimeouts().cancellation_s),
        ("**A child process", timeouts.ASSEMBLY_S),
        ("**The start of the process with Presidio", timeouts.ANALYZER_START_S),
        ("**A read of the [content policy]", PolicyPace().read_s),
        ("**The host's invocation", PAIRING_TIMEOUT_S),
        ("exchange whose recording takes", timeouts.SLOW_RECORDING_S),
        ("A connection to storage is closed", timeouts.StorageTimeouts().idle_s),
    ],
)
def test_the_figure_of_every_other_wait(beginning: str, seconds: float) -> None:
    """The first figure after these words is the one of the code."""
    text = " ".join(PAGE.read_text("utf-8").split())
    figure = re.search(r"(\d+) s\b", text[text.index(beginning) :])
    assert figure is not None
    assert float(figure[1]) == seconds
