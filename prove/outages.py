"""Proofs 2 and 3: the Event Hub down for long, and storage down in every way, under load."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Final

from local.stack import FunctionsHost
from prove.comparison import check_bodies, compare, gather
from prove.gate import GateMode
from prove.load import ClientLoad, ClientObservation, mixed
from prove.result import ProofResult
from prove.testbed import GIVEN_UP, TestBed, wait_for

type Progress = Callable[[str], None]
type Fault = Callable[[TestBed], Iterator[None]]


def event_hub_down(
    kind: FunctionsHost, *, down_s: float, seed: int, progress: Progress, clients: int = 6
) -> ProofResult:
    """Stop the Event Hub for `down_s` seconds.

    The queue retries after one second here and after 30 in production, so a second stands for half
    a minute.
    """
    result = ProofResult(title=f"Event Hub down, {kind} host")
    with TestBed(kind) as bed:
        bed.stack.parts["event_hubs"].kill()
        load = ClientLoad(bed.stack, mixed(), clients=clients, seed=seed)
        load.start()
        began = time.monotonic()
        wait_for(lambda: len(load.observations) >= clients * 5, "some exchanges", 60)
        load.stop()
        wait_for(lambda: bed.noted[GIVEN_UP], "the first poison message", 90)
        answer = bed.finished(bed.started("/ops/reconcile"))
        time.sleep(max(0.0, down_s - (time.monotonic() - began)))
        progress(
            f"{result.title}: {len(load.observations)} exchanges in {time.monotonic() - began:.0f} s, now it comes back"
        )
        given_up = bed.noted[GIVEN_UP]
        bed.start_event_hub()
        report = bed.reconciled()
        result.check(
            holds=bool(answer["waiting"]),
            sentence="reconcile did not wait while the Event Hub was down",
        )
        _judge(result, bed, load.observations, untouched=True)
        result.counts |= {
            "seconds without the Event Hub": round(down_s),
            "envelopes that became poison": given_up,
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
    clients: int = 6,
) -> ProofResult:
    """Inject the fault of that name in FAULTS for `down_s` seconds under load."""
    result = ProofResult(title=f"{fault}, {kind} host")
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    with TestBed(kind) as bed:
        load = ClientLoad(bed.stack, mixed(), clients=clients, seed=seed)
        load.start()
        time.sleep(rng.uniform(1, 2))  # of load before the fault, not a wait for a condition
        with contextmanager(FAULTS[fault])(bed):
            time.sleep(down_s)
        time.sleep(1)
        load.stop()
        progress(f"{result.title}: {len(load.observations)} exchanges, {down_s:g} s of it down")
        ids = load.exchange_ids
        # The app retries what it could not store after 5 and 20 seconds.
        wait_for(
            lambda: ids <= gather(bed, outcomes=False).known,
            "every exchange to be stored or delivered",
            60,
        )
        report = bed.reconciled()
        _judge(result, bed, load.observations, untouched=True)
        result.counts |= {
            "redelivered by reconcile": report["redelivered"],
            "delivered without a capture, as far as the ledger took it": report["without_capture"],
        }
    return result


def _judge(
    result: ProofResult,
    bed: TestBed,
    observations: Collection[ClientObservation],
    *,
    untouched: bool,
) -> None:
    """Check that clients got every byte, and that every exchange is on the Event Hub."""
    compare(
        result,
        gather(bed),
        observations,
        must=[seen.exchange_id for seen in observations if seen.exchange_id],
    )
    if untouched:
        check_bodies(result, bed, observations)


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


def _restarted(bed: TestBed) -> Iterator[None]:
    """Stop Azurite with SIGTERM, which it survives without loss. For SIGKILL see azurite_killed."""
    bed.leases_lost = True
    bed.stack.parts["azurite"].stop()
    yield
    bed.stack.parts["azurite"].start()


FAULTS: Final[dict[str, Fault]] = {
    "Azurite restarted": _restarted,
    "queue refuses": _gates("queues", mode=GateMode.REFUSE),
    "queue stalls": _gates("queues", mode=GateMode.STALL),
    "blobs refuse": _gates("blobs", mode=GateMode.REFUSE),
    "blobs stall": _gates("blobs", mode=GateMode.STALL),
    "both refuse": _gates("blobs", "queues", mode=GateMode.REFUSE),
    "both stall": _gates("blobs", "queues", mode=GateMode.STALL),
}
