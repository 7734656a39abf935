"""Node.js, as local/install found it, and the tools of the page's tests."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from harness.tools import missing
from local.repository import ROOT

PAGE: Final = ROOT / "view" / "page"
_TOOLS: Final = ROOT / "tests" / "npm" / "node_modules"
_HOW_TO_GET: Final = "needs what `local/install` installs (make test does)"


def node() -> str:
    """The path of the Node.js that local/install found or took from PyPI."""
    recorded = ROOT / "emulators" / "azurite" / "node_modules" / ".node"
    path = recorded.read_text().strip() if recorded.exists() else shutil.which("node")
    if not path:
        missing(_HOW_TO_GET)
    return path


def tool(name: str) -> Path:
    """A file of a package of tests/npm/package.json, such as `axe-core/axe.min.js`."""
    path = _TOOLS / name
    if not path.exists():
        missing(_HOW_TO_GET)
    return path


def vendor_folder() -> Path:
    """The folder of the modules that the page imports."""
    folder = PAGE / "vendor"
    if not folder.exists():
        missing(_HOW_TO_GET)
    return folder
