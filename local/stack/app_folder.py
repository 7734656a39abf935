"""A folder that a functions host can serve the app from, independently of a developer's own run
from the repository.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from local.repository import ROOT

# The deployed files, without local.settings.json: a developer's settings for `make run` must not
# change a test.
_APP: Final = ("function_app.py", "blueprints", "shared", "rates", "requirements.txt")


def lay_out(folder: Path, host_json: Mapping[str, Any]) -> Path:
    """Fill `folder` with links to the app and a host.json into which `host_json` is merged; return
    it.
    """
    folder.mkdir(parents=True)
    for name in _APP:
        (folder / name).symlink_to(ROOT / name)
    host = json.loads((ROOT / "host.json").read_text())
    (folder / "host.json").write_text(json.dumps(merge(host, host_json), indent=2))
    return folder


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `changes`, objects merged key by key and everything else replaced."""
    result = dict(base)
    for key, change in changes.items():
        old = result.get(key)
        result[key] = (
            merge(old, change) if isinstance(old, dict) and isinstance(change, dict) else change
        )
    return result
