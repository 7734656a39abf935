"""Storage is down, exchanges end meanwhile, and the host is stopped with SIGTERM before storage is
back: what no store has must be in the log.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from harness.chat import PROMPT, Chat, new_deployment
from harness.waiting import poll_until
from local.stack import FunctionsHost
from prove.comparison import compare
from prove.event_rules import Circumstances, ExchangeView, Policy, allowed_outcomes
from prove.evidence import gather
from prove.gate import GateMode
from prove.observation import ClientObservation
from prove.one_shot import OneShot
from prove.result import FaultGroup, Progress, ProofResult
from prove.testbed import TestBed
from prove.upstream_calls import upstream_calls

type Envelopes = Mapping[str, dict[str, Any]]  # by deployment

_LOGGED: Final = " Its envelope: "
_LOGGED_WITHIN_S: Final = 30
# Ends of all kinds: whole responses, an upstream's refusal, no response at all. The first half are
# under way when the outage begins.
_LONG: Final = ("chunks=20; chunk_ms=100", "headers_ms=2000")
_SHORT: Final = ("chunks=5; chunk_ms=20", "headers_ms=50", "status=429", "reset_before_headers")


def stopped_in_outage(
    kind: FunctionsHost, policy: Policy, *, calls: int, progress: Progress
) -> ProofResult:
    """Stop the host while storage refuses everything, then let both come back and reconcile."""
    result = ProofResult(
        title=f"SIGTERM in an outage, {kind} host, CAPTURE_POLICY={policy}",
        group=FaultGroup.STOPPED_IN_OUTAGE,
        policy=policy,
    )
    with TestBed(kind, CAPTURE_POLICY=policy, RECONCILE_GRACE_S="20") as bed:
        observations = _end_in_outage(bed, calls)
        ended_at = time.monotonic()
        deployments = {observation.deployment for observation in observations}
        poll_until(
            lambda: deployments <= _logged_envelopes(bed).keys(),
            "the log to have all envelopes",
            within_s=_LOGGED_WITHIN_S,
        )
        logged_s = time.monotonic() - ended_at
        bed.stack.parts["functions_host"].stop()
        progress(f"{result.title}: {len(observations)} exchanges, stopped")
        bed.leases.lost = True
        _set_mode(bed, GateMode.OPEN)
        bed.start_host()
        report = bed.operator.reconcile()
        _judge(result, bed, observations, policy)
    result.counts |= {
        "s from the last response until the log had all envelopes": round(logged_s, 1),
        "aborted ones redelivered by reconcile": report["aborted"],
        "redelivered by reconcile": report["redelivered"],
    }
    return result


def _end_in_outage(bed: TestBed, calls: int) -> list[ClientObservation]:
    """Exchanges that end while storage refuses; it still does afterwards."""
    under_way = OneShot(bed.stack, _chats(calls, _LONG))
    poll_until(lambda: len(upstream_calls(bed.stack)) == calls, "calls under way", within_s=30)
    poll_until(
        lambda: len(gather(bed, outcomes=False).stored) == calls,
        "their requests' captures",
        within_s=30,
    )
    _set_mode(bed, GateMode.REFUSE)
    short_ones = OneShot(bed.stack, _chats(calls, _SHORT))
    return under_way.join() + short_ones.join()


def _chats(count: int, directives: Sequence[str]) -> list[Chat]:
    return [
        Chat(
            stream=number % 2 == 0,
            directives=directives[number % len(directives)],
            deployment=new_deployment(),
        )
        for number in range(count)
    ]


def _set_mode(bed: TestBed, mode: GateMode) -> None:
    for gate in (bed.blobs, bed.queues):
        gate.set_mode(mode)


def _logged_envelopes(bed: TestBed) -> Envelopes:
    """The envelopes that the host's output holds."""
    texts = [
        line.partition(_LOGGED)[2]
        for line in bed.stack.parts["functions_host"].output().splitlines()
        if _LOGGED in line
    ]
    # The host may add to the line.
    envelopes = [json.JSONDecoder().raw_decode(text)[0] for text in texts]
    return {envelope["deployment"]: envelope for envelope in envelopes}


def _judge(
    result: ProofResult, bed: TestBed, observations: list[ClientObservation], policy: Policy
) -> None:
    evidence, upstream, logged = gather(bed), upstream_calls(bed.stack), _logged_envelopes(bed)
    circumstances = Circumstances(policy=policy, stopped=True, storage_failed=True)
    compare(result, evidence, observations, upstream, circumstances, traces_elsewhere=logged.keys())
    result.check(
        holds=not result.counts["of those without any trace"],
        sentence="an exchange is neither in storage nor on the Event Hub nor in the log",
    )
    result.counts |= {
        "envelopes in the log": len(logged),
        "exchanges that only the log has": len(logged.keys() - evidence.deployments),
    }
    before_the_stop = replace(circumstances, stopped=False)
    wrong = [
        f"{logged[observation.deployment]['outcome']} of {observation.chat.directives}"
        for observation in observations
        if logged[observation.deployment]["outcome"]
        not in allowed_outcomes(
            ExchangeView(client=observation, upstream=upstream.get(observation.deployment)),
            before_the_stop,
        )
    ]
    result.check(
        holds=not wrong, sentence=f"{len(wrong)} envelopes in the log are wrong: {wrong[:5]}"
    )
    result.check(
        holds=PROMPT not in bed.stack.parts["functions_host"].output(),
        sentence="the log holds a prompt",
    )
