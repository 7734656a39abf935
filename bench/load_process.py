"""Runs the load generator in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

from bench.errors import BenchError
from bench.job import Job, JobResult
from local.repository import ROOT

_WITHIN_S: Final = 120.0


def generate(job: Job) -> JobResult:
    """Run a job. Raises BenchError if a response was wrong."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        input=job.to_json(),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=_WITHIN_S,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"the load generator failed: {done.stderr.strip()}")
    result = JobResult.from_json(done.stdout)
    if result.failures:
        raise BenchError(f"not every answer was whole: {result.failures}")
    return result
