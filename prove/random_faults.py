"""Proof 5: thousands of exchanges under random faults, and a report that adds up exactly."""

from __future__ import annotations

import contextlib
import math
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient

from local.stack import FunctionsHost
from prove.comparison import compare
from prove.dispositions import dispositions
from prove.event_rules import Circumstances
from prove.evidence import HEADER_BYTES, Evidence, gather
from prove.gate import GateMode
from prove.load import ClientLoad, mixed
from prove.operator_api import Report
from prove.result import FaultGroup, NotProven, ProofResult
from prove.testbed import TestBed
from prove.upstream_calls import upstream_calls
from prove.waiting import in_background, wait_for
from shared.core.records import capture
from shared.core.records.exchange_id import started_at
from shared.errors import CaptureError

type Progress = Callable[[str], None]

_FAULTS: Final = (
    "host killed",
    "Event Hub rejects",
    "queue refuses",
    "blobs refuse",
    "connections cut",
    "captures corrupted",
)
# The longest delay of the recording: Azurite answers nothing while it writes its whole index, which
# it does every few seconds.
_RECORDING_DELAY_S: Final = 30.0
_CALM_S: Final = (1.5, 4.0)  # between two faults
_LASTS_S: Final = (0.5, 2.0)
_GRACE_S: Final = "15"  # the recorder tries for two thirds of it, which is longer than any fault
# Figures of the last report; the last three are sums over all runs.
_REPORTED: Final = {
    "captured": "reconcile's report: captured, those that are dead-lettered included",
    "delivered": "reconcile's report: captured and delivered",
    "dead_lettered": "reconcile's report: captured and dead-lettered",
    "without_capture": "reconcile's report: delivered without a capture, as far as the ledger took it",
    "redelivered": "redelivered by reconcile",
    "aborted": "aborted ones redelivered by reconcile",
    "runs": "runs of reconcile",
}


