"""A checkpoint: a second attempt skips what the first has done, and another step starts from the
beginning.
"""

from __future__ import annotations

import json
from collections import Counter

from shared.core.records.completeness.checkpoint import Checkpoint, resume


def test_what_was_noted_is_resumed() -> None:
    first = Checkpoint(step="a", after="0002", counts=Counter(queued=2))
    second = resume("a", json.loads(json.dumps(first.to_json())))
    assert second == first
    assert [second.is_done(exchange_id) for exchange_id in ("0001", "0002", "0003")] == [
        True,
        True,
        False,
    ]


def test_another_step_begins_anew() -> None:
    first = Checkpoint(step="a", after="0002", counts=Counter(queued=2))
    for stored_json in (first.to_json(), None, {}):
        second = resume("b", stored_json)
        assert second == Checkpoint(step="b")
        assert not second.is_done("0001")
