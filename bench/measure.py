"""Measures one Functions host: a warm-up, rounds of the same loads, then idling.

A load's CPU time counts until all of its work is done: captures stored, events accepted by the
Event Hub, queue messages deleted. Idling is measured last, because the real host compiles for 10 s
or more after its first calls.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bench import bare_relay
from bench.errors import BenchError
from bench.job import Job, JobResult
from bench.processes import Machine, Meter
from bench.statistics import Cpu, Idle
from local.stack import FunctionsHost, Stack
from local.stack.supervisor import ROOT

_IDLE_SPANS: Final = 3
_IDLE_SPAN_S: Final = 1.0
_SETTLE_S: Final = 0.5  # after the last event, until its queue message is deleted
_POLL_S: Final = 0.1
_EVENTS_WITHIN_S: Final = 60.0
_LOAD_WITHIN_S: Final = 120.0
_ENRICHMENT_OFF: Final = {"AzureWebJobs.enrichment.Disabled": "true"}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The loads of a round."""

    rounds: int = 2
    streams: int = 100  # all begin at once
    chunks: int = 100  # of each stream, `[DONE]` included
    # of the load with short streams, which separates the cost of a chunk from that of a stream
    few_chunks: int = 10
    chunk_ms: int = 20
    calls: int = 300  # non-streaming
    connections: int = 20  # that make them
    alone: int = 60  # short streams one after the other, with a pause, for the time to first byte
    pause_ms: int = 20
    # False: the queue trigger is off; relay, captures and envelopes remain
    enrichment: bool = True

    def long_streams(self, port: int) -> Job:
        return Job(
            port=port,
            count=self.streams,
            connections=self.streams,
            chunks=self.chunks,
            chunk_ms=self.chunk_ms,
        )

    def short_streams(self, port: int) -> Job:
        return Job(
            port=port,
            count=self.streams,
            connections=self.streams,
            chunks=self.few_chunks,
            chunk_ms=self.chunk_ms,
        )

    def plain_calls(self, port: int) -> Job:
        return Job(port=port, count=self.calls, connections=self.connections, chunks=None)

    def one_by_one(self, port: int) -> Job:
        return Job(
            port=port,
            count=self.alone,
            connections=1,
            chunks=self.few_chunks,
            pause_ms=self.pause_ms,
        )


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


@dataclass(frozen=True, kw_only=True)
class Measured:
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


def measure(functions_host: FunctionsHost, plan: Plan, progress: Callable[[str], None]) -> Measured:
    """Start a stack and measure it. Raises BenchError, or StackError if the stack does not
    start.
    """
    settings = {} if plan.enrichment else _ENRICHMENT_OFF
    with Stack(functions_host=functions_host, settings=settings, on_step=progress) as stack:
        return _Bench(stack, functions_host, plan, progress).run()


def measure_bare(plan: Plan, progress: Callable[[str], None]) -> Measured:
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
        self._meter = Meter(stack.parts)
        self._machine = Machine(stack.parts)
        self._proxy, self._upstream = stack.ports.proxy, stack.ports.azure_openai
        self._exchanges = 0

    def run(self) -> Measured:
        plan = self._plan
        self._progress("warm-up")
        self._through_proxy(plan.short_streams(self._proxy))
        self._through_proxy(plan.plain_calls(self._proxy))
        memory = self._meter.worker_mb()
        rounds = [self._round(number) for number in range(1, plan.rounds + 1)]
        worker_mb = self._meter.worker_mb()
        self._progress(f"idle for {_IDLE_SPANS * _IDLE_SPAN_S:g} s")
        return Measured(
            functions_host=self._functions_host,
            plan=plan,
            idle=self._idle(),
            rounds=rounds,
            worker_mb_before=memory,
            worker_mb=worker_mb,
            host_mb=self._meter.host_mb(),
            events=self._events() if "event_hubs" in self._stack.parts else 0,
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
        direct_streams = _generate(plan.long_streams(upstream))
        direct_one_by_one = _generate(plan.one_by_one(upstream))
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
        result = _generate(job)
        loaded = self._meter.cpu()
        self._exchanges += job.count
        if self._plan.enrichment:
            self._wait_for_events()
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

    def _wait_for_events(self) -> None:
        deadline = time.monotonic() + _EVENTS_WITHIN_S
        while (accepted := self._events()) < self._exchanges:
            if time.monotonic() > deadline:
                raise BenchError(
                    f"the Event Hub has {accepted} events of {self._exchanges} exchanges, {_EVENTS_WITHIN_S:g} s after the last"
                )
            time.sleep(_POLL_S)

    def _events(self) -> int:
        url = f"{self._stack.event_hubs_control_url}/stats"
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - http to this machine
            stats = json.load(answer)
        partitions = stats["hubs"][self._stack.event_hub_name]["partitions"].values()
        return sum(partition["next_sequence_number"] for partition in partitions)


def _generate(job: Job) -> JobResult:
    """Run the load generator. Raises BenchError if a response was wrong."""
    command = [sys.executable, "-m", "bench.load"]
    done = subprocess.run(
        command,
        input=job.to_json(),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=_LOAD_WITHIN_S,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"the load generator failed: {done.stderr.strip()}")
    result = JobResult.from_json(done.stdout)
    if result.failures:
        raise BenchError(f"not every answer was whole: {result.failures}")
    return result
