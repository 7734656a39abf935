"""The floor of branch coverage, which `make test` holds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from coverage import Coverage

from local.repository import ROOT
from tests.branch_coverage import BranchCoverage, verdict

_PROGRAM = """
def first(value):
    if value:
        return 1
    return 2

first(True)
"""


@pytest.mark.parametrize(
    ("taken", "branches", "status"),
    [(95, 100, 0), (1900, 2000, 0), (1899, 2000, 1), (0, 0, 0)],
)
def test_fewer_branches_than_the_floor_fail_the_run(taken: int, branches: int, status: int) -> None:
    """The line says what to do."""
    line, result = verdict(BranchCoverage(taken=taken, branches=branches), 95)
    assert result == status
    assert f"({taken} of {branches})" in line
    assert ("test the branches" in line) == bool(status)


def test_branches_are_counted_apart_from_lines(tmp_path: Path) -> None:
    """One of two branches, although three of four lines were executed."""
    (tmp_path / "program.py").write_text(_PROGRAM)
    command = [sys.executable, "-m", "coverage", "run", "--branch", "program.py"]
    subprocess.run(command, cwd=tmp_path, check=True)
    coverage = Coverage(data_file=tmp_path / ".coverage", config_file=False)
    coverage.load()
    assert BranchCoverage.of(coverage) == BranchCoverage(taken=1, branches=2)


def test_make_test_holds_the_floor() -> None:
    """After the tests, whose coverage it reads."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    recipe = makefile.partition("\ntest: ")[2].partition("\n\n")[0]
    assert recipe.index("-m pytest") < recipe.index("-m tests.branch_coverage")
