"""The Python of the repository's folders."""

from __future__ import annotations

from pathlib import Path

from local.repository import ROOT


def python_files(*folders: str) -> list[Path]:
    """The modules of these folders in order, without those of npm's packages."""
    return [
        path
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "node_modules" not in path.parts
    ]