class FaultInjector:
    """Injects random faults, one after the other, until `stop`. Everything works again
    afterwards.
    """

    def __init__(self, bed: TestBed, seed: int, calm_s: tuple[float, float]) -> None:
        self._calm_s = calm_s
        self.done: Counter[str] = Counter()
        self.corrupted: set[str] = set()
        self.killed_at: list[float] = []  # unix time
        self._bed = bed
        self._rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None

    def start(self) -> None:
        """Begin, in a thread."""
        self._thread = in_background(self._run, "faults")

    def stop(self) -> None:
        """Return when the last fault is over. Raises what went wrong with the faults themselves."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        order: list[str] = []
        try:
            while not self._stopping.wait(self._rng.uniform(*self._calm_s)):
                order = order or self._rng.sample(_FAULTS, len(_FAULTS))
                fault = order.pop()
                self._do(fault)
                self.done[fault] += 1
        except Exception as error:  # noqa: BLE001 - to be raised by `stop`, in the thread that waits for it
            self._error = error

    def _do(self, fault: str) -> None:
        bed, lasts_s = self._bed, self._rng.uniform(*_LASTS_S)
        if fault == "host killed":
            self.killed_at.append(time.time())
            bed.kill_host()
            bed.start_host()
        elif fault == "connections cut":
            for gate in (bed.blobs, bed.queues):
                gate.cut()
        elif fault in {"queue refuses", "blobs refuse"}:
            gate = bed.queues if fault == "queue refuses" else bed.blobs
            gate.set_mode(GateMode.REFUSE)
            self._stopping.wait(lasts_s)
            gate.set_mode(GateMode.OPEN)
        else:
            bed.event_hub_mode("reject")
            self._stopping.wait(lasts_s)
            if fault == "captures corrupted":
                self._corrupt()
            bed.event_hub_mode("accept")

    def _corrupt(self) -> None:
        """Overwrite the newest response captures with garbage; some are not delivered yet."""
        with BlobServiceClient.from_connection_string(
            self._bed.stack.storage_connection_string
        ) as blobs:
            captures = blobs.get_container_client("captures")
            names = [name for name in captures.list_blob_names() if name.endswith(".response")]
            for name in names[-3:]:
                captures.upload_blob(name, b"garbage", overwrite=True)
                self.corrupted.add(name.rpartition("/")[2].removesuffix(".response"))


def random_faults(
    kind: FunctionsHost,
    *,
    exchanges: int,
    seed: int,
    progress: Progress,
    clients: int = 16,
    calm_s: tuple[float, float] = _CALM_S,
) -> ProofResult:
    """Check that captured = delivered + dead-lettered, and that the Event Hub holds the
    delivered.
    """
    result = ProofResult(
        title=f"{exchanges} exchanges with random faults, {kind} host",
        group=FaultGroup.RANDOM,
    )
    quick = mixed(streams=0.5, slowest_ms=10, most_chunks=8, headers_ms=20)
    with TestBed(kind, RECONCILE_GRACE_S=_GRACE_S) as bed:
        bed.leases.lost = True  # cut connections
        load, injector = (
            ClientLoad(bed.stack, quick, clients=clients, seed=seed, most=exchanges),
            FaultInjector(bed, seed, calm_s),
        )
        load.start()
        injector.start()
        load.join()
        injector.stop()
        progress(f"{result.title}: calls made, {dict(injector.done)}")
        began = time.monotonic()
        report = bed.operator.reconciled(within_s=900)
        took_s = time.monotonic() - began
        progress(f"{result.title}: reconciled in {took_s:.0f} s")
        evidence = _evidence(bed, report["delivered"] + report["without_capture"])
        dead_lettered = _dead_lettered(evidence)
        names_dead_lettered = dead_lettered | _deployments(bed, dead_lettered)
        upstream = upstream_calls(bed.stack)
    compare(
        result,
        evidence.without(dead_lettered),
        load.observations,
        upstream,
        Circumstances(stopped=True, storage_failed=True),
        traced=names_dead_lettered,
        captured="exchanges captured, less those that are dead-lettered",
    )
    _judge_report(result, report, evidence, injector)
    result.counts |= {text: report[name] for name, text in _REPORTED.items()}
    result.counts |= {
        "s of reconciling, all runs": round(took_s),
        "captures corrupted": len(injector.corrupted),
    }
    delivered = evidence.events.keys() | evidence.deployments
    result.counts |= dispositions(
        load.observations, delivered=delivered, dead_lettered=names_dead_lettered
    )
    _judge_traceless(result, load, evidence, injector)
    result.counts[
        "of those that were broken off before a response and before any trace, the upstream saw"
    ] = sum(
        observation.exchange_id is None
        and observation.deployment in upstream.keys() - delivered - names_dead_lettered
        for observation in load.observations
    )
    result.counts |= {f"faults: {name}": count for name, count in sorted(injector.done.items())}
    return result


def _evidence(bed: TestBed, there: int) -> Evidence:
    """What storage and the Event Hub hold, once `there` exchanges arrived or none comes any
    more.
    """
    with contextlib.suppress(NotProven):  # the comparison reports which are missing
        wait_for(
            lambda: len({event["exchange_id"] for event in bed.events.arrived()}) >= there,
            "all events",
            60,
        )
    return gather(bed, outcomes=False)


def _dead_lettered(evidence: Evidence) -> set[str]:
    return evidence.stored.keys() - evidence.events.keys()


def _deployments(bed: TestBed, exchange_ids: set[str]) -> set[str]:
    """Deployments of these exchanges, as far as their request captures are readable."""
    found: set[str] = set()
    with BlobServiceClient.from_connection_string(bed.stack.storage_connection_string) as blobs:
        captures = blobs.get_container_client("captures")
        for exchange_id in exchange_ids:
            with contextlib.suppress(ResourceNotFoundError, CaptureError):
                beginning = captures.download_blob(
                    capture.request_name(exchange_id), offset=0, length=HEADER_BYTES
                ).readall()
                found.add(str(capture.load_header(beginning).get("deployment")))
    return found


def _judge_report(
    result: ProofResult, report: Report, evidence: Evidence, injector: FaultInjector
) -> None:
    """Check that the report adds up and matches the Event Hub, and that only corrupted captures are
    dead-lettered.
    """
    there, dead_lettered = evidence.events.keys() & evidence.stored.keys(), _dead_lettered(evidence)
    result.check(
        holds=report["captured"]
        == report["delivered"] + report["dead_lettered"]
        == len(evidence.stored),
        sentence=f"the report does not add up: {report}, {len(evidence.stored)} captured",
    )
    result.check(
        holds=report["delivered"] == len(there) and report["dead_lettered"] == len(dead_lettered),
        sentence=f"the report is not what the Event Hub holds: {report}, {len(there)} there, {len(dead_lettered)} not",
    )
    result.check(
        holds=dead_lettered <= injector.corrupted,
        sentence="something is dead-lettered that was not corrupted",
    )


def _judge_traceless(
    result: ProofResult, load: ClientLoad, evidence: Evidence, injector: FaultInjector
) -> None:
    """Check that only exchanges begun shortly before a kill left no trace."""
    traceless = load.exchange_ids - evidence.known
    waited_s = [_until_killed_s(exchange_id, injector.killed_at) for exchange_id in traceless]
    result.check(
        holds=max(waited_s, default=0.0) <= _RECORDING_DELAY_S,
        sentence=f"an exchange left no trace, and no host was killed within {_RECORDING_DELAY_S:g} s of its start",
    )
    result.counts["s from the start of a traceless one that was answered to the kill, at most"] = (
        round(max(waited_s, default=0.0), 1)
    )


def _until_killed_s(exchange_id: str, killed_at: list[float]) -> float:
    """Seconds from the exchange's start to the next kill; infinite if there was none."""
    start = started_at(exchange_id).timestamp()
    return min((at - start for at in killed_at if at >= start), default=math.inf)
