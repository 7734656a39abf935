"""A few of the attacks that `make hostile` measures, in short."""

from __future__ import annotations

from typing import Final

import pytest

from prove.hostile.attacks import ATTACKS, BODIES
from prove.hostile.proof import hostile

_NAMES: Final = (
    "heads without an end",
    "readers that stop",
    "compressed responses of 1 GB",
    BODIES,
    "cookies",
)


@pytest.mark.thorough
def test_hostile_clients_and_a_hostile_upstream_harm_nobody() -> None:
    """The worker lives on with bounded memory, and the streams of others come whole."""
    result = hostile("embedded", seconds=1, scale=0.25, progress=lambda _: None, names=_NAMES)
    result.require()
    assert [row[0] for row in result.rows[1:]] == list(_NAMES)
    assert set(_NAMES) <= set(ATTACKS)
    assert result.counts["MB that the upstream wrote into streams"]
