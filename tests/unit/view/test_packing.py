"""Events as the view's file keeps them."""

from __future__ import annotations

import json

import pytest

from tests.unit.view.events import GOLDEN, golden
from view.store.packing import pack, unpack


@pytest.mark.parametrize("case", GOLDEN)
def test_an_event_comes_back_as_it_was(case: str) -> None:
    assert unpack(pack(golden(case))) == golden(case)


def test_what_events_have_in_common_takes_no_room() -> None:
    """A key that events got and the common events have not is not a problem: it only costs room."""
    sizes = [(len(pack(golden(case))), len(json.dumps(golden(case)))) for case in GOLDEN]
    assert sum(packed for packed, _ in sizes) < sum(whole for _, whole in sizes) / 5
