"""The ratios of CPU times that `make bench` limits."""

from __future__ import annotations

import pytest

from bench import scaling
from bench.scaling import Ratio

_PROPORTIONAL = Ratio(name="read once", value=8.0, limit=30)
_QUADRATIC = Ratio(name="searched again", value=64.0, limit=30)


@pytest.mark.parametrize(
    ("measured", "status"),
    [([_PROPORTIONAL], 0), ([_QUADRATIC, _PROPORTIONAL], 1)],
    ids=["below", "above"],
)
def test_a_ratio_above_its_limit_fails_the_run(
    measured: list[Ratio], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """All others are measured and printed nevertheless."""
    assert scaling.main(measured) == status
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(measured)
    assert [line.endswith("ABOVE ITS LIMIT") for line in lines] == [
        not ratio.holds for ratio in measured
    ]


def test_growth_compares_the_work_for_two_sizes() -> None:
    sizes: list[int] = []
    ratio = scaling.growth("work", lambda size: sizes.append(sum(range(size))), 1000)
    assert set(sizes) == {sum(range(1000)), sum(range(1000 * scaling.GROWTH))}
    assert ratio.value > 0


def test_what_is_measured_is_what_reads_strangers_bytes() -> None:
    """One stream of each line end, of empty comments and of one line; lines by their ends; text."""
    names = [ratio.name for ratio in scaling.ratios(stream_bytes=800, candidates=1)]
    assert len(names) == len(set(names)) == 5 + 2 + 1
