"""The settings of the switches that the tests evaluate cover every pair of positions."""

from __future__ import annotations

from tests.infra import switches
from tests.infra.switches import PLAIN


def test_every_two_positions_of_two_switches_meet() -> None:
    """The cover is one: for each pair there is a setting that holds both, and each position is
    tried alone.
    """
    covered = {pair for setting in switches.settings() for pair in switches.pairs(setting)}
    names = {
        (switch, position)
        for switch, positions in switches.SWITCHES.items()
        for position in positions
    }
    assert covered == {pair for pair in _ordered_pairs() if set(pair) <= names}
    alone = {switches.name(setting) for setting in switches.settings()}
    assert alone >= {
        f"{switch}={position}" for switch, position in names if position not in dict(PLAIN).values()
    }


def _ordered_pairs() -> set[switches.Setting]:
    listed = [
        (switch, position)
        for switch, positions in switches.SWITCHES.items()
        for position in positions
    ]
    order = list(switches.SWITCHES)
    return {
        (one, two) for one in listed for two in listed if order.index(one[0]) < order.index(two[0])
    }
