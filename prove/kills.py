"""Proof 1: kill -9 at any moment, under a load of streams."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Final, Literal

from local.stack import FunctionsHost
from prove.comparison import Evidence, compare, deployments, gather
from prove.load import ClientLoad, ClientObservation, mixed
from prove.result import ProofResult
from prove.testbed import TestBed, upstream_digests

Policy = Literal["best_effort", "required"]

# Moment -> the request to storage that is under way then. A moment without one is random.
MOMENTS: Final[dict[str, tuple[Literal["blobs", "queues", ""], str]]] = {
    "before headers": ("", ""),
    "mid-stream": ("", ""),
    "request capture": ("blobs", r"PUT /\S+\.request"),
    "between last byte and capture": ("blobs", r"PUT /\S+\.response"),
    "between capture and envelope": ("queues", r"POST /\S+/envelopes/messages"),
    "during enrichment": ("blobs", r"GET /\S+/captures/"),
    "between send and ledger append": ("blobs", r"PUT /\S+/ledger/entries/\S+comp=appendblock"),
}
_WORKERS_BEFORE_A_HOST: Final = 2  # the real host gives up when its worker has died three times

type Progress = Callable[[str], None]


def kill_at_random_moments(
    kind: FunctionsHost,
    policy: Policy,
    *,
    kills: int,
    seed: int,
    progress: Progress,
    clients: int = 8,
) -> ProofResult:
    """Kill the host or its worker `kills` times, then reconcile and compare."""
    result = ProofResult(title=f"kill -9 on the {kind} host, CAPTURE_POLICY={policy}")
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    observations: list[ClientObservation] = []
    moments: Counter[str] = Counter()
    with TestBed(kind, CAPTURE_POLICY=policy) as bed:
        for number in range(kills):
            moment = list(MOMENTS)[(number + seed) % len(MOMENTS)]
            a_worker = (
                number % (_WORKERS_BEFORE_A_HOST + 1) < _WORKERS_BEFORE_A_HOST and kind == "func"
            )
            load = ClientLoad(
                bed.stack,
                mixed(headers_ms=1500 if moment == "before headers" else 300),
                clients=clients,
                seed=seed * 1000 + number,
            )
            load.start()
            hit = _kill_at(bed, moment, rng, a_worker=a_worker)
            moments[moment if hit else "at random"] += 1
            load.stop()
            observations += load.observations
            _restore(bed, a_worker=a_worker)
            progress(
                f"{result.title}: {number + 1} of {kills} ({moment}{'' if hit else ', not met'}), {len(observations)} exchanges"
            )
        report = bed.reconciled()
        evidence = gather(bed)
        _judge(result, bed, policy, observations, evidence)
    result.counts |= {
        "kills": kills,
        **{f"killed {moment}": count for moment, count in sorted(moments.items())},
        "redelivered by reconcile": report["redelivered"],
        "aborted ones redelivered by reconcile": report["aborted"],
        "envelopes whose lease was ended early": bed.released,
        "envelopes deleted with their leases": bed.cleared,
    }
    return result


def _kill_at(bed: TestBed, moment: str, rng: random.Random, *, a_worker: bool) -> bool:
    gate_name, pattern = MOMENTS[moment]
    time.sleep(rng.uniform(0.2, 1.2))  # a random moment, not a wait for a condition
    gate = {"blobs": bed.blobs, "queues": bed.queues}.get(gate_name)
    hit = True
    if gate is not None:
        gate.hold(pattern)
        hit = gate.wait_held(6)
        time.sleep(rng.uniform(0, 0.05))
    if a_worker:
        bed.kill_worker()
    else:
        bed.kill_host()
    if gate is not None:
        gate.hold_nothing()
    return hit


def _restore(bed: TestBed, *, a_worker: bool) -> None:
    if not a_worker:
        bed.start_host()
    bed.wait_served()


def _judge(
    result: ProofResult,
    bed: TestBed,
    policy: Policy,
    observations: list[ClientObservation],
    evidence: Evidence,
) -> None:
    compare(result, evidence, observations)
    upstream = upstream_digests(bed).keys()
    delivered = deployments(evidence)
    traceless = upstream - delivered
    result.counts |= {
        "exchanges that the upstream saw": len(upstream),
        "of those without any trace": len(traceless),
    }
    if policy == "required":
        result.check(
            holds=not traceless,
            sentence=f"{len(traceless)} exchanges that the upstream saw left no trace",
        )
        ended = {seen.deployment for seen in observations if seen.whole and seen.status == 200}
        outcomes = {
            event["deployment"]: event["outcome"]
            for copies in evidence.events.values()
            for event in copies
        }
        lost = [deployment for deployment in ended if outcomes.get(deployment) != "completed"]
        result.check(
            holds=not lost,
            sentence=f"{len(lost)} responses that clients got complete are not completed on the Event Hub",
        )
