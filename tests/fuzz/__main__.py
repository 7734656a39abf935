"""`python -m tests.fuzz SECONDS`: every target for its share of so many seconds, two at once. The
start of its process counts, so that it takes about SECONDS in all on two quiet cores.

A new input that reaches new code is kept in .local/fuzz/TARGET, for the next run. One that fails is
written to .local/fuzz, and its target is named at the end: put it into tests/fuzz/corpus/TARGET.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from local.repository import ROOT

CORPUS: Final = ROOT / "tests" / "fuzz" / "corpus"
_FOUND: Final = ROOT / ".local" / "fuzz"
_CONCURRENT_TARGETS: Final = 2
_STARTS_WITHIN_S: Final = 120
_DONE: Final = re.compile(r"Done (\d+) runs")


@dataclass(frozen=True, kw_only=True)
class FuzzRun:
    """The result of one target's process."""

    target: str
    inputs: int
    failure: str  # the end of its output; "" if every input passed


def main() -> int:
    """Fuzz. Returns the exit code: 1 if an input failed."""
    if sys.argv[2:]:
        return _fuzz(sys.argv[2], int(sys.argv[1]))
    from tests.fuzz.targets import TARGETS

    seconds = max(1, int(sys.argv[1]) * _CONCURRENT_TARGETS // len(TARGETS))
    with ThreadPoolExecutor(_CONCURRENT_TARGETS) as pool:
        runs = list(pool.map(lambda target: _run(target, seconds), TARGETS))
    sys.stdout.write(_report(runs, seconds))
    return any(run.failure for run in runs)


def _report(runs: list[FuzzRun], seconds: int) -> str:
    lines = [
        f"{run.target:<16}{run.inputs:>9} inputs{'  FAILED' if run.failure else ''}" for run in runs
    ]
    total = sum(run.inputs for run in runs)
    lines.append(f"{'all':<16}{total:>9} inputs, {seconds} s for each target")
    lines += [f"\n{run.target}:\n{run.failure}" for run in runs if run.failure]
    return "\n".join(lines) + "\n"


def _run(target: str, seconds: int) -> FuzzRun:
    """Run a target in a process of its own, because the fuzzer ends it."""
    process = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", str(seconds), target],
        cwd=ROOT, capture_output=True, text=True, errors="replace", check=False,
        timeout=seconds + _STARTS_WITHIN_S,
    )  # fmt: skip
    output = process.stdout + process.stderr
    done = _DONE.search(output)
    failed = process.returncode or not done
    return FuzzRun(
        target=target, inputs=int(done[1]) if done else 0, failure=output[-3000:] if failed else ""
    )


def _fuzz(target: str, seconds: int) -> int:
    started = time.monotonic()
    import atheris

    with atheris.instrument_imports(include=["shared", "view", "emulators.functions_host"]):
        from tests.fuzz.targets import TARGETS
    found = _FOUND / target
    found.mkdir(parents=True, exist_ok=True)
    seeds = [str(folder) for folder in (found, CORPUS / target) if folder.is_dir()]
    remaining = max(1, seconds - round(time.monotonic() - started))
    atheris.Setup(
        [
            sys.argv[0], f"-max_total_time={remaining}", f"-artifact_prefix={_FOUND}/{target}-",
            "-timeout=20", "-rss_limit_mb=2048", "-max_len=20000", *seeds,
        ],
        TARGETS[target],
    )  # fmt: skip
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
