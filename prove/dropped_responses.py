"""Storage carries requests out, and their responses are lost: one kind of request after the other,
then all kinds mixed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from harness.waiting import poll_until
from local.stack import FunctionsHost
from prove import outages
from prove.event_rules import Circumstances, Policy
from prove.evidence import gather
from prove.load import ClientLoad, mixed_chats
from prove.request_faults import KINDS, FaultAction, RequestFault
from prove.result import FaultGroup, Progress, ProofResult
from prove.testbed import TestBed

type Patterns = Sequence[str]

# The dropped messages, and their share. The last step comes last because an envelope that was
# handed out in vain is invisible for as long as its lease.
_LAST: Final = "envelope read"
_STEPS: Final[dict[str, tuple[Patterns, float]]] = {
    **{name: ([pattern], 1.0) for name, pattern in KINDS.items() if name != _LAST},
    "all kinds, mixed": (list(KINDS.values()), 0.3),
    _LAST: ([KINDS[_LAST]], 1.0),
}


def drop_responses(
    kind: FunctionsHost,
    policy: Policy,
    *,
    seconds_each: float,
    seed: int,
    progress: Progress,
    clients: int = 6,
) -> ProofResult:
    """Drop every response to one kind of request for some seconds, then a share of all responses.

    Nothing that storage was sent is missing, so no event may lack anything, and no client may
    notice.
    """
    result = ProofResult(
        title=f"responses of storage dropped, {kind} host, CAPTURE_POLICY={policy}",
        group=FaultGroup.STORAGE,
        policy=policy,
    )
    grace_s = outages.grace_s(seconds_each)
    with TestBed(kind, CAPTURE_POLICY=policy, RECONCILE_GRACE_S=grace_s) as bed:
        bed.leases.lost = True  # dropped responses that hand out envelopes
        load = ClientLoad(bed.stack, mixed_chats(), clients=clients, seed=seed)
        load.start()
        for name, (patterns, share) in _STEPS.items():
            dropped = _drop(bed, seconds_each, patterns, share)
            result.counts[f"dropped responses: {name}"] = dropped
            result.check(holds=dropped > 0, sentence=f"no response was dropped: {name}")
        load.stop()
        progress(f"{result.title}: {len(load.observations)} exchanges, responses arrive again")
        poll_until(
            lambda: load.exchange_ids <= gather(bed, outcomes=False).traced_ids,
            "every exchange to be stored or delivered",
            within_s=60,
        )
        report = bed.operator.reconcile()
        outages.judge(result, bed, load, Circumstances(policy=policy))
    result.counts |= {"redelivered by reconcile": report["redelivered"]}
    return result


def _drop(bed: TestBed, seconds: float, patterns: Patterns, share: float) -> int:
    """The number of responses that were dropped."""
    gates = (bed.blobs, bed.queues)
    faults = [
        RequestFault(pattern=pattern, action=FaultAction.DROP_RESPONSE, share=share)
        for pattern in patterns
    ]
    for gate in gates:
        gate.inject(*faults)
    time.sleep(seconds)  # of load with the fault, not a wait for a condition
    hits = sum(gate.faults.hits for gate in gates)
    for gate in gates:
        gate.inject()
    return hits
