"""A run in several goes: what was found so far, in a file. It is void for another commit, seed or
share.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from local.stack.supervisor import ROOT
from prove.result import ProofResult


@dataclass(kw_only=True)
class ResumableRun:
    """By the names of the proofs."""

    run: str  # commit, seed and share
    took_s: float = 0.0
    found: dict[str, ProofResult] = field(default_factory=dict)

    @classmethod
    def of(cls, options: argparse.Namespace) -> Self:
        """What `--resume` names, where it is of the same run."""
        run = f"{_commit()} {options.seed} {options.share}"
        if options.resume is None or not options.resume.exists():
            return cls(run=run)
        held = json.loads(options.resume.read_text())
        if held["run"] != run:
            return cls(run=run)
        found = {name: ProofResult(**result) for name, result in held["found"].items()}
        return cls(run=run, took_s=held["took_s"], found=found)

    def save(self, path: Path | None) -> None:
        """For the next go."""
        if path is not None:
            path.write_text(json.dumps(asdict(self)))


def _commit() -> str:
    """Of the code that is proved; with a mark where it was changed since."""
    changed = _git("status", "--porcelain", "--", ".", ":!docs/explanation/proof.md")
    return _git("rev-parse", "HEAD") + ("+" if changed else "")


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
