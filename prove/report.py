"""docs/explanation/proof.md: one screen with the claims of the proofs and their results, then all
results as measured.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from typing import Final

from prove.result import ProofResult

_POLICY: Final = "CAPTURE_POLICY="
# Names of counts, as the proofs write them. A name may go on after what stands here.
_CALLS: Final = "exchanges that clients began"
_DELIVERED: Final = "exchanges on the Event Hub"
_UNDELIVERED: Final = "captured and not on the Event Hub"
_DEAD_LETTERED: Final = ("dead-lettered", "begun, and dead-lettered")
_UPSTREAM: Final = "exchanges that the upstream saw"
_TRACELESS: Final = "of those without any trace"
_TRACELESS_ANSWERED: Final = "begun, answered, and without any trace"
_EXPOSURE: Final = "`best_effort`: ms without a trace since the client sent its request"
_COSTS: Final = {
    "the first byte": "`required` adds to the first byte, ms at p50",
    "the last byte of a stream": "`required` adds to the last byte of a stream, ms at p50",
    "the last byte of a plain answer": "`required` adds to the last byte of a plain answer, ms at p50",
}

_CLAIM: Final = """# What can be lost, and what was

*Written by `make prove`; do not edit.*

**Claim.** An exchange that was captured reaches the Event Hub at least once, with the right
outcome, or becomes a dead letter with a reason: whatever is killed, cut off or overloaded. An
exchange that was never captured is lost. When that can happen depends on `CAPTURE_POLICY`:

| `CAPTURE_POLICY` | what a killed instance loses | found |
|---|---|---|
"""
_LIMITS: Final = """
**Limits.** One machine; Azurite, an Event Hubs emulator and a stand-in for Azure OpenAI in place of
Azure; one instance of the app. No proof stops an instance while queue *and* blobs are down: its
exchanges are lost then with `best_effort`, unless their envelopes are in the log already
([delivery guarantees](delivery.md)).

**Repeat it:** `make prove` runs all of it; `.venv/bin/python -m prove --list` names the proofs, and
`--only NAME --share 0.1 --write FILE` runs a part. `func` must be on `PATH` for half of them.

**How it is done.** Each part is a fault on the real stack (the app on a Functions host, Azurite,
the emulator, the stand-in), under load. It ends with a comparison of the calls that clients made
with the events on the Event Hub. Timeouts are short (a second for half a minute). A host that is
killed leaves envelopes under a lease. The embedded host's lease is 15 s, and the proof waits for
it. func's lease is ten minutes and has no setting; the proof ends it early with the receipt that
func got. An envelope whose receipt is unknown is deleted, and reconcile has to find its exchange.
"""
_LEGEND: Final = """
| word in the tables | meaning |
|---|---|
| exchanges that clients began | calls that clients made, also those that broke off before anything was captured |
| captured | at least one capture is stored. Where a proof destroys captures, the row says so |
| captured and not on the Event Hub | the loss that fnsse must never have |
| aborted | the instance was killed during the exchange; its event holds the prompt |
| without any trace | the upstream, or the client, saw the exchange, and neither a capture nor an event of it exists |
| delivered without a capture | the event is there without its content: storage was down. The ledger may miss some |
| duplicates | further events of an exchange. "Sent before their ledger entry": delivery is at least once |
| redelivered by reconcile | found missing, and queued again |
| - | the proof does not count this |
"""


def document(
    results: Sequence[ProofResult], *, run: str, seed: int, share: float, took_s: float
) -> str:
    """The whole document; `run` begins with the commit."""
    counts = "in full" if share == 1 else f"{share:g} of the full counts"
    commit, python = run.partition(" ")[0][:12], platform.python_version()
    environment = (
        f"**Measured** at commit {commit}, Python {python}, {os.cpu_count()} CPUs, seed {seed}, "
        f"{counts}, {took_s / 60:.0f} min."
    )
    parts = [
        _CLAIM + "\n".join(_policies(results)),
        *_costs(results),
        "",
        environment,
        _LIMITS,
        "## Every fault at a glance",
        "",
        *_glance(results),
        "",
        "## Legend",
        _LEGEND,
        "# The figures",
        "",
        *(line for result in results for line in _part(result)),
    ]
    return "\n".join(parts).rstrip("\n") + "\n"


def _policies(results: Sequence[ProofResult]) -> list[str]:
    """A row for each policy: what was lost in the proofs that count it."""
    lost: dict[str, list[str]] = {"best_effort": [], "required": []}
    for result in results:
        _, _, policy = result.title.partition(_POLICY)
        traceless = _count(result, _TRACELESS)
        if policy and traceless != "-":
            lost[policy].append(f"{traceless} of {_count(result, _UPSTREAM)}")
        answered = _count(result, _TRACELESS_ANSWERED)
        if answered != "-":
            lost["best_effort"].append(f"{answered} of {_count(result, _CALLS)}")
    return [
        "| `best_effort` (default) | exchanges of its last moments, before their request was stored; "
        f"more while storage cannot keep up | {_listed(lost['best_effort'])} |",
        f"| `required` | nothing that went upstream | {_listed(lost['required'])} |",
    ]


def _costs(results: Sequence[ProofResult]) -> list[str]:
    """How long an exchange is without a trace, and what `required` costs."""
    for result in results:
        if any(name in result.counts for name in _COSTS.values()):
            costs = [f"{result.counts.get(cost, '-')} ms to {to}" for to, cost in _COSTS.items()]
            return [
                "",
                "With `best_effort` an exchange is without a trace for its first "
                f"{_count(result, _EXPOSURE)} ms",
                f"(p50, p99, most). `required` adds at p50 {costs[0]},",
                f"{' and '.join(costs[1:])}.",
            ]
    return []


def _listed(counts: list[str]) -> str:
    return f"{', '.join(counts)} exchanges without any trace" if counts else "not measured"


def _glance(results: Sequence[ProofResult]) -> list[str]:
    rows = [
        f"| {result.title} | {'**no**' if result.broken else 'yes'} | {_count(result, _CALLS)} "
        f"| {_count(result, _DELIVERED)} | {_count(result, _UNDELIVERED)} "
        f"| {_count(result, *_DEAD_LETTERED)} | {_count(result, _TRACELESS, _TRACELESS_ANSWERED)} |"
        for result in results
        if _CALLS in result.counts or result.broken
    ]
    return [
        "| fault | claim holds | calls | on the Event Hub | captured, not delivered | dead letters | without any trace |",
        "|---|---|---:|---:|---:|---:|---:|",
        *rows,
    ]


def _count(result: ProofResult, *beginnings: str) -> str:
    """The first count whose name has one of these beginnings; `-` if the proof has none."""
    for name, value in result.counts.items():
        if name.startswith(beginnings):
            return str(value)
    return "-"


def _part(result: ProofResult) -> list[str]:
    broken = [f"**The claim does not hold**: {'; '.join(result.broken)}", ""]
    rows = [f"| {name} | {value} |" for name, value in result.counts.items()]
    return [
        f"## {result.title}",
        "",
        *(broken if result.broken else []),
        "| | |",
        "|---|---:|",
        *rows,
        "",
    ]
