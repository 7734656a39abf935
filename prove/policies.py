"""CAPTURE_POLICY, measured: how long `best_effort` leaves no trace, and what `required` costs."""

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
    """Of one policy; ms, one of each exchange."""

    first_byte: list[float] = field(default_factory=list)  # request sent to first byte of the body
    # request sent to the last byte of the body, of streams
    stream_end: list[float] = field(default_factory=list)
    answer_end: list[float] = field(default_factory=list)  # the same, of plain calls
    traceless: list[float] = field(default_factory=list)  # request sent to request capture stored
    unseen: list[float] = field(
        default_factory=list
    )  # upstream has the request to request capture stored; below 0: stored first
    # of the host with its worker, per exchange; one of each round
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
    """The same exchanges with either policy, in turns, on two stacks side by side of which one
    works at a time.
    """
    result = ProofResult(title=f"CAPTURE_POLICY measured, {kind} host")
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    taken = {policy: Samples() for policy in POLICIES}
    with ExitStack() as stacks:
        beds = {
            policy: stacks.enter_context(TestBed(kind, CAPTURE_POLICY=policy))
            for policy in POLICIES
        }
        for bed in beds.values():
            bed.blobs.watch(_CAPTURED)
            _round(bed, Samples(), clients * 4, clients)  # whatever is made on first use
        for number in range(rounds):
            for policy in rng.sample(POLICIES, len(POLICIES)):
                _round(beds[policy], taken[policy], exchanges // rounds, clients)
            progress(f"{result.title}: round {number + 1} of {rounds}")
        for policy, bed in beds.items():
            compare(
                result,
                gather(bed),
                taken[policy].observations,
                must=[each.exchange_id or "" for each in taken[policy].observations],
            )
    opened, closed = taken["best_effort"], taken["required"]
    result.check(
        holds=max(closed.unseen) <= 0,
        sentence="with `required` the upstream saw a request before its capture was stored",
    )
    result.counts = {
        "exchanges with each policy": len(opened.first_byte),
        "`best_effort`: ms without a trace since the client sent its request (p50, p99, most)": _spread(
            opened.traceless
        ),
        "`best_effort`: of those, ms since the upstream had the request (p50, p99, most; below 0: stored before)": _spread(
            opened.unseen
        ),
        "`required`: ms since the upstream had the request (p50, p99, most; below 0: stored before)": _spread(
            closed.unseen
        ),
        **_beside(
            "ms to the first byte (p50, p99, most)",
            _spread(opened.first_byte),
            _spread(closed.first_byte),
        ),
        **_beside(
            "ms to the last byte of a stream (p50, p99, most)",
            _spread(opened.stream_end),
            _spread(closed.stream_end),
        ),
        **_beside(
            "ms to the last byte of a plain answer (p50, p99, most)",
            _spread(opened.answer_end),
            _spread(closed.answer_end),
        ),
        "`required` adds to the first byte, ms at p50": _added(
            opened.first_byte, closed.first_byte
        ),
        "`required` adds to the last byte of a stream, ms at p50": _added(
            opened.stream_end, closed.stream_end
        ),
        "`required` adds to the last byte of a plain answer, ms at p50": _added(
            opened.answer_end, closed.answer_end
        ),
        **_beside("ms of CPU an exchange, host and worker", _mean(opened.cpu), _mean(closed.cpu)),
    }
    return result


def _round(bed: TestBed, taken: Samples, exchanges: int, clients: int) -> None:
    """Half of them streams, the rest plain calls; the record is complete when the
    queue is empty.
    """
    lock, left = threading.Lock(), iter(range(exchanges))

    def client() -> None:
        while True:
            with lock:
                number = next(left, None)
            if number is None:
                return
            stream = number % 2 == 0
            _ask(
                bed,
                Chat(
                    stream=stream, directives=f"{_ANSWER_MS}; {_CHUNKS}" if stream else _ANSWER_MS
                ),
                taken,
                lock,
            )

    before = _cpu_s(bed)
    threads = [in_background(client, f"client-{number}") for number in range(clients)]
    for thread in threads:
        thread.join()
    wait_for(lambda: not bed.waiting(), "an empty queue", 60)
    taken.cpu.append((_cpu_s(bed) - before) * 1000 / exchanges)


def _ask(bed: TestBed, chat: Chat, taken: Samples, lock: threading.Lock) -> None:
    with chat.begin(bed.stack) as call:
        answer = call.rest()
    name = f"{answer.exchange_id}.request"
    stored_at = wait_for(lambda: bed.blobs.taken.get(name), "the request capture to be stored", 20)
    seen_at = _seen_at(bed, chat.deployment)
    with lock:
        taken.first_byte.append((answer.pieces[0].at - call.sent_at) * 1000)
        (taken.stream_end if chat.stream else taken.answer_end).append(
            (answer.pieces[-1].at - call.sent_at) * 1000
        )
        taken.traceless.append((stored_at - call.sent_at) * 1000)
        taken.unseen.append((stored_at - seen_at) * 1000)
        taken.observations.append(observation_of(chat, answer))


def _seen_at(bed: TestBed, deployment: str) -> float:
    """When the stand-in had the request's headers, time.monotonic()."""
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


def _added(opened: Sequence[float], closed: Sequence[float]) -> float:
    return round(statistics.median(closed) - statistics.median(opened), 1)


def _mean(values: Sequence[float]) -> str:
    return f"{statistics.mean(values):.1f}"


def _beside(what: str, opened: str, closed: str) -> dict[str, str]:
    return {f"`best_effort`: {what}": opened, f"`required`: {what}": closed}
