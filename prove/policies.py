"""CAPTURE_POLICY measured: how long `best_effort` leaves no trace, and what `required` costs."""

from __future__ import annotations

import json
import random
import statistics
import threading
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

import psutil  # type: ignore[import-untyped]  # psutil ships no types

from harness.chat import Chat
from local.stack import FunctionsHost
from prove.comparison import compare, gather
from prove.load import ClientObservation, observation_of
from prove.result import ProofResult
from prove.testbed import TestBed, in_background, wait_for

type Progress = Callable[[str], None]

POLICIES: Final = ("best_effort", "required")
_CAPTURED: Final = r"PUT /\S+/captures/\S+/(\S+\.request)"
_CHUNKS: Final = "chunks=20; chunk_ms=5"
_ANSWER_MS: Final = "headers_ms=50"


@dataclass(kw_only=True)
class Samples:
    """Measurements with one policy: a value in ms for each exchange."""

    first_byte: list[float] = field(default_factory=list)  # request sent to first byte of the body
    # request sent to the last byte of the body, of streams
    stream_end: list[float] = field(default_factory=list)
    answer_end: list[float] = field(default_factory=list)  # likewise for calls without streaming
    traceless: list[float] = field(default_factory=list)  # request sent to request capture stored
    unseen: list[float] = field(
        default_factory=list
    )  # upstream has the request to request capture stored; below 0: stored first
    # CPU time of the host and its worker per exchange, a value for each round
    cpu: list[float] = field(default_factory=list)
    observations: list[ClientObservation] = field(default_factory=list)


def policies(
    kind: FunctionsHost,
    *,
    exchanges: int,
    rounds: int,
    seed: int,
    progress: Progress,
    clients: int = 4,
) -> ProofResult:
    """Make the same exchanges with either policy, in turns.

    There are two stacks, of which only one works at a time.
    """
    result = ProofResult(title=f"CAPTURE_POLICY measured, {kind} host")
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    samples = {policy: Samples() for policy in POLICIES}
    with ExitStack() as stacks:
        beds = {
            policy: stacks.enter_context(TestBed(kind, CAPTURE_POLICY=policy))
            for policy in POLICIES
        }
        for bed in beds.values():
            bed.blobs.watch(_CAPTURED)
            _round(bed, Samples(), clients * 4, clients)  # warms up what is created on first use
        for number in range(rounds):
            for policy in rng.sample(POLICIES, len(POLICIES)):
                _round(beds[policy], samples[policy], exchanges // rounds, clients)
            progress(f"{result.title}: round {number + 1} of {rounds}")
        for policy, bed in beds.items():
            compare(
                result,
                gather(bed),
                samples[policy].observations,
                must=[seen.exchange_id or "" for seen in samples[policy].observations],
            )
    best_effort, required = samples["best_effort"], samples["required"]
    result.check(
        holds=max(required.unseen) <= 0,
        sentence="with `required` the upstream saw a request before its capture was stored",
    )
    result.counts = {
        "exchanges with each policy": len(best_effort.first_byte),
        "`best_effort`: ms without a trace since the client sent its request (p50, p99, most)": _spread(
            best_effort.traceless
        ),
        "`best_effort`: of those, ms since the upstream had the request (p50, p99, most; below 0: stored before)": _spread(
            best_effort.unseen
        ),
        "`required`: ms since the upstream had the request (p50, p99, most; below 0: stored before)": _spread(
            required.unseen
        ),
        **_beside(
            "ms to the first byte (p50, p99, most)",
            _spread(best_effort.first_byte),
            _spread(required.first_byte),
        ),
        **_beside(
            "ms to the last byte of a stream (p50, p99, most)",
            _spread(best_effort.stream_end),
            _spread(required.stream_end),
        ),
        **_beside(
            "ms to the last byte of a plain answer (p50, p99, most)",
            _spread(best_effort.answer_end),
            _spread(required.answer_end),
        ),
        "`required` adds to the first byte, ms at p50": _added(
            best_effort.first_byte, required.first_byte
        ),
        "`required` adds to the last byte of a stream, ms at p50": _added(
            best_effort.stream_end, required.stream_end
        ),
        "`required` adds to the last byte of a plain answer, ms at p50": _added(
            best_effort.answer_end, required.answer_end
        ),
        **_beside(
            "ms of CPU an exchange, host and worker", _mean(best_effort.cpu), _mean(required.cpu)
        ),
    }
    return result


def _round(bed: TestBed, samples: Samples, exchanges: int, clients: int) -> None:
    """Make exchanges, half of them streams; return when the queue is empty."""
    lock, numbers = threading.Lock(), iter(range(exchanges))

    def client() -> None:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            stream = number % 2 == 0
            _ask(
                bed,
                Chat(
                    stream=stream, directives=f"{_ANSWER_MS}; {_CHUNKS}" if stream else _ANSWER_MS
                ),
                samples,
                lock,
            )

    before = _cpu_s(bed)
    threads = [in_background(client, f"client-{number}") for number in range(clients)]
    for thread in threads:
        thread.join()
    wait_for(lambda: not bed.waiting(), "an empty queue", 60)
    samples.cpu.append((_cpu_s(bed) - before) * 1000 / exchanges)


def _ask(bed: TestBed, chat: Chat, samples: Samples, lock: threading.Lock) -> None:
    with chat.begin(bed.stack) as call:
        answer = call.rest()
    name = f"{answer.exchange_id}.request"
    stored_at = wait_for(
        lambda: bed.blobs.acknowledged.get(name), "the request capture to be stored", 20
    )
    seen_at = _seen_at(bed, chat.deployment)
    with lock:
        samples.first_byte.append((answer.pieces[0].at - call.sent_at) * 1000)
        (samples.stream_end if chat.stream else samples.answer_end).append(
            (answer.pieces[-1].at - call.sent_at) * 1000
        )
        samples.traceless.append((stored_at - call.sent_at) * 1000)
        samples.unseen.append((stored_at - seen_at) * 1000)
        samples.observations.append(observation_of(chat, answer))


def _seen_at(bed: TestBed, deployment: str) -> float:
    """When the stand-in had received the request's headers, time.monotonic()."""
    url = f"{bed.stack.stand_in_url}/_stand_in/exchanges?details=false&deployment={deployment}"
    with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 - http to this machine
        (exchange,) = json.load(answer)
    return float(exchange["started_at"])


def _cpu_s(bed: TestBed) -> float:
    """User and system time of the host and its worker."""
    host = bed.stack.parts["functions_host"]
    total = 0.0
    for pid in [host.pid, *host.descendants()]:
        times = psutil.Process(pid).cpu_times()
        total += times.user + times.system
    return total


def _spread(values: Sequence[float]) -> str:
    ordered = sorted(values)
    return ", ".join(
        f"{ordered[min(len(ordered) - 1, int(len(ordered) * at))]:.1f}" for at in (0.5, 0.99, 1)
    )


def _added(best_effort: Sequence[float], required: Sequence[float]) -> float:
    return round(statistics.median(required) - statistics.median(best_effort), 1)


def _mean(values: Sequence[float]) -> str:
    return f"{statistics.mean(values):.1f}"


def _beside(what: str, best_effort: str, required: str) -> dict[str, str]:
    return {f"`best_effort`: {what}": best_effort, f"`required`: {what}": required}
