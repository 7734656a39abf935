"""The windows in which reconcile looks for missing exchanges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.core.decisions.judged_windows import judged_windows

AT_TEN = datetime(2026, 11, 23, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("minutes", "include_open", "expected"),
    [
        (0, False, ["2026/11/23/08", "2026/11/23/09"]),
        (0, True, ["2026/11/23/08", "2026/11/23/09"]),
        (59, False, ["2026/11/23/08", "2026/11/23/09"]),
        (59, True, ["2026/11/23/08", "2026/11/23/09", "2026/11/23/10"]),
        (60, False, ["2026/11/23/09", "2026/11/23/10"]),
    ],
)
def test_windows_are_judged_when_they_are_over(
    minutes: int, include_open: bool, expected: list[str]
) -> None:
    """No exchange that began in them can still be running."""
    judged = judged_windows(
        AT_TEN + timedelta(minutes=minutes), timedelta(hours=2), include_open=include_open
    )
    assert [window.name for window in judged] == expected
