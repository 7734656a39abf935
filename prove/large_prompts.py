"""kill -9 while large prompts are on their way: how many leave no trace."""

from __future__ import annotations

import random
import time
from typing import Final

from harness.chat import PROMPT, Chat
from local.stack import FunctionsHost
from prove.event_rules import Policy, is_partial
from prove.kills import judge_kills
from prove.load import ClientLoad, NewChat
from prove.observation import ClientObservation
from prove.result import FaultGroup, Progress, ProofResult
from prove.testbed import TestBed

SIZES_MB: Final = (2, 9)
_MB: Final = 1024 * 1024


def large_prompts(
    kind: FunctionsHost,
    policy: Policy,
    *,
    kills: int,
    seed: int,
    progress: Progress,
    clients: int = 3,
) -> ProofResult:
    """Kill the host `kills` times, in turns under prompts of either size; reconcile and compare."""
    result = ProofResult(
        title=f"kill -9 under prompts of 2 and 9 MB, {kind} host, CAPTURE_POLICY={policy}",
        group=FaultGroup.KILLED_LARGE,
        policy=policy,
    )
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    observations: list[ClientObservation] = []
    with TestBed(kind, CAPTURE_POLICY=policy, EXCHANGE_TIMEOUT_S="15") as bed:
        for number in range(kills):
            size_mb = SIZES_MB[number % len(SIZES_MB)]
            load = ClientLoad(bed.stack, _prompts(size_mb), clients=clients, seed=seed + number)
            load.start()
            time.sleep(rng.uniform(2, 4))  # a random moment, not a wait for a condition
            bed.kill_host()
            load.stop()
            observations += load.observations
            bed.start_host()
            bed.operator.wait_for_host()
            progress(f"{result.title}: {number + 1} of {kills}, {len(observations)} exchanges")
        report = bed.operator.reconcile()
        judge_kills(result, bed, observations, policy)
        partial = sum(map(is_partial, bed.events.all_events()))
    result.counts |= {
        "kills": kills,
        "events with a part of the prompt": partial,
        "aborted ones redelivered by reconcile": report["aborted"],
        "redelivered by reconcile": report["redelivered"],
    }
    return result


def _prompts(size_mb: int) -> NewChat:
    """Chats with prompts of that size."""
    sentence = f"{PROMPT}. "
    prompt = sentence * (size_mb * _MB // len(sentence))

    def new_chat(rng: random.Random) -> Chat:
        return Chat(
            stream=rng.random() < 0.5,
            prompt=prompt,
            directives=f"chunks=10; chunk_ms={rng.randint(0, 60)}; headers_ms={rng.randint(0, 600)}",
            deployment=f"prove-{size_mb}mb-{rng.getrandbits(64):016x}",
        )

    return new_chat
