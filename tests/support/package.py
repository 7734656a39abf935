"""The files that azd puts into the app's package: those of a folder that its .funcignore does not
name.

azd reads .funcignore as git reads .gitignore (cli/azd/pkg/project/project_utils.go of
Azure/azure-dev, read on 2026-11-27).
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from pathspec import GitIgnoreSpec

from local.repository import ROOT

DEPLOYED: Final = {
    "function_app.py",
    "blueprints",
    "shared",
    "rates",
    "host.json",
    "requirements.txt",
}


def deployable(paths: Iterable[str]) -> list[str]:
    """The paths among `paths`, relative to the repository's root, that are deployed."""
    ignored = GitIgnoreSpec.from_lines((ROOT / ".funcignore").read_text().splitlines())
    return [path for path in paths if not ignored.match_file(path)]


def build(folder: Path, archive: Path) -> None:
    """Zip what is deployed of `folder`."""
    paths = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as package:
        for path in sorted(deployable(paths)):
            if path != ".funcignore":
                package.write(folder / path, path)
