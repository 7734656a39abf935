"""What became of each exchange that a proof asked for."""

from __future__ import annotations

from prove.fates import Fate, fates
from prove.load import Asked


def asked(deployment: str, exchange_id: str | None) -> Asked:
    """As its client saw it."""
    return Asked(deployment=deployment, exchange_id=exchange_id, status=None, whole=False)


def test_each_exchange_has_one_fate_and_they_add_up() -> None:
    """Also where a client got no answer, and so no id, of what is on the Event Hub or parked all
    the same.
    """
    all_asked = [
        asked("a", "1"),  # delivered
        asked("b", None),  # delivered as aborted
        asked("c", "3"),  # parked
        asked("d", None),  # parked
        asked("e", "5"),
        asked("f", None),
        asked("g", None),
    ]
    found = fates(all_asked, delivered={"1", "a", "2", "b"}, parked={"3", "d"})
    assert found == {Fate.ON_THE_HUB: 2, Fate.PARKED: 2, Fate.TRACELESS: 1, Fate.NEVER_ANSWERED: 2}
    assert sum(found.values()) == len(all_asked)


def test_a_fate_that_nothing_had_is_in_the_report_too() -> None:
    assert fates([], delivered=set(), parked=set()) == dict.fromkeys(Fate, 0)
