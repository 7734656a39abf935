"""The proof: one attack after the other on one stack, with a bystander beside each of them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psutil

from local.repository import ROOT
from local.stack import FunctionsHost, Stack
from prove.hostile.attacks import ATTACKS, BODIES
from prove.hostile.bystander import Waits, bystand, middle, most
from prove.hostile.resources import Memory, MemorySampler
from prove.result import NotProven, Progress, ProofResult
from prove.testbed import worker_of

_SETTINGS: Final = {
    "REQUEST_MEMORY_MB": "64",
    "EXCHANGE_TIMEOUT_S": "15",  # longer than an attack: nothing is bounded by its end alone
    "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:01",
}
# More than what an attack's connections cost by themselves, and far below what it tries to fill.
_MOST_MB: Final = 400.0
_MOST_WAIT_MS: Final = 20_000.0  # on a busy machine, and with the .NET host's own work
# How many are refused depends on how fast they come; one is refused in
# tests/integration/relay/test_body_memory.py.
_ANSWERS_TO_BODIES: Final = {"200", "503 with retry-after"}
_REST_S: Final = 1.0
_PATIENCE_S: Final = 120.0
COLUMNS: Final = (
    "attack", "answers", "worker, MB", "its children, MB", "host, MB",
    "`/health`, ms: p50, most", "first byte of a stream, ms: p50, most", "longest gap, ms", "streams",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class HostMeasurement:
    """One attack's effect."""

    answers: dict[str, int]
    before: Memory
    memory: Memory  # the most
    waits: Waits

    def row(self, name: str) -> tuple[str, ...]:
        """The values of COLUMNS. Memory is the growth since the attack began."""
        waits, memory, before = self.waits, self.memory, self.before
        return (
            name,
            ", ".join(f"{answer} ({count})" for answer, count in sorted(self.answers.items()))
            or "-",
            f"{memory.worker - before.worker:+.0f}",
            f"{memory.children:.0f}",
            f"{memory.host - before.host:+.0f}",
            f"{middle(waits.probes):.0f}, {most(waits.probes):.0f}",
            f"{middle(waits.first_bytes):.0f}, {most(waits.first_bytes):.0f}",
            f"{most(waits.gaps):.0f}",
            str(waits.streams),
        )


def hostile(
    kind: FunctionsHost,
    *,
    seconds: float,
    scale: float,
    progress: Progress,
    names: tuple[str, ...] = tuple(ATTACKS),
) -> ProofResult:
    """Each attack for so long, `scale` of the connections that it has in full."""
    result = ProofResult(title=f"hostile clients and a hostile upstream, {kind} host")
    result.rows.append(COLUMNS)
    with _upstream() as upstream_port:
        url = f"http://127.0.0.1:{upstream_port}"
        settings = {**_SETTINGS, "AZURE_OPENAI_BASE_URL": url}
        with Stack(functions_host=kind, settings=settings) as stack:
            _attack_all(stack, result, seconds, scale, progress, names)
        counts = _counts(url)
    result.check(holds=not counts.get("trap"), sentence="a redirect of the upstream was followed")
    result.check(
        holds=not counts.get("requests with a cookie"),
        sentence="a cookie of one exchange went upstream with another one",
    )
    result.counts = {
        "MB that the upstream wrote into streams": counts.get("bytes flooded", 0) // 2**20,
        "redirects followed": counts.get("trap", 0),
        "requests with a cookie at the upstream": counts.get("requests with a cookie", 0),
    }
    return result


def _attack_all(
    stack: Stack,
    result: ProofResult,
    seconds: float,
    scale: float,
    progress: Progress,
    names: tuple[str, ...],
) -> None:
    host = stack.parts["functions_host"]
    sampler = MemorySampler(host.pid, worker_of(stack))
    for name in names:
        try:
            measurement = asyncio.run(_measure(stack, sampler, name, seconds, scale))
        except psutil.NoSuchProcess:
            raise NotProven(f"the worker ended under: {name}") from None
        stack.check()
        row = measurement.row(name)
        result.rows.append(row)
        progress(" | ".join(row))
        _judge(result, name, measurement)


def _judge(result: ProofResult, name: str, measurement: HostMeasurement) -> None:
    grown = measurement.memory.worker - measurement.before.worker
    result.check(
        holds=not measurement.waits.broken,
        sentence=f"{name}: a bystander got {measurement.waits.broken[:3]}",
    )
    result.check(holds=grown < _MOST_MB, sentence=f"{name}: the worker grew by {grown:.0f} MB")
    result.check(
        holds=name != BODIES or measurement.answers.keys() <= _ANSWERS_TO_BODIES,
        sentence=f"{name}: {measurement.answers}",
    )
    longest = most([*measurement.waits.gaps, *measurement.waits.probes])
    result.check(holds=longest < _MOST_WAIT_MS, sentence=f"{name}: a bystander waited {longest} ms")


async def _measure(
    stack: Stack, sampler: MemorySampler, name: str, seconds: float, scale: float
) -> HostMeasurement:
    ended = asyncio.Event()
    before = sampler.now()
    memory = asyncio.create_task(sampler.most(ended))
    waits = asyncio.create_task(bystand(stack.proxy_url, ended))
    try:
        answers = await _attack(name, stack.ports.proxy, seconds, scale)
    finally:
        ended.set()
    measurement = HostMeasurement(
        answers=answers, before=before, memory=await memory, waits=await waits
    )
    await asyncio.sleep(_REST_S)
    return measurement


async def _attack(name: str, port: int, seconds: float, scale: float) -> dict[str, int]:
    attacker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "prove.hostile.attacks", name, str(port), str(seconds), str(scale),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(seconds + _PATIENCE_S):
            output, _ = await attacker.communicate()
    except TimeoutError:
        attacker.kill()
        raise NotProven(f"the attack did not end: {name}") from None
    if attacker.returncode:
        raise NotProven(f"the attack failed: {name}")
    answers: dict[str, int] = json.loads(output)
    return answers


@contextmanager
def _upstream() -> Iterator[int]:
    """The hostile upstream's port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "prove.hostile.upstream"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        if process.stdout is None:
            raise NotProven("the upstream has no output")
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def _counts(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/openai/hostile/counts", timeout=10) as response:  # noqa: S310 - http to this machine
        counts: dict[str, Any] = json.load(response)
    return counts
