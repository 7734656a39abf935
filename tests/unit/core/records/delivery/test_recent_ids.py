"""Only the ids that were added last are remembered."""

from __future__ import annotations

from shared.core.records.delivery.recent_ids import RecentIds


def test_the_oldest_are_forgotten_beyond_the_limit() -> None:
    recent = RecentIds(3)
    recent.add(["a", "b"])
    recent.add(["c", "d"])
    assert [name in recent for name in "abcd"] == [False, True, True, True]


def test_an_id_that_is_there_already_pushes_nothing_out() -> None:
    recent = RecentIds(2)
    recent.add(["a", "b"])
    recent.add(["a"])
    assert "a" in recent
    assert "b" in recent
