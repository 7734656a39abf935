"""Measures one Functions host: a warm-up, rounds of the same loads, then idling.

A load's CPU time counts until all of its work is done: captures stored, events accepted by the
Event Hub, queue messages deleted. Idling is measured last, because the real host compiles for 10 s
or more after its first calls.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bench import accepted_events, bare_relay
from bench.job import Job, JobResult
from bench.load_process import generate
from bench.plan import Plan
from bench.processes import CpuMeter, Machine
from bench.statistics import Cpu, Idle
from local.stack import FunctionsHost, Stack

_IDLE_SPANS: Final = 3
_IDLE_SPAN_S: Final = 1.0
_SETTLE_S: Final = 0.5  # after the last event, until its queue message is deleted
_EVENTS_WITHIN_S: Final = 60.0
_ENRICHMENT_OFF: Final = {"AzureWebJobs.enrichment.Disabled": "true"}


@dataclass(frozen=True, kw_only=True)
class MeasuredLoad:
    """A job through the proxy, and its cost."""

    job: Job
    result: JobResult
    cpu: Cpu  # idling included
    seconds: float  # until all work of the load was done
    # of one core, while the load ran; near 1, the stand-in was the bottleneck
    stand_in_share: float
    # of the whole machine, used by processes outside the benchmark
    others_share: float


@dataclass(frozen=True, kw_only=True)
class Round:
    """A round. `direct_…` is the same load without the proxy."""

    long_streams: MeasuredLoad
    short_streams: MeasuredLoad
    calls: MeasuredLoad
    one_by_one: MeasuredLoad
    direct_streams: JobResult
    direct_one_by_one: JobResult

    @property
    def through_proxy(self) -> tuple[MeasuredLoad, ...]:
        """The loads through the proxy."""
        return (self.long_streams, self.short_streams, self.calls, self.one_by_one)


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """All measurements of one host."""

    functions_host: FunctionsHost
    plan: Plan
    idle: Idle
    rounds: list[Round]
    worker_mb_before: float  # after the warm-up
    worker_mb: float  # after the last round
    host_mb: float
    events: int  # accepted by the Event Hub, warm-up included
    exchanges: int  # made through the proxy, warm-up included


def measure(
    functions_host: FunctionsHost, plan: Plan, progress: Callable[[str], None]
) -> Measurement:
    """Start a stack and measure it. Raises BenchError, or StackError if the stack does not
    start.
    """
    settings = {} if plan.enrichment else _ENRICHMENT_OFF
    with Stack(functions_host=functions_host, settings=settings, on_step=progress) as stack:
        return _Bench(stack, functions_host, plan, progress).run()


def measure_bare(plan: Plan, progress: Callable[[str], None]) -> Measurement:
    """Measure the bare relay with the same loads, on the embedded host. Raises as `measure`
    does.
    """
    without = replace(plan, enrichment=False)
    with tempfile.TemporaryDirectory(prefix="fnsse-bare-") as folder:
        app = bare_relay.lay_out(Path(folder))
        with Stack(app=app, only={"azure_openai", "functions_host"}, on_step=progress) as stack:
            return _Bench(stack, "embedded", without, progress).run()


class _Bench:
    def __init__(
        self,
        stack: Stack,
        functions_host: FunctionsHost,
        plan: Plan,
        progress: Callable[[str], None],
    ) -> None:
        self._stack = stack
        self._functions_host = functions_host
        self._plan = plan
        self._progress = progress
        self._meter = CpuMeter(stack.parts)
        self._machine = Machine(stack.parts)
        self._proxy, self._upstream = stack.ports.proxy, stack.ports.azure_openai
        self._exchanges = 0

    def run(self) -> Measurement:
        plan = self._plan
        self._progress("warm-up")
        self._through_proxy(plan.short_streams(self._proxy))
        self._through_proxy(plan.plain_calls(self._proxy))
        memory = self._meter.worker_mb()
        rounds = [self._round(number) for number in range(1, plan.rounds + 1)]
        worker_mb = self._meter.worker_mb()
        self._progress(f"idle for {_IDLE_SPANS * _IDLE_SPAN_S:g} s")
        return Measurement(
            functions_host=self._functions_host,
            plan=plan,
            idle=self._idle(),
            rounds=rounds,
            worker_mb_before=memory,
            worker_mb=worker_mb,
            host_mb=self._meter.host_mb(),
            events=accepted_events.count(self._stack) if "event_hubs" in self._stack.parts else 0,
            exchanges=self._exchanges,
        )

    def _idle(self) -> Idle:
        return Idle.least([self._idle_span() for _ in range(_IDLE_SPANS)])

    def _idle_span(self) -> Idle:
        before, started = self._meter.cpu(), time.monotonic()
        time.sleep(_IDLE_SPAN_S)
        return Idle.of(self._meter.cpu().since(before), time.monotonic() - started)

    def _round(self, number: int) -> Round:
        plan, proxy, upstream = self._plan, self._proxy, self._upstream
        say = f"round {number} of {plan.rounds}: "
        self._progress(say + "bare upstream")
        direct_streams = generate(plan.long_streams(upstream))
        direct_one_by_one = generate(plan.one_by_one(upstream))
        self._progress(say + f"{plan.alone} short streams, one at a time")
        one_by_one = self._through_proxy(plan.one_by_one(proxy))
        self._progress(
            say + f"{plan.streams} streams of {plan.chunks} chunks, one each {plan.chunk_ms} ms"
        )
        long_streams = self._through_proxy(plan.long_streams(proxy))
        self._progress(say + f"{plan.streams} streams of {plan.few_chunks} chunks")
        short_streams = self._through_proxy(plan.short_streams(proxy))
        self._progress(say + f"{plan.calls} calls on {plan.connections} connections")
        return Round(
            long_streams=long_streams,
            short_streams=short_streams,
            calls=self._through_proxy(plan.plain_calls(proxy)),
            one_by_one=one_by_one,
            direct_streams=direct_streams,
            direct_one_by_one=direct_one_by_one,
        )

    def _through_proxy(self, job: Job) -> MeasuredLoad:
        before_all = self._machine.read()
        before, started = self._meter.cpu(), time.monotonic()
        result = generate(job)
        loaded = self._meter.cpu()
        self._exchanges += job.count
        if self._plan.enrichment:
            accepted_events.wait_for(self._stack, self._exchanges, _EVENTS_WITHIN_S)
        time.sleep(_SETTLE_S)
        cpu = self._meter.cpu().since(before)
        self._stack.check()
        return MeasuredLoad(
            job=job,
            result=result,
            cpu=cpu,
            seconds=time.monotonic() - started,
            stand_in_share=loaded.since(before).stand_in_s / result.seconds,
            others_share=self._machine.others_share(before_all, result.cpu_s),
        )
