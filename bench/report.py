"""The results as a table for people, and as JSON for programs. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Final

from bench.environment import Environment
from bench.figures import PER_CALL_MS, PER_CHUNK_TO_BARE, PER_CHUNK_US, Figures
from bench.plan import Plan
from bench.statistics import Figure, Percentiles

_NAMES: Final = {
    "embedded": "embedded host",
    "func": "real host (func)",
    "bare": "bare relay, embedded host",
}
_WIDTH: Final = 54
_COLUMN: Final = 26
# of a core; above it, a process of the benchmark itself may have slowed the load
_BOTTLENECK: Final = 0.8


def document(environment: Environment, plan: Plan, hosts: Mapping[str, Figures]) -> str:
    """The results of all hosts as JSON."""
    figures_by_host = {name: asdict(figures) for name, figures in hosts.items()}
    return json.dumps(
        {"environment": asdict(environment), "plan": asdict(plan), "hosts": figures_by_host},
        indent=2,
    )


def table(environment: Environment, plan: Plan, hosts: Mapping[str, Figures]) -> str:
    """The table: a column for each host, then the limits and reasons to doubt the figures."""
    lines = [*_head(environment, plan), ""]
    lines.append(_row("", [_NAMES[name] for name in hosts]))
    for title, show in _rows(plan):
        lines.append(_row(title, [show(figures) for figures in hosts.values()]))
    lines += ["", *_verdicts(plan, hosts), *_doubts(hosts)]
    return "\n".join(line.rstrip() for line in lines)


def _head(environment: Environment, plan: Plan) -> list[str]:
    switched = (
        "captures, envelopes, enrichment, Event Hub"
        if plan.enrichment
        else "captures and envelopes; enrichment is OFF"
    )
    return [
        environment.sentence(),
        f"switched on: {switched}",
        f"{plan.rounds} rounds after a warm-up: best of the rounds (median, worst); CPU is user and system, idle taken off",
        f"a round: {plan.streams} streams of {plan.chunks} chunks, one each {plan.chunk_ms} ms, all begun at once; "
        f"{plan.streams} of {plan.few_chunks};",
        f"{plan.calls} non-streaming calls on {plan.connections} connections; {plan.alone} streams one at a time",
    ]


def _rows(plan: Plan) -> list[tuple[str, Callable[[Figures], str]]]:
    everything = plan.chunks
    return [
        ("worker: CPU per streamed chunk, all included", lambda f: _figure(f.chunk_us, "us")),
        (
            f"  of it: a chunk by itself (slope {plan.few_chunks} to {everything})",
            lambda f: _figure(f.further_chunk_us, "us"),
        ),
        ("  of it: a stream by itself", lambda f: _figure(f.stream_ms, "ms")),
        ("worker: CPU per non-streaming call", lambda f: _figure(f.call_ms, "ms")),
        (
            "host's own: CPU per streamed chunk, all included",
            lambda f: _host(f, f.host_chunk_us, "us"),
        ),
        ("  of it: a chunk by itself", lambda f: _host(f, f.host_further_chunk_us, "us")),
        ("host's own: CPU per non-streaming call", lambda f: _host(f, f.host_call_ms, "ms")),
        (
            "added time to first byte, one at a time: p50, p99",
            lambda f: _percentiles(f.added_alone_ms),
        ),
        (
            f"added time to first byte, {plan.streams} at once: p50, p99",
            lambda f: _percentiles(f.added_together_ms),
        ),
        ("bare upstream's, one at a time: p50, p99", lambda f: _percentiles(f.direct_alone_ms)),
        (
            f"bare upstream's, {plan.streams} at once: p50, p99",
            lambda f: _percentiles(f.direct_together_ms),
        ),
        ("non-streaming calls/s", lambda f: _figure(f.calls_per_s, "")),
        (
            "worker: RSS after warm-up, after all rounds",
            lambda f: f"{f.worker_mb_before:.0f}, {f.worker_mb:.0f} MB",
        ),
        ("host's own: RSS", lambda f: f"{f.host_mb:.0f} MB"),
        (
            "idle: worker, host",
            lambda f: f"{f.idle_worker_ms_per_s:.0f}, {f.idle_host_ms_per_s:.0f} ms/s",
        ),
        ("exchanges made, events accepted", lambda f: f"{f.exchanges}, {f.events}"),
        (
            "of a core at most: stand-in, load generator",
            lambda f: f"{f.stand_in_share:.0%}, {f.load_generator_share:.0%}",
        ),
        ("of the machine: processes outside this benchmark", lambda f: f"{f.others_share:.0%}"),
    ]


def _row(title: str, cells: Sequence[str]) -> str:
    return f"{title:<{_WIDTH}}" + "".join(f"{cell:>{_COLUMN}}" for cell in cells)


def _figure(figure: Figure, unit: str) -> str:
    return f"{_number(figure.best)} {unit} ({_number(figure.median)}, {_number(figure.worst)})".replace(
        "  ", " "
    )


def _host(figures: Figures, figure: Figure, unit: str) -> str:
    """The embedded host's own CPU time is not reported: its front runs in the worker, and its
    supervisor sleeps.
    """
    return (
        _figure(figure, unit) if figures.host_call_ms.worst or figures.host_chunk_us.worst else "-"
    )


def _percentiles(percentiles: Percentiles) -> str:
    return f"{_number(percentiles.p50)}, {_number(percentiles.p99)} ms (n={percentiles.samples})"


def _number(value: float) -> str:
    return (
        f"{value:.0f}"
        if abs(value) >= 100
        else f"{value:.1f}"
        if abs(value) >= 10
        else f"{value:.2f}"
    )


def _verdicts(plan: Plan, hosts: Mapping[str, Figures]) -> list[str]:
    """Whether the limits hold on the embedded host with all features on."""
    embedded = hosts.get("embedded")
    if embedded is None or not plan.enrichment:
        return [
            "yardsticks: they are for the embedded host with enrichment on, which was not measured"
        ]
    return [
        "yardsticks, embedded host, best round:",
        _verdict(
            "CPU per streamed chunk, all included", embedded.chunk_us.best, PER_CHUNK_US, "us"
        ),
        _verdict(
            "CPU per streamed chunk by itself", embedded.further_chunk_us.best, PER_CHUNK_US, "us"
        ),
        _verdict("CPU per non-streaming call", embedded.call_ms.best, PER_CALL_MS, "ms"),
        *_beside_bare(embedded, hosts.get("bare")),
    ]


def _beside_bare(embedded: Figures, bare: Figures | None) -> list[str]:
    """The ratio to the bare relay, which does not depend on the machine's speed."""
    if bare is None:
        return []
    everything = embedded.chunk_us.best / bare.chunk_us.best
    by_itself = embedded.further_chunk_us.best / bare.further_chunk_us.best
    return [
        _verdict(
            "CPU per streamed chunk, all included, to the bare relay's",
            everything,
            PER_CHUNK_TO_BARE,
            "times",
        ),
        _verdict(
            "CPU per streamed chunk by itself, to the bare relay's",
            by_itself,
            PER_CHUNK_TO_BARE,
            "times",
        ),
    ]


def _verdict(label: str, value: float, limit: float, unit: str) -> str:
    holds = "holds" if value <= limit else "DOES NOT HOLD"
    return f"  {label}: {_number(value)} {unit}, at most {_number(limit)} {unit}: {holds}"


def _doubts(hosts: Mapping[str, Figures]) -> list[str]:
    doubts = []
    for name, figures in hosts.items():
        if figures.stand_in_share > _BOTTLENECK or figures.load_generator_share > _BOTTLENECK:
            doubts.append(
                f"doubt ({name}): the stand-in or the load generator was busy; calls/s and times are too pessimistic"
            )
        if figures.others_share > 0.1:
            doubts.append(
                f"doubt ({name}): other processes used {figures.others_share:.0%} of the machine; CPU times rise with that"
            )
    return doubts
