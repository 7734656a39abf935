"""Windows: every moment has one, and only those that are over can be judged for good."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.records.exchange.capture import request_name
from shared.core.records.exchange.exchange_id import new_exchange_id
from shared.core.records.exchange.window import Window, windows_between

# Hypothesis takes bounds without a zone only.
_FIRST, _LAST = datetime(1970, 1, 2), datetime(9998, 1, 1)  # noqa: DTZ001
moments = st.datetimes(_FIRST, _LAST).map(lambda naive: naive.replace(tzinfo=UTC))


@given(moments)
def test_a_window_holds_its_moment_and_is_found_by_its_name(moment: datetime) -> None:
    window = Window.of(moment)
    assert window.start <= moment < window.end
    assert Window.from_name(window.name) == window


@given(moments)
def test_an_exchange_belongs_to_its_captures_window(moment: datetime) -> None:
    exchange_id = new_exchange_id(int(moment.timestamp() * 1000), bytes(10))
    assert request_name(exchange_id).startswith(f"{Window.of_exchange(exchange_id).name}/")


def test_an_hour_is_one_of_utc() -> None:
    half_past = timezone(timedelta(hours=5, minutes=30))
    assert Window.of(datetime(2026, 11, 23, 15, 45, tzinfo=half_past)).name == "2026/11/23/10"


@given(moments, st.timedeltas(timedelta(0), timedelta(days=3)))
def test_windows_between_overlap_the_range_and_leave_no_gap(
    first: datetime, length: timedelta
) -> None:
    found = list(windows_between(first, first + length))
    assert all(window.start < first + length and window.end > first for window in found)
    assert all(earlier.end == later.start for earlier, later in itertools.pairwise(found))
    assert not found or (found[0] == Window.of(first) and found[-1].end >= first + length)


@pytest.mark.parametrize("name", ["", "2026/11/23", "2026/13/23/10", "2026-11-23-10", "nonsense"])
def test_a_name_that_is_none_is_rejected(name: str) -> None:
    with pytest.raises(ValueError, match="does not match"):
        Window.from_name(name)
