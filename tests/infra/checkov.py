"""checkov, installed on first use into its own environment, and its findings about templates."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.tools import missing

_REQUIREMENTS: Final = Path(__file__).with_name("requirements-checkov.txt")
_FOLDER: Final = Path(__file__).resolve().parents[2] / ".local" / "checkov"
_PYTHON: Final = _FOLDER / "bin" / "python"
_STAMP: Final = _FOLDER / "installed.txt"


@dataclass(frozen=True, order=True)
class CheckFailure:
    """A check that a resource fails."""

    template: str  # the file's stem
    check: str
    resource: str
    title: str


@dataclass(frozen=True)
class Findings:
    """checkov's results for all templates of a folder."""

    passed: int
    failures: list[CheckFailure]


def scan(folder: Path) -> Findings:
    """The findings of checkov in the ARM templates of a folder."""
    _install()
    # --skip-download: the checks are in the package; what it would fetch are links to a vendor's
    # pages.
    options = [
        "--directory",
        str(folder),
        "--framework",
        "arm",
        "--compact",
        "--skip-download",
        "--output",
        "json",
    ]
    done = subprocess.run(
        [_PYTHON, "-m", "checkov.main", *options], capture_output=True, text=True, check=False
    )
    found = json.loads(done.stdout)
    assert found["summary"]["parsing_errors"] == 0, found["results"]["parsing_errors"]
    failures = [
        CheckFailure(
            template=Path(failure["file_path"]).stem,
            check=failure["check_id"],
            resource=failure["resource"],
            title=failure["check_name"],
        )
        for failure in found["results"]["failed_checks"]
    ]
    assert Counter(failure.template for failure in failures).total() == found["summary"]["failed"]
    return Findings(passed=found["summary"]["passed"], failures=sorted(failures))


def _install() -> None:
    _FOLDER.parent.mkdir(exist_ok=True)
    # tests on another worker may want it at the same moment
    with _FOLDER.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _install_alone()


def _install_alone() -> None:
    requirement = _REQUIREMENTS.read_text()
    if _PYTHON.exists() and _STAMP.is_file() and _STAMP.read_text() == requirement:
        return
    shutil.rmtree(_FOLDER, ignore_errors=True)
    try:
        subprocess.run([sys.executable, "-m", "venv", _FOLDER], check=True, capture_output=True)
        quiet = ["--quiet", "--disable-pip-version-check"]
        subprocess.run(
            [_PYTHON, "-m", "pip", "install", *quiet, "-r", _REQUIREMENTS],
            check=True,
            capture_output=True,
        )
    except subprocess.CalledProcessError as error:
        missing(
            f"needs checkov in {_FOLDER}: pip install -r {_REQUIREMENTS.name}\n{error.stderr.decode(errors='replace')}"
        )
    _STAMP.write_text(requirement)
