"""The contents of the deployment package."""

from __future__ import annotations

import subprocess
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEPLOYED = {"function_app.py", "blueprints", "shared", "host.json", "requirements.txt"}


def test_the_app_alone_is_deployed() -> None:
    """.funcignore names every other file and folder of the repository's root."""
    ignored = [
        line for line in (ROOT / ".funcignore").read_text().splitlines() if line and line[0] != "#"
    ]
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    top_level = {path.partition("/")[0] for path in tracked if path}
    deployed_names = {name for name in top_level if not any(fnmatch(name, one) for one in ignored)}
    assert deployed_names == DEPLOYED
