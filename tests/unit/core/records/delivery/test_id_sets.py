"""A compact set of ids is exact, even for ids with similar bytes. A bounded memory holds those that
were added last.
"""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.records.delivery.id_sets import IdSet, RecentIds

uuids = st.uuids().map(str)
# Of few different bytes, so that an id is found across the border of two others, in one bucket.
alike = st.lists(st.sampled_from([0, 1]), min_size=16, max_size=16).map(
    lambda raw: str(uuid.UUID(bytes=bytes([*raw[:14], 0, 0])))
)


@given(st.lists(uuids | alike), st.lists(uuids | alike))
def test_it_holds_what_a_set_would_hold(added: list[str], others: list[str]) -> None:
    ids, expected = IdSet(), set[str]()
    for exchange_id in added:
        assert ids.add(exchange_id) is (exchange_id not in expected)
        expected.add(exchange_id)
    assert len(ids) == len(expected)
    assert [exchange_id in ids for exchange_id in [*added, *others]] == [
        exchange_id in expected for exchange_id in [*added, *others]
    ]


def test_an_id_across_the_border_of_two_others_is_not_in_it() -> None:
    raw = [bytes([0] * 8 + [1] * 6 + [0, 0]), bytes([1] * 14 + [0, 0])]
    ids = IdSet()
    for id_bytes in raw:
        ids.add(str(uuid.UUID(bytes=id_bytes)))
    both = b"".join(raw)
    across = {both[at : at + 16] for at in range(1, 16)} - set(raw)
    assert not any(str(uuid.UUID(bytes=id_bytes)) in ids for id_bytes in across)


def test_an_id_that_is_not_a_uuid_is_rejected() -> None:
    with pytest.raises(ValueError, match="UUID"):
        IdSet().add("nonsense")


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
