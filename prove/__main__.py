"""`python -m prove`, which `make prove` calls: all proofs with their full counts, and the figures
in docs/explanation/proof.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from local.stack import FunctionsHost, StackError
from prove import report
from prove.azurite_killed import azurite_killed
from prove.kills import Policy, kill_at_random_moments
from prove.memory import window_memory
from prove.outages import FAULTS, event_hub_down, storage_down
from prove.policies import policies
from prove.queue_faults import unruly_queue
from prove.random_faults import random_faults
from prove.replays import replay_through_a_kill
from prove.result import NotProven, ProofResult
from prove.resumable_run import ResumableRun
from prove.shutdown import shut_down_under_load

type Progress = Callable[[str], None]
type Proof = Callable[
    [float, int, Progress], ProofResult
]  # share of the full counts, seed, progress

_HOSTS: Final[tuple[FunctionsHost, ...]] = ("embedded", "func")


def _kills(host: FunctionsHost, policy: Policy, kills: int) -> Proof:
    return lambda share, seed, progress: kill_at_random_moments(
        host, policy, kills=_part(kills, share), seed=seed, progress=progress
    )


def _storage(fault: str) -> Proof:
    return lambda share, seed, progress: storage_down(
        "embedded", fault, down_s=max(3, 8 * share), seed=seed, progress=progress
    )


def _part(count: int, share: float) -> int:
    return max(1, round(count * share))


PROOFS: Final[dict[str, Proof]] = {
    "kill-embedded-best-effort": _kills("embedded", "best_effort", 15),
    "kill-embedded-required": _kills("embedded", "required", 15),
    "kill-func-best-effort": _kills("func", "best_effort", 10),
    "kill-func-required": _kills("func", "required", 10),
    "event-hub": lambda share, seed, progress: event_hub_down(
        "embedded", down_s=60 * share, seed=seed, progress=progress
    ),
    **{fault.lower().replace(" ", "-"): _storage(fault) for fault in FAULTS},
    "azurite-killed": lambda share, seed, progress: azurite_killed(
        "embedded", down_s=max(3, 8 * share), seed=seed, progress=progress
    ),
    "queue": lambda share, seed, progress: unruly_queue(
        "embedded", exchanges=_part(100, share), seed=seed, progress=progress
    ),
    "random-faults": lambda share, seed, progress: random_faults(
        "embedded", exchanges=_part(10_000, share), seed=seed, progress=progress
    ),
    **{
        f"shutdown-{host}": lambda share, seed, progress, host=host: shut_down_under_load(  # type: ignore[misc]
            host, streams=_part(50, share), calls=_part(20, share), seed=seed, progress=progress
        )
        for host in _HOSTS
    },
    **{
        f"replay-{host}": lambda share, seed, progress, host=host: replay_through_a_kill(  # type: ignore[misc]
            host, exchanges=_part(50, share), seed=seed, progress=progress
        )
        for host in _HOSTS
    },
    "policies": lambda share, seed, progress: policies(
        "embedded", exchanges=_part(600, share), rounds=6, seed=seed, progress=progress
    ),
    "memory": lambda share, _, progress: window_memory(
        exchanges=_part(1000, share) * 1000, progress=progress
    ),
}


def main() -> int:
    """0; 1 where something does not hold."""
    options = _options()
    run = ResumableRun.of(options)
    started = time.monotonic() - run.took_s

    def progress(step: str) -> None:
        print(f"{time.monotonic() - started:6.1f} s  {step}", file=sys.stderr, flush=True)

    for name in options.only or PROOFS:
        if name in run.found:
            continue
        run.found[name] = _prove(name, options.share, options.seed, progress)
        progress(f"{name}: {'; '.join(run.found[name].broken) or 'holds'}")
        run.took_s = time.monotonic() - started
        run.save(options.resume)
        _write(options, run)
    _write(options, run)
    return any(result.broken for result in run.found.values())


def _write(options: argparse.Namespace, run: ResumableRun) -> None:
    found = [run.found[each] for each in PROOFS if each in run.found]
    text = report.document(
        found, run=run.run, seed=options.seed, share=options.share, took_s=run.took_s
    )
    options.write.write_text(text)


def _prove(name: str, share: float, seed: int, progress: Progress) -> ProofResult:
    try:
        return PROOFS[name](share, seed, progress)
    except (NotProven, StackError) as error:
        return ProofResult(title=name, broken=[str(error)[:500]])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m prove", description="Proves that nothing is lost, by losing everything."
    )
    parser.add_argument("--seed", type=int, default=1, help="of moments, paces and faults")
    parser.add_argument("--share", type=float, default=1.0, help="of the full counts")
    parser.add_argument(
        "--only", action="append", choices=sorted(PROOFS), help="one proof; may be repeated"
    )
    parser.add_argument(
        "--resume",
        type=Path,
        metavar="FILE",
        help="go on with what this file holds of an earlier run",
    )
    parser.add_argument(
        "--write", type=Path, default=Path("docs/explanation/proof.md"), help="where the figures go"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
