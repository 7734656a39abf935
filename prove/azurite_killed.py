"""Proof 3 with kill -9: Azurite is killed under load, with disk persistence.

Azurite answers 201 before its index is on the disk: it saves its databases every few seconds, which
Azure Storage does not do. So it forgets what it acknowledged in the last seconds before a kill -9.
Everything else must arrive. What Azurite forgot is known from the app's side: captures that were
acknowledged and are gone.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import Final

from azure.storage.blob import BlobServiceClient

from harness.waiting import poll_until
from local.stack import FunctionsHost
from local.stack.storage import create_queues_and_containers
from prove.comparison import check_bodies, compare
from prove.event_rules import Circumstances
from prove.evidence import Evidence, gather
from prove.load import ClientLoad, mixed_chats
from prove.observation import ClientObservation
from prove.outages import grace_s
from prove.result import FaultGroup, Progress, ProofResult
from prove.testbed import TestBed
from prove.upstream_calls import upstream_calls

_CAPTURED: Final = r"PUT /\S+/captures/\S+/([0-9a-f-]+\.(?:request|response|outcome)) "
_BEFORE_S: Final = 12.0  # longer than Azurite's write-behind
# the app retries what it could not store every five seconds
_RECORDED_WITHIN_S: Final = 60


@dataclass(frozen=True, kw_only=True)
class LostWrites:
    """Captures that Azurite acknowledged before it was killed and does not have any more."""

    names: frozenset[str]
    oldest_s: float  # how long before the kill the oldest of them was acknowledged

    @property
    def exchange_ids(self) -> set[str]:
        """The exchanges of these captures."""
        return {name.partition(".")[0] for name in self.names}


def azurite_killed(
    kind: FunctionsHost,
    *,
    down_s: float,
    seed: int,
    progress: Progress,
    clients: int = 6,
    before_s: float = _BEFORE_S,
) -> ProofResult:
    """Kill and restart Azurite under load, then reconcile and compare."""
    result = ProofResult(
        title=f"Azurite killed with SIGKILL, {kind} host",
        group=FaultGroup.OTHER,
    )
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    with TestBed(kind, RECONCILE_GRACE_S=grace_s(down_s)) as bed:
        bed.blobs.watch(_CAPTURED)
        load = ClientLoad(bed.stack, mixed_chats(), clients=clients, seed=seed)
        load.start()
        time.sleep(before_s + rng.uniform(0, 3))  # of load, not a wait for a condition
        forgotten = _kill_and_restart(bed, down_s)
        time.sleep(3)
        load.stop()
        progress(
            f"{result.title}: {len(load.observations)} exchanges, {len(forgotten.names)} captures forgotten"
        )
        ids = load.exchange_ids
        must = ids - forgotten.exchange_ids
        poll_until(
            lambda: must <= gather(bed, outcomes=False).traced_ids,
            "every exchange to be stored or delivered",
            within_s=_RECORDED_WITHIN_S,
        )
        report = bed.operator.reconcile()
        evidence = gather(bed)
        _judge(result, bed, load.observations, evidence, forgotten)
    result.counts |= {
        "seconds without storage": down_s,
        "redelivered by reconcile": report["redelivered"],
        "delivered without a capture, as far as the ledger took it": report["without_capture"],
    }
    return result


def _kill_and_restart(bed: TestBed, down_s: float) -> LostWrites:
    bed.leases.lost = True
    killed_at = time.monotonic()
    acknowledged = dict(bed.blobs.acknowledged)
    bed.stack.parts["azurite"].kill()
    time.sleep(down_s)
    bed.stack.parts["azurite"].start()
    # it may have forgotten them as well
    create_queues_and_containers(bed.stack.storage_connection_string)
    there = _captures(bed)
    # A capture acknowledged between the copy above and the signal counts as not acknowledged, which
    # makes the check stricter.
    names = {name: at for name, at in acknowledged.items() if name not in there}
    return LostWrites(
        names=frozenset(names), oldest_s=killed_at - min(names.values(), default=killed_at)
    )


def _captures(bed: TestBed) -> set[str]:
    with BlobServiceClient.from_connection_string(bed.stack.storage_connection_string) as blobs:
        return {
            name.rpartition("/")[2]
            for name in blobs.get_container_client("captures").list_blob_names()
        }


def _judge(
    result: ProofResult,
    bed: TestBed,
    observations: list[ClientObservation],
    evidence: Evidence,
    forgotten: LostWrites,
) -> None:
    ids = {observation.exchange_id for observation in observations if observation.exchange_id}
    # When Azurite forgot the response and kept the request, the exchange looks as if its instance
    # was killed.
    upstream = upstream_calls(bed.stack)
    compare(
        result,
        evidence.without(forgotten.exchange_ids),
        observations,
        upstream,
        Circumstances(storage_failed=True),
        must=ids - forgotten.exchange_ids,
        forgotten=forgotten.exchange_ids,
        captured="exchanges captured, less those of which Azurite forgot one",
    )
    lost = ids - evidence.events.keys()
    check_bodies(result, observations, upstream)
    result.counts |= {
        "captures that Azurite acknowledged and forgot": len(forgotten.names),
        "s before the kill that the oldest of them was acknowledged": round(forgotten.oldest_s, 1),
        "exchanges that they are of": len(forgotten.exchange_ids),
        "of those, on the Event Hub anyway": len(forgotten.exchange_ids & evidence.events.keys()),
        "exchanges lost with Azurite's memory, and no others": len(lost),
    }
