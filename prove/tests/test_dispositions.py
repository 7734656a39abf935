"""The disposition of each exchange that a client of a proof made."""

from __future__ import annotations

from harness.chat import Chat
from prove.dispositions import Disposition, dispositions
from prove.observation import ClientObservation


def observation(deployment: str, exchange_id: str | None) -> ClientObservation:
    """An observation of a client."""
    return ClientObservation(chat=Chat(deployment=deployment), exchange_id=exchange_id)


def test_each_exchange_has_one_disposition_and_they_add_up() -> None:
    """This includes an exchange whose client got no response, and so no id, but that is on the
    Event Hub or dead-lettered.
    """
    observations = [
        observation("a", "1"),  # delivered
        observation("b", None),  # delivered as aborted
        observation("c", "3"),  # dead-lettered
        observation("d", None),  # dead-lettered
        observation("e", "5"),
        observation("f", None),
        observation("g", None),
    ]
    result = dispositions(observations, delivered={"1", "a", "2", "b"}, dead_lettered={"3", "d"})
    assert result == {
        Disposition.ON_THE_HUB: 2,
        Disposition.DEAD_LETTERED: 2,
        Disposition.TRACELESS: 1,
        Disposition.NEVER_ANSWERED: 2,
    }
    assert sum(result.values()) == len(observations)


def test_a_disposition_of_no_exchange_is_in_the_report_too() -> None:
    assert dispositions([], delivered=set(), dead_lettered=set()) == dict.fromkeys(Disposition, 0)
