"""Proofs 2 and 3: the Event Hub down for long, and storage down in every way, under load."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from harness.waiting import poll_until
from local.stack import FunctionsHost
from prove.comparison import check_bodies, compare
from prove.event_rules import Circumstances, Policy
from prove.evidence import gather
from prove.gate import GateMode
from prove.load import ClientLoad, mixed_chats
from prove.result import FaultGroup, Progress, ProofResult
from prove.testbed import POISON_LINE, TestBed
from prove.upstream_calls import upstream_calls

type Fault = Callable[[TestBed], Iterator[None]]


def event_hub_down(
    kind: FunctionsHost, *, down_s: float, seed: int, progress: Progress, clients: int = 6
) -> ProofResult:
    """Stop the Event Hub for `down_s` seconds.

    The queue retries after one second here and after 30 in production, so a second stands for half
    a minute.
    """
    result = ProofResult(
        title=f"Event Hub down, {kind} host",
        group=FaultGroup.EVENT_HUB,
    )
    with TestBed(kind) as bed:
        bed.stack.parts["event_hubs"].kill()
        load = ClientLoad(bed.stack, mixed_chats(), clients=clients, seed=seed)
        load.start()
        started_at = time.monotonic()
        poll_until(lambda: len(load.observations) >= clients * 5, "some exchanges", within_s=60)
        load.stop()
        poll_until(lambda: bed.noted[POISON_LINE], "the first poison message", within_s=90)
        response = bed.operator.wait_for_output(bed.operator.start("/ops/reconcile"))
        time.sleep(max(0.0, down_s - (time.monotonic() - started_at)))
        progress(
            f"{result.title}: {len(load.observations)} exchanges in {time.monotonic() - started_at:.0f} s, now it comes back"
        )
        poisoned = bed.noted[POISON_LINE]
        bed.start_event_hub()
        report = bed.operator.reconcile()
        result.check(
            holds=bool(response["waiting"]),
            sentence="reconcile did not wait while the Event Hub was down",
        )
        judge(result, bed, load, Circumstances())
        result.counts |= {
            "seconds without the Event Hub": round(down_s),
            "envelopes that became poison": poisoned,
            "redelivered by reconcile": report["redelivered"],
            "dead-lettered": report["dead_lettered"],
        }
    return result


def storage_down(
    kind: FunctionsHost,
    fault: str,
    *,
    down_s: float,
    seed: int,
    progress: Progress,
    policy: Policy = "best_effort",
    clients: int = 6,
) -> ProofResult:
    """Inject the fault of that name in FAULTS for `down_s` seconds under load."""
    result = ProofResult(
        title=f"{fault}, {kind} host, CAPTURE_POLICY={policy}",
        group=FaultGroup.STORAGE,
        policy=policy,
    )
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    settings = {"RECONCILE_GRACE_S": grace_s(down_s)} if fault in _TAKES_BOTH else {}
    if policy == "required":  # a client may wait for storage's tries as long as the fault lasts
        settings["EXCHANGE_TIMEOUT_S"] = str(round(down_s) + 40)
    with TestBed(kind, CAPTURE_POLICY=policy, **settings) as bed:
        load = ClientLoad(bed.stack, mixed_chats(), clients=clients, seed=seed)
        load.start()
        time.sleep(rng.uniform(1, 2))  # of load before the fault, not a wait for a condition
        with contextmanager(FAULTS[fault])(bed):
            time.sleep(down_s)
        time.sleep(1)
        load.stop()
        progress(f"{result.title}: {len(load.observations)} exchanges, {down_s:g} s of it down")
        poll_until(
            lambda: load.exchange_ids <= gather(bed, outcomes=False).traced_ids,
            "every exchange to be stored or delivered",
            within_s=60,
        )
        report = bed.operator.reconcile()
        judge(result, bed, load, Circumstances(policy=policy, storage_failed=True))
        result.counts |= {
            "seconds without storage": round(down_s),
            "redelivered by reconcile": report["redelivered"],
            "delivered without a capture, as far as the ledger took it": report["without_capture"],
        }
    return result


def grace_s(down_s: float) -> str:
    """RECONCILE_GRACE_S for an outage of that length. The recorder tries for two thirds of it."""
    return str(max(3, round(3 * down_s)))


def judge(
    result: ProofResult, bed: TestBed, load: ClientLoad, circumstances: Circumstances
) -> None:
    """Check every event and, unless storage may stop an exchange, that clients got every byte."""
    upstream, evidence = upstream_calls(bed.stack), gather(bed)
    compare(result, evidence, load.observations, upstream, circumstances, must=load.exchange_ids)
    if circumstances.policy == "best_effort" or not circumstances.storage_failed:
        check_bodies(result, load.observations, upstream)


def _gates(*names: str, mode: GateMode) -> Fault:
    def fault(bed: TestBed) -> Iterator[None]:
        gates = [
            gate for name, gate in (("blobs", bed.blobs), ("queues", bed.queues)) if name in names
        ]
        for gate in gates:
            gate.set_mode(mode)
        yield
        for gate in gates:
            gate.set_mode(GateMode.OPEN)

    return fault


def _restart_azurite(bed: TestBed) -> Iterator[None]:
    """Stop Azurite with SIGTERM, which it survives without loss. For SIGKILL see azurite_killed."""
    bed.leases.lost = True
    bed.stack.parts["azurite"].stop()
    yield
    bed.stack.parts["azurite"].start()


FAULTS: Final[dict[str, Fault]] = {
    "Azurite restarted": _restart_azurite,
    "queue refuses": _gates("queues", mode=GateMode.REFUSE),
    "queue stalls": _gates("queues", mode=GateMode.STALL),
    "blobs refuse": _gates("blobs", mode=GateMode.REFUSE),
    "blobs stall": _gates("blobs", mode=GateMode.STALL),
    "both refuse": _gates("blobs", "queues", mode=GateMode.REFUSE),
    "both stall": _gates("blobs", "queues", mode=GateMode.STALL),
}
# While both services are away, how an exchange ended waits in the worker's memory.
_TAKES_BOTH: Final = frozenset({"Azurite restarted", "both refuse", "both stall"})
