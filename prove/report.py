"""docs/explanation/proof.md: the figures, as they were found."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence

from prove.result import ProofResult

_HEAD = """# Proof that nothing is lost

Written by `make prove`; do not edit. Each part is a fault on the real stack (the app on a Functions host, Azurite, the Event
Hubs emulator, the stand-in for Azure OpenAI), under load, and ends with a comparison of what was asked for with what is on the
Event Hub. Timeouts are short (a second for half a minute). A host that is killed leaves envelopes behind under a lease: on the
embedded host it is one of 15 s and waited for; on func it is one of ten minutes, for which it has no setting, and it is ended
early with the receipt that func was given. What cannot be freed that way is thrown away, and reconcile has to find it.
"""


def document(
    found: Sequence[ProofResult], *, run: str, seed: int, share: float, took_s: float
) -> str:
    """The whole text; `run` begins with the commit."""
    counts = "in full" if share == 1 else f"{share:g} of the full counts"
    commit, python = run.partition(" ")[0][:12], platform.python_version()
    environment = f"Commit {commit}, Python {python}, {os.cpu_count()} CPUs, seed {seed}, {counts}, {took_s / 60:.0f} min."
    parts = [_HEAD, environment, "", *(line for result in found for line in _part(result))]
    return "\n".join(parts) + "\n"


def _part(result: ProofResult) -> list[str]:
    verdict = "Holds." if not result.broken else f"**Does not hold**: {'; '.join(result.broken)}"
    rows = [f"| {name} | {value} |" for name, value in result.counts.items()]
    return [f"## {result.title}", "", verdict, "", "| | |", "|---|---:|", *rows, ""]
