"""Calls the Azure CLI and azd, on every operating system.

No argument may hold a parenthesis or a double quote: on Windows `az` is a batch file, and the shell
would interpret them. So a request's body is passed in a file.
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
from typing import Any, Final

PAUSE_S: Final = float(os.environ.get("FNSSE_HOOK_PAUSE_S", "2"))


class CommandFailed(Exception):
    """A command failed. It has printed the reason."""


def az(*arguments: str) -> str:
    """The output of `az ARGUMENTS`. Raises CommandFailed if it fails."""
    return _run("az", *arguments, "--only-show-errors")


def azd(*arguments: str) -> str:
    """The output of `azd ARGUMENTS`. Raises CommandFailed if it fails."""
    return _run("azd", *arguments)


def rest(method: str, url: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """The response of Azure's or Microsoft Graph's REST API. Raises CommandFailed if it fails."""
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


def retry(command: Callable[[], object]) -> None:
    """Carry out a command, and repeat it for half a minute if it fails: a new object is not known
    to all of Entra at once. Raises CommandFailed if the last attempt fails.
    """
    for pause in (1, 2, 4, 8):
        try:
            command()
        except CommandFailed:
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
        raise CommandFailed(f"{program} {' '.join(arguments[:3])} failed, see above")
    return run.stdout.strip()
