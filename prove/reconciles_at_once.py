"""Ten POST /ops/reconcile at the same moment: one run starts, and delivers each exchange once."""

from __future__ import annotations

import threading
import time
from typing import Final

from harness.chat import Chat, new_deployment
from harness.waiting import poll_until
from local.stack import FunctionsHost
from prove.background import in_background
from prove.comparison import compare
from prove.event_rules import Circumstances
from prove.evidence import Evidence, gather
from prove.gate import GateMode
from prove.observation import ClientObservation
from prove.one_shot import OneShot
from prove.result import Progress, ProofResult
from prove.testbed import EXCHANGE_TIMEOUT_S, TestBed
from prove.upstream_calls import upstream_calls

_CALLERS: Final = 10
_JUDGED_AFTER_S: Final = EXCHANGE_TIMEOUT_S + 2  # RECONCILE_GRACE_S is a second here


def reconciles_at_once(
    kind: FunctionsHost, *, rounds: int, exchanges: int, progress: Progress
) -> ProofResult:
    """In each round some exchanges lose their queue messages, and ten callers start reconcile."""
    result = ProofResult(title=f"{_CALLERS} reconciles at once, {kind} host")
    observations: list[ClientObservation] = []
    accepted = 0
    with TestBed(kind) as bed:
        for number in range(rounds):
            observations += _exchanges_without_messages(bed, exchanges)
            statuses = _start_at_once(bed)
            accepted += statuses.count(202)
            result.check(
                holds=sorted(statuses) == [202] + [409] * (_CALLERS - 1),
                sentence=f"round {number + 1} was answered {sorted(statuses)}",
            )
            _wait_for_events(bed, len(observations))
            progress(f"{result.title}: round {number + 1} of {rounds}, {sorted(statuses)}")
        bed.operator.reconcile()
        evidence = gather(bed)
        _judge(result, bed, evidence, observations)
    result.counts |= {
        "rounds": rounds,
        "reconciles requested": rounds * _CALLERS,
        "runs started": accepted,
    }
    return result


def _exchanges_without_messages(bed: TestBed, count: int) -> list[ClientObservation]:
    """Exchanges that only reconcile can deliver; it judges them already."""
    bed.queues.set_mode(GateMode.REFUSE)
    observations = OneShot(
        bed.stack, [Chat(deployment=new_deployment()) for _ in range(count)]
    ).join()
    time.sleep(_JUDGED_AFTER_S)  # the age at which reconcile judges an exchange
    bed.queues.set_mode(GateMode.OPEN)
    return observations


def _wait_for_events(bed: TestBed, count: int) -> None:
    poll_until(
        lambda: len(gather(bed, outcomes=False).events) == count, f"{count} events", within_s=60
    )


def _start_at_once(bed: TestBed) -> list[int]:
    """The statuses of the responses."""
    statuses: list[int] = []
    together = threading.Barrier(_CALLERS)

    def start() -> None:
        together.wait()
        statuses.append(bed.operator.call("POST", "/ops/reconcile")[0])

    threads = [in_background(start, f"caller-{number}") for number in range(_CALLERS)]
    for thread in threads:
        thread.join()
    return statuses


def _judge(
    result: ProofResult, bed: TestBed, evidence: Evidence, observations: list[ClientObservation]
) -> None:
    compare(
        result,
        evidence,
        observations,
        upstream_calls(bed.stack),
        Circumstances(),
        must=[observation.exchange_id for observation in observations if observation.exchange_id],
    )
    repeated = [exchange_id for exchange_id, copies in evidence.events.items() if len(copies) > 1]
    result.check(
        holds=not repeated, sentence=f"{len(repeated)} exchanges were delivered more than once"
    )
