"""SIGTERM to a host while streams and calls run: all bytes arrive, and few exchanges need
reconcile.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

from harness.chat import Chat
from local.stack import FunctionsHost
from prove.comparison import compare, gather
from prove.load import ClientObservation, send
from prove.result import ProofResult
from prove.testbed import TestBed, in_background, upstream_digests, wait_for

type Progress = Callable[[str], None]


def shut_down_under_load(
    kind: FunctionsHost, *, streams: int, calls: int, seed: int, progress: Progress
) -> ProofResult:
    """Stop the host while all exchanges run; they end at different moments within 7 s."""
    result = ProofResult(title=f"shutdown of the {kind} host")
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    chats = [
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
    observations: list[ClientObservation | None] = []
    lock = threading.Lock()
    with TestBed(kind, EXCHANGE_TIMEOUT_S="12") as bed:

        def run(chat: Chat) -> None:
            got = send(bed.stack, chat)
            with lock:
                observations.append(got)

        threads = [in_background(lambda chat=chat: run(chat), chat.deployment) for chat in chats]  # type: ignore[misc]
        wait_for(
            lambda: len(upstream_digests(bed)) == len(chats), "all exchanges to be under way", 30
        )
        bed.stack.parts["functions_host"].stop()
        for thread in threads:
            thread.join()
        progress(f"{result.title}: it has ended, and so have {len(observations)} exchanges")
        got = [observation for observation in observations if observation is not None]
        answered = upstream_digests(bed)
        bed.leases_lost = True
        bed.start_host()
        report = bed.reconciled()
        evidence = gather(bed)
    compare(result, evidence, got, must=[seen.exchange_id for seen in got if seen.exchange_id])
    broken = [
        seen.deployment
        for seen in got
        if not seen.whole or seen.body_sha256 != answered[seen.deployment]
    ]
    result.check(
        holds=not broken and len(got) == len(chats),
        sentence=f"{len(broken)} responses did not arrive complete: {broken[:3]}",
    )
    result.counts |= {
        "streams": streams,
        "non-streaming calls": calls,
        "responses that arrived complete": len(got) - len(broken),
        "that needed reconcile (or whose envelopes were deleted)": report["redelivered"]
        + report["aborted"],
        "envelopes whose lease was ended early": bed.released,
        "envelopes deleted with their leases": bed.cleared,
    }
    return result
