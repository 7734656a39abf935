"""The Azure CLI and azd as azd's hooks find them: stand-ins that note what they are asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from local.repository import ROOT

HOOKS: Final = ROOT / "infra" / "hooks"

# Stands in for `az` and `azd`: notes its arguments, one JSON line per call, and answers as
# the test says: with a text, with a failure (null), or with one after the other of a list, whose
# last one stays.
RECORDER = """#!{python} -IS
import json, os, pathlib, sys
folder = pathlib.Path(__file__).parent
name = pathlib.Path(sys.argv[0]).name
words = [word for word in sys.argv[1:] if word != "--only-show-errors"]
assert not [word for word in words if set(word) & set('()"')], "a batch file of Windows would not take it"
words = [pathlib.Path(word[1:]).read_text() if word.startswith("@") else word for word in words]
beginning = " ".join([name, *words[:3]])
with (folder / "calls").open("a+") as log:
    log.seek(0)
    before = sum(" ".join(json.loads(line)[:4]) == beginning for line in log)
    log.write(json.dumps([name, *words]) + "\\n")
answer = json.loads((folder / "answers").read_text()).get(beginning, "")
if isinstance(answer, list):
    answer = answer[min(before, len(answer) - 1)]
if answer is None:
    sys.exit(3)
if answer:
    print(answer)
"""


def functions_in_code() -> set[str]:
    """The functions that `postdeploy.py` expects in the app. It runs beside its own modules, one of
    which has the name of the Azure SDK's package.
    """
    run = subprocess.run(
        [sys.executable, "-c", "import postdeploy; print(*postdeploy.functions_in_code())"],
        env=os.environ | {"PYTHONPATH": str(HOOKS), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(run.stdout.split())


class Tools:
    """A folder with `az` and `azd` that comes before the system's own."""

    def __init__(
        self, folder: Path, hook: str, answers: dict[str, str | list[str | None] | None]
    ) -> None:
        self._folder, self._hook = folder, HOOKS / hook
        for name in ("az", "azd"):
            (folder / name).write_text(RECORDER.replace("{python}", sys.executable))
            (folder / name).chmod(0o755)
        (folder / "answers").write_text(json.dumps(answers))

    def run(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the hook with this environment alone."""
        path = f"{self._folder}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            [sys.executable, self._hook],
            env=environment | {"PATH": path, "FNSSE_HOOK_PAUSE_S": "0.001"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def calls(self) -> list[list[str]]:
        """The words of each call, the program's name first."""
        log = self._folder / "calls"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
