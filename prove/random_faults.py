"""Proof 5: thousands of exchanges under random faults, and a report that adds up exactly."""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import dataclass
from typing import Final

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient

from harness.waiting import ConditionTimeout, poll_until
from local.stack import FunctionsHost
from prove.comparison import UpstreamRecords, compare
from prove.dispositions import dispositions
from prove.event_rules import Circumstances
from prove.evidence import HEADER_BYTES, Evidence, gather
from prove.fault_injector import FaultInjector
from prove.load import ClientLoad, mixed_chats
from prove.operator_api import RunReport
from prove.result import FaultGroup, Progress, ProofResult
from prove.testbed import TestBed
from prove.upstream_calls import upstream_calls
from shared.core.records.exchange import capture
from shared.core.records.exchange.exchange_id import started_at
from shared.errors import CaptureError

# The longest delay of the recording: Azurite answers nothing while it writes its whole index, which
# it does every few seconds.
_RECORDING_DELAY_S: Final = 30.0
_CALM_S: Final = (1.5, 4.0)  # between two faults
_GRACE_S: Final = "45"  # the recorder tries for two thirds of it, which is longer than any fault
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


@dataclass(kw_only=True)
class _Aftermath:
    """The evidence when the load has ended and reconcile has run."""

    load: ClientLoad
    injector: FaultInjector
    report: RunReport
    reconciling_s: float
    evidence: Evidence
    upstream: UpstreamRecords
    dead_lettered: set[str]  # ids and deployments

    @property
    def delivered_ids(self) -> set[str]:
        """Ids and deployments of what is on the Event Hub."""
        return self.evidence.events.keys() | self.evidence.deployments


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
    quick = mixed_chats(streams=0.5, slowest_ms=10, most_chunks=8, headers_ms=20)
    with TestBed(kind, RECONCILE_GRACE_S=_GRACE_S) as bed:
        bed.leases.lost = True  # cut connections
        load = ClientLoad(bed.stack, quick, clients=clients, seed=seed, most=exchanges)
        injector = FaultInjector(bed, seed, calm_s)
        load.start()
        injector.start()
        load.join()
        injector.stop()
        progress(f"{result.title}: calls made, {dict(injector.done)}")
        aftermath = _reconcile(bed, load, injector)
        progress(f"{result.title}: reconciled in {aftermath.reconciling_s:.0f} s")
    _judge(result, aftermath)
    return result


def _reconcile(bed: TestBed, load: ClientLoad, injector: FaultInjector) -> _Aftermath:
    start_s = time.monotonic()
    report = bed.operator.reconcile(within_s=900)
    took_s = time.monotonic() - start_s
    evidence = _evidence(bed, report["delivered"] + report["without_capture"])
    dead_lettered = _dead_lettered(evidence)
    return _Aftermath(
        load=load,
        injector=injector,
        report=report,
        reconciling_s=took_s,
        evidence=evidence,
        upstream=upstream_calls(bed.stack),
        dead_lettered=dead_lettered | _deployments(bed, dead_lettered),
    )


def _judge(result: ProofResult, after: _Aftermath) -> None:
    compare(
        result,
        after.evidence.without(after.dead_lettered),
        after.load.observations,
        after.upstream,
        Circumstances(stopped=True, storage_failed=True),
        traces_elsewhere=after.dead_lettered,
        captured="exchanges captured, less those that are dead-lettered",
    )
    _judge_report(result, after.report, after.evidence, after.injector)
    result.counts |= {text: after.report[name] for name, text in _REPORTED.items()}
    result.counts |= {
        "s of reconciling, all runs": round(after.reconciling_s),
        "captures corrupted": len(after.injector.corrupted),
        **dispositions(
            after.load.observations,
            delivered=after.delivered_ids,
            dead_lettered=after.dead_lettered,
        ),
    }
    _judge_traceless(result, after.load, after.evidence, after.injector)
    _count_unanswered(result, after)
    result.counts |= {
        f"faults: {name}": count for name, count in sorted(after.injector.done.items())
    }


def _count_unanswered(result: ProofResult, after: _Aftermath) -> None:
    traceless = after.upstream.keys() - after.delivered_ids - after.dead_lettered
    result.counts[
        "of those that were broken off before a response and before any trace, the upstream saw"
    ] = sum(
        observation.exchange_id is None and observation.deployment in traceless
        for observation in after.load.observations
    )


def _evidence(bed: TestBed, there: int) -> Evidence:
    """The content of storage and the Event Hub, once `there` exchanges arrived or none comes any
    more.
    """
    with contextlib.suppress(ConditionTimeout):  # the comparison reports which are missing
        poll_until(
            lambda: len({event["exchange_id"] for event in bed.events.all_events()}) >= there,
            "all events",
            within_s=60,
        )
    return gather(bed, outcomes=False)


def _dead_lettered(evidence: Evidence) -> set[str]:
    return evidence.stored.keys() - evidence.events.keys()


def _deployments(bed: TestBed, exchange_ids: set[str]) -> set[str]:
    """Deployments of these exchanges, as far as their request captures are readable."""
    deployments: set[str] = set()
    with BlobServiceClient.from_connection_string(bed.stack.storage_connection_string) as blobs:
        captures = blobs.get_container_client("captures")
        for exchange_id in exchange_ids:
            with contextlib.suppress(ResourceNotFoundError, CaptureError):
                beginning = captures.download_blob(
                    capture.request_name(exchange_id), offset=0, length=HEADER_BYTES
                ).readall()
                deployments.add(str(capture.load_header(beginning).get("deployment")))
    return deployments


def _judge_report(
    result: ProofResult, report: RunReport, evidence: Evidence, injector: FaultInjector
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
    traceless = load.exchange_ids - evidence.traced_ids
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
