"""The benchmark's figures, table and document, from made-up measurements."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bench.environment import Environment
from bench.figures import Figures, figures
from bench.job import Job, JobResult
from bench.measure import MeasuredLoad, Measurement, Round
from bench.plan import Plan
from bench.report import document, table
from bench.statistics import Cpu, Idle

_ENVIRONMENT = Environment(python="3.13.0", cpus=2, processor="A processor")


def _load(job: Job, worker_s: float, host_s: float = 0.0) -> MeasuredLoad:
    job_result = JobResult(
        first_byte_ms=[10.0] * job.count,
        chunks=job.count * (job.chunks or 0),
        seconds=2.0,
        cpu_s=0.2,
    )
    spent = Cpu(worker_s=worker_s, host_s=host_s, stand_in_s=0.4)
    return MeasuredLoad(
        job=job, result=job_result, cpu=spent, seconds=3.0, stand_in_share=0.2, others_share=0.0
    )


def _measurement(stream_ms: float, chunk_us: float, call_ms: float) -> Measurement:
    plan = Plan(rounds=1, calls=200)

    def streams_s(chunks: int) -> float:
        return plan.streams * (stream_ms / 1000 + chunks * chunk_us / 1_000_000)

    one = Round(
        long_streams=_load(plan.long_streams(1), streams_s(plan.chunks), host_s=1.5),
        short_streams=_load(plan.short_streams(1), streams_s(plan.few_chunks), host_s=0.15),
        calls=_load(plan.plain_calls(1), plan.calls * call_ms / 1000, host_s=0.8),
        one_by_one=_load(plan.one_by_one(1), 0.1),
        direct_streams=JobResult(first_byte_ms=[4.0] * 100),
        direct_one_by_one=JobResult(first_byte_ms=[1.0] * 60),
    )
    return Measurement(
        functions_host="embedded",
        plan=plan,
        idle=Idle(worker=0.0, host=0.0),
        rounds=[one],
        worker_mb_before=80,
        worker_mb=90,
        host_mb=20,
        events=660,
        exchanges=660,
    )


@pytest.fixture
def fast() -> Figures:
    return figures(_measurement(stream_ms=1.0, chunk_us=20.0, call_ms=4.0))


def test_a_streams_cost_is_split_into_chunks_and_the_rest(fast: Figures) -> None:
    assert fast.chunk_us.best == pytest.approx(30)
    assert fast.further_chunk_us.best == pytest.approx(20)
    assert fast.stream_ms.best == pytest.approx(1)


def test_idling_is_taken_off_every_load() -> None:
    measured = _measurement(stream_ms=1.0, chunk_us=20.0, call_ms=4.0)
    idle = figures(replace(measured, idle=Idle(worker=0.1, host=0.1)))
    assert idle.call_ms.best == pytest.approx((200 * 4 - 3 * 100) / 200)
    assert idle.host_call_ms.best == pytest.approx((800 - 300) / 200)


def test_calls_are_counted_per_call_and_per_second(fast: Figures) -> None:
    assert (fast.call_ms.best, fast.host_call_ms.best, fast.calls_per_s.best) == pytest.approx(
        (4, 4, 100)
    )


def test_added_time_is_above_the_bare_upstreams(fast: Figures) -> None:
    assert (fast.added_alone_ms.p50, fast.added_together_ms.p50) == (9.0, 6.0)


def test_the_table_says_that_the_yardsticks_hold(fast: Figures) -> None:
    text = table(_ENVIRONMENT, Plan(), {"embedded": fast})
    assert "all included: 30.0 us, at most 40.0 us: holds" in text
    assert "call: 4.00 ms, at most 5.00 ms: holds" in text
    assert "doubt" not in text


def test_the_table_says_that_a_yardstick_does_not_hold() -> None:
    slow = figures(_measurement(stream_ms=4.0, chunk_us=20.0, call_ms=6.0))
    text = table(_ENVIRONMENT, Plan(), {"embedded": slow})
    assert "all included: 60.0 us, at most 40.0 us: DOES NOT HOLD" in text
    assert "by itself: 20.0 us, at most 40.0 us: holds" in text
    assert "call: 6.00 ms, at most 5.00 ms: DOES NOT HOLD" in text


def test_a_chunks_cost_is_reported_relative_to_the_bare_relays() -> None:
    slow_machine = figures(_measurement(stream_ms=1.0, chunk_us=60.0, call_ms=4.0))
    bare = figures(_measurement(stream_ms=1.0, chunk_us=45.0, call_ms=0.6))
    text = table(_ENVIRONMENT, Plan(), {"embedded": slow_machine, "bare": bare})
    assert "by itself: 60.0 us, at most 40.0 us: DOES NOT HOLD" in text
    assert "by itself, to the bare relay's: 1.33 times, at most 1.48 times: holds" in text
    assert "all included, to the bare relay's: 1.27 times, at most 1.48 times: holds" in text


def test_yardsticks_are_not_judged_without_enrichment(fast: Figures) -> None:
    text = table(_ENVIRONMENT, Plan(enrichment=False), {"embedded": fast})
    assert "enrichment is OFF" in text
    assert "holds" not in text


def test_a_busy_stand_in_and_a_busy_machine_are_doubts(fast: Figures) -> None:
    text = table(
        _ENVIRONMENT, Plan(), {"func": replace(fast, stand_in_share=0.95, others_share=0.4)}
    )
    assert "doubt (func): the stand-in or the load generator was busy" in text
    assert "doubt (func): other processes used 40% of the machine" in text


def test_the_document_holds_what_the_table_shows(fast: Figures) -> None:
    report = json.loads(document(_ENVIRONMENT, Plan(), {"embedded": fast}))
    assert report["hosts"]["embedded"]["call_ms"]["best"] == pytest.approx(4)
    assert report["plan"]["streams"] == 100


def test_a_job_passes_between_processes() -> None:
    """A job and what was seen survive the way between the processes."""
    job = Plan().long_streams(7071)
    assert Job.from_json(job.to_json()) == job
    job_result = JobResult(
        first_byte_ms=[1.5], chunks=3, seconds=2.0, cpu_s=0.1, failures={"status 500": 1}
    )
    assert JobResult.from_json(job_result.to_json()) == job_result
