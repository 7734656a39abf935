"""The branch coverage of shared/, and its floor. `make test` runs `python -m tests.branch_coverage`
after its tests.

coverage.py's own figure, and with it `fail_under`, is of lines and branches together. The floor of
both is `fail_under` in pyproject.toml.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from coverage import Coverage


@dataclass(frozen=True, kw_only=True)
class BranchCoverage:
    """How many branches the tests have taken."""

    taken: int
    branches: int

    @property
    def percent(self) -> float:
        """100 if there are none."""
        return 100 * self.taken / self.branches if self.branches else 100.0

    @classmethod
    def of(cls, coverage: Coverage) -> Self:
        """The branches of the files that the report includes. Raises CoverageException if nothing
        was measured.
        """
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "coverage.json"
            coverage.json_report(outfile=str(report))
            totals = json.loads(report.read_text("utf-8"))["totals"]
        return cls(taken=totals["covered_branches"], branches=totals["num_branches"])


def verdict(measured: BranchCoverage, floor_percent: float) -> tuple[str, int]:
    """A line to print, and the exit status: 1 below the floor."""
    figure = (
        f"Coverage of branches alone in shared/: {measured.percent:.1f} % "
        f"({measured.taken} of {measured.branches})"
    )
    if measured.percent >= floor_percent:
        return f"{figure}, at least {floor_percent:g} % are required", 0
    remedy = "test the branches that the report above names after its lines, as 12->15"
    return f"{figure}, below the required {floor_percent:g} %: {remedy}", 1


def main() -> int:
    """Print the verdict on what `make test` measured last. Returns the exit status."""
    coverage = Coverage()
    coverage.load()
    floor = coverage.get_option("report:fail_under")
    assert isinstance(floor, int | float)
    line, status = verdict(BranchCoverage.of(coverage), floor)
    sys.stdout.write(f"{line}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
