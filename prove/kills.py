"""Proof 1: kill -9 at any moment, under a load of streams."""

from __future__ import annotations

import random
import time
from collections import Counter
from typing import Final, Literal

from local.stack import FunctionsHost
from prove.comparison import compare
from prove.event_rules import Circumstances, Policy
from prove.evidence import gather
from prove.load import ClientLoad, mixed_chats
from prove.observation import ClientObservation
from prove.result import FaultGroup, Progress, ProofResult
from prove.testbed import TestBed
from prove.upstream_calls import upstream_calls

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
    result = ProofResult(
        title=f"kill -9 on the {kind} host, CAPTURE_POLICY={policy}",
        group=FaultGroup.KILLED,
        policy=policy,
    )
    with TestBed(kind, CAPTURE_POLICY=policy) as bed:
        killing = _Killing(bed, seed, clients)
        for number in range(kills):
            moment = list(MOMENTS)[(number + seed) % len(MOMENTS)]
            met = killing.under_load(moment, number)
            progress(
                f"{result.title}: {number + 1} of {kills} ({moment}{'' if met else ', not met'}), "
                f"{len(killing.observations)} exchanges"
            )
        report = bed.operator.reconcile()
        judge_kills(result, bed, killing.observations, policy)
    result.counts |= {
        "kills": kills,
        **{f"killed {moment}": count for moment, count in sorted(killing.moments.items())},
        "redelivered by reconcile": report["redelivered"],
        "aborted ones redelivered by reconcile": report["aborted"],
        **bed.leases.counts,
    }
    return result


def judge_kills(
    result: ProofResult, bed: TestBed, observations: list[ClientObservation], policy: Policy
) -> None:
    """Compare after kills, and count what left no trace."""
    evidence, upstream = gather(bed), upstream_calls(bed.stack)
    circumstances = Circumstances(policy=policy, stopped=True)
    compare(result, evidence, observations, upstream, circumstances)


class _Killing:
    """Kills under load, one after the other, and what clients saw meanwhile."""

    def __init__(self, bed: TestBed, seed: int, clients: int) -> None:
        self.observations: list[ClientObservation] = []
        self.moments: Counter[str] = Counter()
        self._bed = bed
        self._seed = seed
        self._clients = clients
        self._rng = random.Random(seed)  # noqa: S311 - repeatable, not secret

    def under_load(self, moment: str, number: int) -> bool:
        """Whether the kill met its moment; the host serves again afterwards."""
        cycle = number % (_WORKERS_BEFORE_A_HOST + 1)
        a_worker = self._bed.kind == "func" and cycle < _WORKERS_BEFORE_A_HOST
        load = ClientLoad(
            self._bed.stack,
            mixed_chats(headers_ms=1500 if moment == "before headers" else 300),
            clients=self._clients,
            seed=self._seed * 1000 + number,
        )
        load.start()
        met = self._kill_at(moment, a_worker=a_worker)
        self.moments[moment if met else "at random"] += 1
        load.stop()
        self.observations += load.observations
        if not a_worker:
            self._bed.start_host()
        self._bed.operator.wait_for_host()
        return met

    def _kill_at(self, moment: str, *, a_worker: bool) -> bool:
        bed = self._bed
        gate_name, pattern = MOMENTS[moment]
        time.sleep(self._rng.uniform(0.2, 1.2))  # a random moment, not a wait for a condition
        gate = {"blobs": bed.blobs, "queues": bed.queues}.get(gate_name)
        met = True
        if gate is not None:
            gate.hold(pattern)
            met = gate.wait_for_stall(6)
            time.sleep(self._rng.uniform(0, 0.05))
        bed.kill_worker() if a_worker else bed.kill_host()
        if gate is not None:
            gate.hold_nothing()
        return met
