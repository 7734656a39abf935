"""The arithmetic of the benchmark. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, kw_only=True)
class Cpu:
    """CPU seconds of the measured processes: user and system, all threads."""

    worker_s: float  # the process that runs the app's code
    host_s: float  # the Functions host's other processes
    stand_in_s: float  # the upstream

    def since(self, before: Cpu) -> Cpu:
        """The difference of two readings."""
        return Cpu(
            worker_s=self.worker_s - before.worker_s,
            host_s=self.host_s - before.host_s,
            stand_in_s=self.stand_in_s - before.stand_in_s,
        )


@dataclass(frozen=True, kw_only=True)
class Idle:
    """CPU seconds that worker and host use in each second without calls (queue polls, timers)."""

    worker: float
    host: float

    @classmethod
    def of(cls, cpu: Cpu, seconds: float) -> Idle:
        return cls(worker=cpu.worker_s / seconds, host=cpu.host_s / seconds)

    @classmethod
    def least(cls, spans: Sequence[Idle]) -> Idle:
        """The least of each value."""
        return cls(worker=min(span.worker for span in spans), host=min(span.host for span in spans))

    def deducted_from(self, cpu: Cpu, seconds: float) -> Cpu:
        """`cpu` in `seconds` less the idle share; never below 0."""
        return Cpu(
            worker_s=max(0.0, cpu.worker_s - self.worker * seconds),
            host_s=max(0.0, cpu.host_s - self.host * seconds),
            stand_in_s=cpu.stand_in_s,
        )


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A value measured once a round. Other load only adds to a cost, so the best round is nearest
    to the truth.
    """

    best: float
    median: float
    worst: float

    @classmethod
    def lowest_of(cls, rounds: Sequence[float]) -> Figure:
        """The figure of a cost: the lowest is best."""
        return cls(best=min(rounds), median=median(rounds), worst=max(rounds))

    @classmethod
    def highest_of(cls, rounds: Sequence[float]) -> Figure:
        """The figure of a rate: the highest is best."""
        return cls(best=max(rounds), median=median(rounds), worst=min(rounds))


@dataclass(frozen=True, kw_only=True)
class Percentiles:
    """Percentiles, in the unit of the samples."""

    p50: float
    p99: float
    samples: int

    @classmethod
    def of(cls, samples: Sequence[float]) -> Percentiles:
        return cls(
            p50=percentile(samples, 0.5), p99=percentile(samples, 0.99), samples=len(samples)
        )

    def above(self, base: Percentiles) -> Percentiles:
        """Percentile minus percentile; the samples are not paired."""
        return Percentiles(
            p50=self.p50 - base.p50,
            p99=self.p99 - base.p99,
            samples=min(self.samples, base.samples),
        )


def percentile(samples: Sequence[float], share: float) -> float:
    """The smallest sample that at least `share` (0 to 1) of the samples do not exceed (nearest
    rank).
    """
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def slope(short: tuple[int, float], long: tuple[int, float]) -> float:
    """The cost of one more unit, from (units, cost) of two loads that differ in nothing else."""
    return (long[1] - short[1]) / (long[0] - short[0])
