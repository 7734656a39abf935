"""The benchmark's arithmetic."""

from __future__ import annotations

import pytest

from bench.statistics import Cpu, Figure, Idle, Percentiles, percentile, slope


@pytest.mark.parametrize(
    ("samples", "share", "expected"),
    [
        ([5.0], 0.5, 5.0),
        ([5.0], 0.99, 5.0),
        ([4.0, 1.0, 3.0, 2.0], 0.5, 2.0),
        ([float(n) for n in range(1, 101)], 0.99, 99.0),
    ],
)
def test_percentiles_are_samples_by_nearest_rank(
    samples: list[float], share: float, expected: float
) -> None:
    assert percentile(samples, share) == expected


def test_added_time_is_percentile_minus_percentile() -> None:
    proxied = Percentiles(p50=12.0, p99=30.0, samples=100)
    direct = Percentiles(p50=2.0, p99=5.0, samples=60)
    assert proxied.above(direct) == Percentiles(p50=10.0, p99=25.0, samples=60)


def test_what_an_idle_host_takes_is_taken_off() -> None:
    idle = Idle.of(Cpu(worker_s=0.2, host_s=0.4, stand_in_s=0.0), 2.0)
    spent = idle.deducted_from(Cpu(worker_s=1.0, host_s=3.0, stand_in_s=0.5), 4.0)
    assert (spent.worker_s, spent.host_s, spent.stand_in_s) == pytest.approx((0.6, 2.2, 0.5))


def test_of_several_idle_spans_the_calmest_counts() -> None:
    spans = [Idle(worker=0.3, host=0.9), Idle(worker=0.1, host=1.0), Idle(worker=0.2, host=0.4)]
    assert Idle.least(spans) == Idle(worker=0.1, host=0.4)


def test_a_load_that_cost_less_than_idling_cost_nothing() -> None:
    idle = Idle(worker=1.0, host=1.0)
    assert idle.deducted_from(Cpu(worker_s=0.5, host_s=0.5, stand_in_s=0.0), 1.0) == Cpu(
        worker_s=0.0, host_s=0.0, stand_in_s=0.0
    )


def test_the_best_of_costs_and_rates() -> None:
    """The best cost is the lowest and the best rate the highest."""
    assert Figure.lowest_of([3.0, 1.0, 2.0]) == Figure(best=1.0, median=2.0, worst=3.0)
    assert Figure.highest_of([3.0, 1.0, 2.0]) == Figure(best=3.0, median=2.0, worst=1.0)


def test_the_slope_separates_a_chunk_from_its_stream() -> None:
    """100 streams at 5 ms each and 30 us a chunk, measured with 10 and with 100 chunks."""
    assert slope((1_000, 0.5 + 0.030), (10_000, 0.5 + 0.300)) == pytest.approx(30e-6)
