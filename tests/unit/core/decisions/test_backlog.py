"""Whether a queue holds work that is left over, or just what passes through."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from shared.core.decisions.backlog import MAX_IN_TRANSIT, only_in_transit


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ([0], True),
        ([3, 2, 0], True),  # what was there is done
        ([1], False),
        ([1, 1, 1], False),  # one that waits for another try
        ([90, 60, 30], False),  # left over, and being delivered: it ends by itself
        ([30, 60, 90], False),  # an outage begins
        ([40, 70, 55], True),  # live exchanges come and go
        ([55, 40, 41], True),
        ([MAX_IN_TRANSIT + 1, 40, 70], False),
    ],
)
def test_only_what_comes_and_goes_passes_through(lengths: Sequence[int], expected: bool) -> None:
    assert only_in_transit(lengths) is expected
