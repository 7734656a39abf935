"""The Azure CLI and azd, as the hooks call them, on every system.

No argument may hold a parenthesis or a double quote: on Windows `az` is a batch file, which would
read them as its own. A body goes by a file.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PAUSE_S = float(os.environ.get("FNSSE_HOOK_PAUSE_S", "2"))


class Refused(Exception):
    """A command failed; it has said why."""


def az(*arguments: str) -> str:
    """What `az ARGUMENTS` prints. Refused if it fails."""
    return _run("az", *arguments, "--only-show-errors")


def azd(*arguments: str) -> str:
    """What `azd ARGUMENTS` prints. Refused if it fails."""
    return _run("azd", *arguments)


def rest(method: str, url: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """The response of Azure's or Microsoft Graph's REST API. Refused if it fails."""
    arguments = ["rest", "--method", method, "--url", url, "--output", "json"]
    if body is None:
        output = az(*arguments)
    else:
        with tempfile.TemporaryDirectory() as folder:  # readable by this user alone
            file = Path(folder) / "body.json"
            file.write_text(json.dumps(body))
            output = az(
                *arguments, "--headers", "Content-Type=application/json", "--body", f"@{file}"
            )
    parsed: dict[str, Any] = json.loads(output) if output else {}
    return parsed


def again(command: Callable[[], object]) -> None:
    """Carry out a command, repeatedly if it is refused: Entra does not know everywhere at once what
    was made a moment ago. Refused if it still is after half a minute.
    """
    for pause in (1, 2, 4, 8):
        try:
            command()
        except Refused:
            time.sleep(pause * PAUSE_S)
        else:
            return
    command()


def _run(program: str, *arguments: str) -> str:
    path = shutil.which(program)
    if path is None:
        sys.exit(f"needs {program} on PATH, signed in")
    run = subprocess.run([path, *arguments], stdout=subprocess.PIPE, text=True, check=False)
    if run.returncode != 0:
        raise Refused(f"{program} {' '.join(arguments[:3])} failed, see above")
    return run.stdout.strip()
