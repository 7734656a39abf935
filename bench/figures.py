"""Computes the reported figures from the measurements, and whether the limits hold. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bench.job import JobResult
from bench.measure import MeasuredLoad, Measurement, Round
from bench.statistics import Figure, Idle, Percentiles, slope

# The limits, on the embedded host with all features on.
PER_CHUNK_US: Final = 40.0
PER_CALL_MS: Final = 5.0
# They were set on a machine where the bare relay took 27 us a chunk. On another machine, compare
# with the bare relay.
PER_CHUNK_TO_BARE: Final = PER_CHUNK_US / 27.0

_US: Final = 1_000_000
_MS: Final = 1_000

type CostS = Callable[[MeasuredLoad], float]


@dataclass(frozen=True, kw_only=True)
class Figures:
    """The figures of one host. CPU time is the worker's unless the name says host; idling is
    deducted.
    """

    chunk_us: Figure  # CPU time of whole streams, divided by their chunks
    # of one more chunk: the slope between short and long streams
    further_chunk_us: Figure
    stream_ms: Figure  # of a stream without its chunks: the intercept of the slope
    call_ms: Figure
    host_chunk_us: Figure
    host_further_chunk_us: Figure
    host_call_ms: Figure
    calls_per_s: Figure
    # time to first byte above the bare upstream's, one exchange at a time
    added_alone_ms: Percentiles
    added_together_ms: Percentiles  # the same, with all streams started at once
    direct_alone_ms: Percentiles
    direct_together_ms: Percentiles
    worker_mb_before: float
    worker_mb: float
    host_mb: float
    idle_worker_ms_per_s: float
    idle_host_ms_per_s: float
    stand_in_share: float  # of a core, the largest of all loads
    load_generator_share: float
    others_share: float  # of the machine, the mean over all loads
    exchanges: int
    events: int


def figures(measured: Measurement) -> Figures:
    """The figures of one host."""
    rounds = [_without_idling(one_round, measured.idle) for one_round in measured.rounds]
    loads = [load for one_round in rounds for load in one_round.through_proxy]
    direct_alone = _first_bytes(one_round.direct_one_by_one for one_round in rounds)
    direct_together = _first_bytes(one_round.direct_streams for one_round in rounds)
    alone = _first_bytes(one_round.one_by_one.result for one_round in rounds)
    together = _first_bytes(one_round.long_streams.result for one_round in rounds)
    return Figures(
        chunk_us=_lowest(rounds, lambda one_round: _per_chunk_us(one_round, _worker_s)),
        further_chunk_us=_lowest(rounds, lambda one_round: _US * _slope(one_round, _worker_s)),
        stream_ms=_lowest(rounds, lambda one_round: _MS * _at_no_chunks(one_round)),
        call_ms=_lowest(rounds, lambda one_round: _per_call_ms(one_round, _worker_s)),
        host_chunk_us=_lowest(rounds, lambda one_round: _per_chunk_us(one_round, _host_s)),
        host_further_chunk_us=_lowest(rounds, lambda one_round: _US * _slope(one_round, _host_s)),
        host_call_ms=_lowest(rounds, lambda one_round: _per_call_ms(one_round, _host_s)),
        calls_per_s=Figure.highest_of([_calls_per_s(one_round) for one_round in rounds]),
        added_alone_ms=alone.above(direct_alone),
        added_together_ms=together.above(direct_together),
        direct_alone_ms=direct_alone,
        direct_together_ms=direct_together,
        worker_mb_before=measured.worker_mb_before,
        worker_mb=measured.worker_mb,
        host_mb=measured.host_mb,
        idle_worker_ms_per_s=_MS * measured.idle.worker,
        idle_host_ms_per_s=_MS * measured.idle.host,
        stand_in_share=max(load.stand_in_share for load in loads),
        load_generator_share=max(load.result.cpu_s / load.result.seconds for load in loads),
        others_share=sum(load.others_share for load in loads) / len(loads),
        exchanges=measured.exchanges,
        events=measured.events,
    )


def _without_idling(one_round: Round, idle: Idle) -> Round:
    def without_idle(load: MeasuredLoad) -> MeasuredLoad:
        return replace(load, cpu=idle.deducted_from(load.cpu, load.seconds))

    return replace(
        one_round,
        long_streams=without_idle(one_round.long_streams),
        short_streams=without_idle(one_round.short_streams),
        calls=without_idle(one_round.calls),
        one_by_one=without_idle(one_round.one_by_one),
    )


def _lowest(rounds: Sequence[Round], cost: Callable[[Round], float]) -> Figure:
    return Figure.lowest_of([cost(one_round) for one_round in rounds])


def _first_bytes(results: Iterable[JobResult]) -> Percentiles:
    return Percentiles.of([sample for result in results for sample in result.first_byte_ms])


def _per_chunk_us(one_round: Round, cost_s: CostS) -> float:
    load = one_round.long_streams
    return _US * cost_s(load) / load.result.chunks


def _per_call_ms(one_round: Round, cost_s: CostS) -> float:
    return _MS * cost_s(one_round.calls) / one_round.calls.job.count


def _calls_per_s(one_round: Round) -> float:
    return one_round.calls.job.count / one_round.calls.result.seconds


def _worker_s(load: MeasuredLoad) -> float:
    return load.cpu.worker_s


def _host_s(load: MeasuredLoad) -> float:
    return load.cpu.host_s


def _slope(one_round: Round, cost_s: CostS) -> float:
    short, long = one_round.short_streams, one_round.long_streams
    return slope((short.result.chunks, cost_s(short)), (long.result.chunks, cost_s(long)))


def _at_no_chunks(one_round: Round) -> float:
    short = one_round.short_streams
    return (
        short.cpu.worker_s - short.result.chunks * _slope(one_round, _worker_s)
    ) / short.job.count
