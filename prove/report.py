"""docs/explanation/proof.md: one screen with the claims of the proofs and their results, then all
results as measured.
"""

from __future__ import annotations

import os
import platform
import textwrap
from collections.abc import Iterable, Sequence
from typing import Final

from prove.result import FaultGroup, ProofResult

# Names of counts, as the proofs write them. A name may go on after what stands here.
_CALLS: Final = "exchanges that clients began"
_DELIVERED: Final = "exchanges on the Event Hub"
_UNDELIVERED: Final = "captured and not on the Event Hub"
_COMPARED: Final = "events compared"
_WRONG: Final = "of those wrong"
_DEAD_LETTERED: Final = ("dead-lettered", "started, and dead-lettered")
_UPSTREAM: Final = "exchanges that the upstream saw"
_TRACELESS: Final = "of those without any trace"
_EXPOSURE: Final = "`best_effort`: ms without a trace since the client sent its request"
_LOGGED_AFTER: Final = "s from the last response until the log had all envelopes"
_COSTS: Final = {
    "the first byte": "`required` adds to the first byte, ms at p50",
    "the last byte of a stream": "`required` adds to the last byte of a stream, ms at p50",
    "the last byte of a plain response": "`required` adds to the last byte of a plain response, ms at p50",
}
_POLICIES: Final = ("best_effort", "required")

_CLAIM: Final = """# What can be lost, and what was

*Written by `make prove`; do not edit.*

**Claim.** A captured exchange reaches the Event Hub at least once, and all its events say what
happened; or it becomes a dead letter with a reason. An exchange is lost if its instance dies before
it leaves a trace. `CAPTURE_POLICY` decides whether that can happen:

* `best_effort` (default) can lose exchanges of a killed instance's last moments, whose request was
  not stored yet; and, if queue *and* blobs are down, exchanges that are not in the log either
* `required` loses nothing that went upstream
"""
_COLUMNS: Final = 100
_LIMITS: Final = """
| word | meaning |
|---|---|
| without any trace | The upstream saw the exchange, and no capture, event, dead letter or line of the log has it |
| wrong event | It contradicts its client, the upstream, storage, or an earlier event of the same exchange |
| aborted | The outcome of an exchange whose instance was killed: its event has the prompt and no answer |

**Limits.** One machine, one instance of the app; Azurite, an Event Hubs emulator and a stand-in for
Azure OpenAI instead of Azure. If no store takes an envelope, the log gets it as soon as storage has
refused it, or after 5 s of silence. No proof stops an instance before that; with `best_effort` that
would lose the exchange.

**Repeat it:** `make prove` runs all proofs and writes this page. `.venv/bin/python -m prove --list`
names the proofs; `--only NAME --share 0.1` runs one of them, shortened. `func` must be on `PATH`.
"""
_METHOD: Final = """
## How it is done
Each proof injects faults into the real stack (the app on a Functions host, Azurite, the emulator,
the stand-in) under load. Then it runs reconcile, and compares every event with the bytes that the
client sent and got, with those that the upstream received and sent, and with storage. A proxy
between the app and Azurite refuses or holds connections, and drops single responses.

Time-outs are shortened: a second instead of half a minute. A killed host leaves envelopes under a
lease. The embedded host's lease is 15 s, and the proof waits for it. func's lease is ten minutes
and has no setting; the proof ends it early with the receipt that func got. An envelope whose
receipt is unknown is deleted, and reconcile has to find its exchange.

All events of an exchange must agree. `aborted` may stand beside the true outcome only if storage
lost a capture that it had acknowledged: Azurite does when it is killed, Azure Storage does not.
"""
_MORE_WORDS: Final = """
| word in the tables | meaning |
|---|---|
| exchanges that clients began | Calls of clients, also those that broke off before anything was captured |
| captured | At least one capture is stored. If a proof destroys captures, the row says so |
| captured and not on the Event Hub | A loss that must never happen |
| delivered without a capture | The event lacks content, because storage was down. The ledger may miss some |
| duplicates | Further events of an exchange. "Sent before their ledger entry": delivery is at least once |
| redelivered by reconcile | Found missing, and queued again |
| - | The proof does not count this |
"""


def document(
    results: Sequence[ProofResult], *, run: str, seed: int, share: float, took_s: float
) -> str:
    """The whole document; `run` begins with the commit."""
    parts = [
        _CLAIM,
        *_losses(results),
        *_costs(results),
        *_logged_after(results),
        "",
        _verdict(results),
        "",
        _environment(run, seed, share, took_s),
        _LIMITS,
        "## Every proof at a glance",
        "",
        *_glance(results),
        _MORE_WORDS + _METHOD,
        *figures(results),
    ]
    lines = "\n".join(parts).rstrip("\n").split("\n")
    return "\n".join(map(_wrap, lines)) + "\n"


