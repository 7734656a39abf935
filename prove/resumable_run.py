"""A run of the proofs that can be interrupted: its results so far are kept in a file.

The file is ignored when it is of another commit, seed or share.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from local.repository import ROOT
from prove.result import ProofResult


@dataclass(kw_only=True)
class ResumableRun:
    """A run and its results so far."""

    identity: str  # commit, seed and share
    took_s: float = 0.0
    results: dict[str, ProofResult] = field(default_factory=dict)  # by the name of the proof

    @classmethod
    def load(cls, options: argparse.Namespace) -> Self:
        """Continue the run in the file of `--resume`, or begin a new one."""
        identity = f"{_commit()} {options.seed} {options.share}"
        if options.resume is None or not options.resume.exists():
            return cls(identity=identity)
        progress = json.loads(options.resume.read_text())
        if progress["identity"] != identity:
            return cls(identity=identity)
        results = {name: ProofResult(**result) for name, result in progress["results"].items()}
        return cls(identity=identity, took_s=progress["took_s"], results=results)

    def save(self, path: Path | None) -> None:
        """Write the file of `--resume`; None: there is none."""
        if path is not None:
            path.write_text(json.dumps(asdict(self)))


def _commit() -> str:
    """The commit of the code under proof, with a `+` if files were changed since."""
    changed = _git("status", "--porcelain", "--", ".", ":!docs/explanation/proof.md")
    return _git("rev-parse", "HEAD") + ("+" if changed else "")


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
