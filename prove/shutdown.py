"""SIGTERM to a host while streams and calls run: all bytes arrive, and few exchanges need
reconcile.
"""

from __future__ import annotations

import random

from harness.chat import Chat
from harness.waiting import poll_until
from local.stack import FunctionsHost
from prove.comparison import check_bodies, compare
from prove.event_rules import Circumstances
from prove.evidence import gather
from prove.observation import ClientObservation
from prove.one_shot import OneShot
from prove.operator_api import RunReport
from prove.result import FaultGroup, Progress, ProofResult
from prove.testbed import TestBed
from prove.upstream_calls import upstream_calls


def shut_down_under_load(
    kind: FunctionsHost, *, streams: int, calls: int, seed: int, progress: Progress
) -> ProofResult:
    """Stop the host while all exchanges run; they end at different moments within 7 s."""
    result = ProofResult(
        title=f"shutdown of the {kind} host",
        group=FaultGroup.SHUTDOWN,
    )
    chats = _chats(streams, calls, random.Random(seed))  # noqa: S311 - repeatable, not secret
    with TestBed(kind, EXCHANGE_TIMEOUT_S="12") as bed:
        running = OneShot(bed.stack, chats)
        poll_until(
            lambda: len(upstream_calls(bed.stack)) == len(chats),
            "all exchanges to be under way",
            within_s=30,
        )
        bed.stack.parts["functions_host"].stop()
        observations = running.join()
        progress(f"{result.title}: it has ended, and so have {len(observations)} exchanges")
        bed.leases.lost = True
        bed.start_host()
        report = bed.operator.reconcile()
        _judge(result, bed, observations, report)
    result.check(
        holds=len(observations) == len(chats),
        sentence=f"{len(chats) - len(observations)} calls were refused",
    )
    result.counts |= {"streams": streams, "non-streaming calls": calls}
    return result


def _chats(streams: int, calls: int, rng: random.Random) -> list[Chat]:
    return [
        Chat(
            stream=True,
            directives=f"chunks=30; chunk_ms={rng.randint(60, 220)}",
            deployment=f"stream-{number}",
        )
        for number in range(streams)
    ] + [
        Chat(directives=f"headers_ms={rng.randint(2000, 7000)}", deployment=f"call-{number}")
        for number in range(calls)
    ]


def _judge(
    result: ProofResult, bed: TestBed, observations: list[ClientObservation], report: RunReport
) -> None:
    upstream = upstream_calls(bed.stack)
    compare(
        result,
        gather(bed),
        observations,
        upstream,
        Circumstances(stopped=True),
        must=[observation.exchange_id for observation in observations if observation.exchange_id],
    )
    touched = check_bodies(result, observations, upstream)
    result.counts |= {
        "responses that arrived complete": len(observations) - len(touched),
        "that needed reconcile (or whose envelopes were deleted)": report["redelivered"]
        + report["aborted"],
        **bed.leases.counts,
    }
