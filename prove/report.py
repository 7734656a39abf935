"""docs/explanation/proof.md: the results as they were measured."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence

from prove.result import ProofResult

_HEAD = """# Proof that nothing is lost

Written by `make prove`; do not edit. Each part is a fault on the real stack (the app on a Functions host, Azurite, the
Event Hubs emulator, the stand-in for Azure OpenAI), under load, and ends with a comparison of the calls that clients made
with the events on the Event Hub. Timeouts are short (a second for half a minute). A host that is killed leaves envelopes
under a lease. The embedded host's lease is 15 s, and the proof waits for it. func's lease is ten minutes and has no
setting; the proof ends it early with the receipt that func got. An envelope whose receipt is unknown is deleted, and
reconcile has to find its exchange.
"""


def document(
    found: Sequence[ProofResult], *, run: str, seed: int, share: float, took_s: float
) -> str:
    """The whole document; `run` begins with the commit."""
    counts = "in full" if share == 1 else f"{share:g} of the full counts"
    commit, python = run.partition(" ")[0][:12], platform.python_version()
    environment = f"Commit {commit}, Python {python}, {os.cpu_count()} CPUs, seed {seed}, {counts}, {took_s / 60:.0f} min."
    parts = [_HEAD, environment, "", *(line for result in found for line in _part(result))]
    return "\n".join(parts) + "\n"


def _part(result: ProofResult) -> list[str]:
    verdict = "Holds." if not result.broken else f"**Does not hold**: {'; '.join(result.broken)}"
    rows = [f"| {name} | {value} |" for name, value in result.counts.items()]
    return [f"## {result.title}", "", verdict, "", "| | |", "|---|---:|", *rows, ""]
