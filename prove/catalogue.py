"""All proofs by name: what each one does, how long it takes in full, and how to run it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from local.stack import FunctionsHost
from prove.azurite_killed import azurite_killed
from prove.dropped_responses import drop_responses
from prove.empty_responses import empty_responses
from prove.event_rules import Policy
from prove.hostile.proof import hostile
from prove.kills import kill_at_random_moments
from prove.large_prompts import large_prompts
from prove.memory import window_memory
from prove.outages import FAULTS, event_hub_down, storage_down
from prove.planted.proof import run_planted
from prove.policies import policies
from prove.queue_faults import unruly_queue
from prove.random_faults import random_faults
from prove.reconciles_at_once import reconciles_at_once
from prove.replays import replay_through_a_kill
from prove.result import Progress, ProofResult
from prove.shutdown import shut_down_under_load
from prove.stopped_in_outage import stopped_in_outage


@dataclass(frozen=True, kw_only=True)
class Proof:
    """A proof that `python -m prove` can run."""

    about: str  # what it does, in a line
    minutes: float  # in full, about, on two quiet cores
    run: Callable[[float, int, Progress], ProofResult]  # share of the full counts, seed, progress


def _kills(host: FunctionsHost, policy: Policy, kills: int, minutes: float) -> Proof:
    return Proof(
        about=f"kills the {host} host {kills} times under load, CAPTURE_POLICY={policy}",
        minutes=minutes,
        run=lambda share, seed, progress: kill_at_random_moments(
            host, policy, kills=_part(kills, share), seed=seed, progress=progress
        ),
    )


def _storage(fault: str, down_s: int, policy: Policy = "best_effort") -> Proof:
    # Reconcile judges an exchange three times as long after its beginning as the fault lasts.
    return Proof(
        about=f"{fault} for {down_s} s under load, CAPTURE_POLICY={policy}",
        minutes=round((20 + 2 * down_s) / 60, 1),
        run=lambda share, seed, progress: storage_down(
            "embedded",
            fault,
            policy=policy,
            down_s=max(3, down_s * share),
            seed=seed,
            progress=progress,
        ),
    )


def _dropped_responses(policy: Policy) -> Proof:
    return Proof(
        about=f"carries storage's requests out and drops the responses, CAPTURE_POLICY={policy}",
        minutes=0.8,
        run=lambda share, seed, progress: drop_responses(
            "embedded", policy, seconds_each=max(1.5, 2.5 * share), seed=seed, progress=progress
        ),
    )


def _stop_in_outage(policy: Policy) -> Proof:
    return Proof(
        about=f"SIGTERM while storage is down, CAPTURE_POLICY={policy}",
        minutes=0.7,
        run=lambda share, _seed, progress: stopped_in_outage(
            "embedded", policy, calls=max(4, _part(20, share)), progress=progress
        ),
    )


def _large(policy: Policy) -> Proof:
    return Proof(
        about=f"kills the embedded host 6 times under prompts of 2 and 9 MB, CAPTURE_POLICY={policy}",
        minutes=1,
        run=lambda share, seed, progress: large_prompts(
            "embedded", policy, kills=max(2, _part(6, share)), seed=seed, progress=progress
        ),
    )


def _empty(policy: Policy) -> Proof:
    return Proof(
        about=f"responses without a body, CAPTURE_POLICY={policy}",
        minutes=0.2,
        run=lambda share, _seed, progress: empty_responses(
            "embedded", policy, repetitions=_part(5, share), progress=progress
        ),
    )


def _concurrent_reconciles(host: FunctionsHost, rounds: int) -> Proof:
    return Proof(
        about=f"starts ten reconciles at once on the {host} host, {rounds} times",
        minutes=0.3 * rounds,
        run=lambda share, _seed, progress: reconciles_at_once(
            host, rounds=_part(rounds, share), exchanges=20, progress=progress
        ),
    )


def _shutdown(host: FunctionsHost) -> Proof:
    return Proof(
        about=f"SIGTERM to the {host} host while 50 streams and 20 calls run",
        minutes=0.5,
        run=lambda share, seed, progress: shut_down_under_load(
            host, streams=_part(50, share), calls=_part(20, share), seed=seed, progress=progress
        ),
    )


def _replay(host: FunctionsHost) -> Proof:
    return Proof(
        about=f"kills the {host} host while it replays 50 exchanges",
        minutes=0.5 if host == "embedded" else 1.5,
        run=lambda share, seed, progress: replay_through_a_kill(
            host, exchanges=_part(50, share), seed=seed, progress=progress
        ),
    )


def _hostile(host: FunctionsHost) -> Proof:
    return Proof(
        about=f"attacks the {host} host from both sides, and measures what a bystander sees",
        minutes=3.5,
        run=lambda share, _seed, progress: hostile(
            host, seconds=max(1, 8 * share), scale=share, progress=progress
        ),
    )


def _planted_secrets(host: FunctionsHost) -> Proof:
    return Proof(
        about=f"plants secrets in everything that goes through the {host} host, and looks for them",
        minutes=3,
        run=lambda _share, _seed, progress: run_planted(host, progress=progress),
    )


def _proof_name(fault: str) -> str:
    return fault.lower().replace(" ", "-")


def _part(count: int, share: float) -> int:
    return max(1, round(count * share))


PROOFS: Final[dict[str, Proof]] = {
    "kill-embedded-best-effort": _kills("embedded", "best_effort", 15, 1),
    "kill-embedded-required": _kills("embedded", "required", 15, 1),
    "kill-func-best-effort": _kills("func", "best_effort", 7, 1.5),
    "kill-func-required": _kills("func", "required", 7, 1.5),
    "event-hub": Proof(
        about="takes the Event Hub away for 40 s",
        minutes=1,
        run=lambda share, seed, progress: event_hub_down(
            "embedded", down_s=40 * share, seed=seed, progress=progress
        ),
    ),
    **{_proof_name(fault): _storage(fault, 8) for fault in FAULTS if not fault.startswith("both")},
    "both-refuse": _storage("both refuse", 30),
    "both-refuse-required": _storage("both refuse", 10, "required"),
    "both-stall": _storage("both stall", 30),
    "both-stall-required": _storage("both stall", 10, "required"),
    "responses-dropped-best-effort": _dropped_responses("best_effort"),
    "responses-dropped-required": _dropped_responses("required"),
    "stopped-in-outage-best-effort": _stop_in_outage("best_effort"),
    "stopped-in-outage-required": _stop_in_outage("required"),
    "large-prompts-best-effort": _large("best_effort"),
    "large-prompts-required": _large("required"),
    "empty-responses-best-effort": _empty("best_effort"),
    "empty-responses-required": _empty("required"),
    "reconciles-at-once-embedded": _concurrent_reconciles("embedded", 4),
    "reconciles-at-once-func": _concurrent_reconciles("func", 2),
    "azurite-killed": Proof(
        about="kills Azurite under load, which forgets what it wrote last",
        minutes=1,
        run=lambda share, seed, progress: azurite_killed(
            "embedded", down_s=max(3, 8 * share), seed=seed, progress=progress
        ),
    ),
    "queue": Proof(
        about="repeats and shuffles 100 envelopes, and puts garbage among them",
        minutes=0.5,
        run=lambda share, seed, progress: unruly_queue(
            "embedded", exchanges=_part(100, share), seed=seed, progress=progress
        ),
    ),
    "random-faults": Proof(
        about="6,000 exchanges while a random fault follows the other; the report adds up exactly",
        minutes=2.5,
        run=lambda share, seed, progress: random_faults(
            "embedded", exchanges=_part(6_000, share), seed=seed, progress=progress
        ),
    ),
    "shutdown-embedded": _shutdown("embedded"),
    "shutdown-func": _shutdown("func"),
    "replay-embedded": _replay("embedded"),
    "replay-func": _replay("func"),
    "hostile-embedded": _hostile("embedded"),
    "hostile-func": _hostile("func"),
    "planted-embedded": _planted_secrets("embedded"),
    "planted-func": _planted_secrets("func"),
    "policies": Proof(
        about="measures what CAPTURE_POLICY=required costs and what best_effort risks",
        minutes=1,
        run=lambda share, seed, progress: policies(
            "embedded", exchanges=_part(600, share), rounds=6, seed=seed, progress=progress
        ),
    ),
    "memory": Proof(
        about="reconciles a window of a million exchanges and measures the memory",
        minutes=0.5,
        run=lambda share, _seed, progress: window_memory(
            exchanges=_part(1000, share) * 1000, progress=progress
        ),
    ),
}


def listing() -> str:
    """A line for each proof: name, minutes, what it does."""
    lines = [f"{name:<31}{proof.minutes:>4g} min  {proof.about}" for name, proof in PROOFS.items()]
    total = sum(proof.minutes for proof in PROOFS.values())
    return "\n".join([*lines, f"{'all of them':<31}{total:>4g} min"])