def _wrap(line: str) -> str:
    """The line, in several if it is prose and long."""
    if len(line) <= _COLUMNS or line.startswith("|"):
        return line
    return textwrap.fill(line, _COLUMNS, break_long_words=False, break_on_hyphens=False)


def figures(results: Sequence[ProofResult]) -> list[str]:
    """The lines of the raw tables."""
    return ["# The figures", "", *(line for result in results for line in _part(result))]


def _verdict(results: Sequence[ProofResult]) -> str:
    broken = [result.title for result in results if result.broken]
    if broken:
        return f"**{len(broken)} of {len(results)} proofs do not hold:** {'; '.join(broken)}."
    return f"**All {len(results)} proofs hold.**"


def _environment(run: str, seed: int, share: float, took_s: float) -> str:
    counts = "in full" if share == 1 else f"{share:g} of the full counts"
    whole_commit = run.partition(" ")[0]
    commit = whole_commit[:12] + ("+" if whole_commit.endswith("+") else "")
    return (
        f"Measured at commit {commit}, Python {platform.python_version()}, "
        f"{os.cpu_count()} CPUs, seed {seed}, "
        f"{counts}, {took_s / 60:.0f} min."
    )


def _losses(results: Sequence[ProofResult]) -> list[str]:
    """A row for each group of faults: what was lost with each policy."""
    groups = [group for group in FaultGroup if group is not FaultGroup.OTHER]
    rows = [
        f"| {group} | {' | '.join(_cell(_of(results, group, policy)) for policy in _POLICIES)} |"
        for group in groups
        if any(_of(results, group, policy) for policy in _POLICIES)
    ]
    return [
        "| exchanges without any trace, of those that the upstream saw | `best_effort` | `required` |",
        "|---|---:|---:|",
        *rows,
    ]


def _of(results: Iterable[ProofResult], group: FaultGroup, policy: str) -> list[ProofResult]:
    return [
        result
        for result in results
        if (result.group, result.policy) == (group, policy) and _UPSTREAM in result.counts
    ]


def _cell(results: Sequence[ProofResult]) -> str:
    if not results:
        return "-"
    lost = sum(int(result.counts[_TRACELESS]) for result in results)
    return f"{lost} of {sum(int(result.counts[_UPSTREAM]) for result in results)}"


def _costs(results: Sequence[ProofResult]) -> list[str]:
    """How long an exchange is without a trace, and what `required` costs."""
    for result in results:
        if any(name in result.counts for name in _COSTS.values()):
            costs = [f"{result.counts.get(cost, '-')} ms to {end}" for end, cost in _COSTS.items()]
            return [
                "",
                "With `best_effort` an exchange is without a trace for its first "
                f"{_count(result, _EXPOSURE)} ms",
                f"(p50, p99, maximum). `required` adds at p50 {costs[0]},",
                f"{' and '.join(costs[1:])}.",
            ]
    return []


def _logged_after(results: Sequence[ProofResult]) -> list[str]:
    """How long an exchange that no store takes is only in memory."""
    delays = [
        str(result.counts[_LOGGED_AFTER]) for result in results if _LOGGED_AFTER in result.counts
    ]
    if not delays:
        return []
    return [
        "If queue and blobs refuse, a finished exchange is only in memory until its envelope is in "
        f"the log: {' and '.join(delays)} s here."
    ]


def _glance(results: Sequence[ProofResult]) -> list[str]:
    rows = [
        f"| {result.title} | {'**no**' if result.broken else 'yes'} | {_count(result, _CALLS)} "
        f"| {_count(result, _DELIVERED)} | {_count(result, _UNDELIVERED)} "
        f"| {_count(result, _WRONG)} of {_count(result, _COMPARED)} "
        f"| {_count(result, *_DEAD_LETTERED)} | {_count(result, _TRACELESS)} |"
        for result in results
    ]
    return [
        "| proof | holds | calls | on the Event Hub | captured, missing | wrong events | dead letters | without any trace |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
        *(row.replace("- of -", "-") for row in rows),
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
        *_table(result.rows),
    ]


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """The first row is the header."""
    if not rows:
        return []
    header, *others = (f"| {' | '.join(row)} |" for row in rows)
    return [header, "|---" * len(rows[0]) + "|", *others, ""]
