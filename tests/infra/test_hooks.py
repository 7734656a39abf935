"""azd's hook registers the app in Entra once, finds the registration again, and does nothing if no
token is required.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HOOK = Path(__file__).parents[2] / "infra" / "hooks" / "preprovision.py"
CLIENT_ID = "3c2f1d0e-0000-4000-8000-000000000001"

# Stands in for `az` and `azd`: notes its arguments, one JSON line per call, and answers as
# the test says: with a text, with a failure (null), or with one after the other of a list, whose
# last one stays.
RECORDER = """#!/usr/bin/env python3
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


class Tools:
    """A folder that is the whole PATH but for the system's own."""

    def __init__(self, folder: Path, answers: dict[str, str | list[str | None] | None]) -> None:
        self._folder = folder
        for name in ("az", "azd"):
            (folder / name).write_text(RECORDER)
            (folder / name).chmod(0o755)
        (folder / "answers").write_text(json.dumps(answers))

    def run(self, **environment: str) -> subprocess.CompletedProcess[str]:
        path = f"{self._folder}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            [sys.executable, HOOK],
            env=environment | {"PATH": path, "FNSSE_HOOK_PAUSE_S": "0.01"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def calls(self) -> list[list[str]]:
        log = self._folder / "calls"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


ENTRA = {"CALLER_AUTH": "entra", "AZURE_ENV_NAME": "dev"}


@pytest.mark.parametrize(
    "environment",
    [{}, {"CALLER_AUTH": "function_key"}, {**ENTRA, "AUDIENCE_CLIENT_ID": CLIENT_ID}],
    ids=str,
)
def test_no_registration_is_made_if_none_is_needed(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    """With a function key there is no audience, and a given audience is used as it is."""
    tools = Tools(tmp_path, {})
    assert tools.run(**environment).returncode == 0
    assert tools.calls() == []


def test_a_registration_is_made_once(tmp_path: Path) -> None:
    """The registration is for this tenant alone, has a service principal and no secret, and is kept
    in azd's environment.
    """
    tools = Tools(tmp_path, {"az ad app create": f"{CLIENT_ID}\nobject-id", "az ad sp show": None})
    run = tools.run(**ENTRA)
    assert run.returncode == 0, run.stderr
    calls = tools.calls()
    assert [" ".join(call[:4]) for call in calls] == [
        "az ad app list",
        "az ad app create",
        "az rest --method patch",
        "az rest --method patch",
        "az ad sp show",
        "az ad sp create",
        "azd env set AUDIENCE_CLIENT_ID",
    ]
    assert calls[-1][-1] == CLIENT_ID
    assert "AzureADMyOrg" in calls[1]
    assert not [
        word for call in calls for word in call if "credential" in word or "password" in word
    ]
    patches = [json.loads(call[call.index("--body") + 1]) for call in calls if call[1] == "rest"]
    assert patches[0]["identifierUris"] == [f"api://{CLIENT_ID}"]
    (scope,) = patches[0]["api"]["oauth2PermissionScopes"]
    (allowed,) = patches[1]["api"]["preAuthorizedApplications"]
    assert allowed["delegatedPermissionIds"] == [scope["id"]]


def test_a_registration_that_is_there_is_found(tmp_path: Path) -> None:
    """By its name; nothing of it is changed."""
    tools = Tools(tmp_path, {"az ad app list": CLIENT_ID})
    assert tools.run(**ENTRA).returncode == 0
    assert [" ".join(call[:4]) for call in tools.calls()] == [
        "az ad app list",
        "az ad sp show",
        "azd env set AUDIENCE_CLIENT_ID",
    ]


def test_two_of_one_name_are_for_a_person_to_choose_from(tmp_path: Path) -> None:
    """The hook stops azd, and says what to do."""
    tools = Tools(tmp_path, {"az ad app list": f"{CLIENT_ID}\n{CLIENT_ID}"})
    run = tools.run(**ENTRA)
    assert run.returncode == 1
    assert "azd env set AUDIENCE_CLIENT_ID" in run.stderr
    assert not [call for call in tools.calls() if call[0] == "azd"]


def test_a_refusal_stops_azd(tmp_path: Path) -> None:
    """azd stops before it deploys anything if the user may not register applications."""
    tools = Tools(tmp_path, {"az ad app create": None})
    assert tools.run(**ENTRA).returncode != 0
    assert not [call for call in tools.calls() if call[0] == "azd"]


PATCH = "az rest --method patch"


def test_what_entra_does_not_know_at_once_is_tried_again(tmp_path: Path) -> None:
    """A registration that was made a moment ago may not be found by the next call."""
    answers = {
        "az ad app create": f"{CLIENT_ID}\nobject-id",
        PATCH: [None, None, ""],
        "az ad sp show": None,
        "az ad sp create": [None, ""],
    }
    tools = Tools(tmp_path, answers)
    run = tools.run(**ENTRA)
    assert run.returncode == 0, run.stderr
    calls = tools.calls()
    # two of the first and one of the second failed
    assert [" ".join(call[:4]) for call in calls].count(PATCH) == 4
    assert [" ".join(call[:4]) for call in calls].count("az ad sp create") == 2
    assert calls[-1] == ["azd", "env", "set", "AUDIENCE_CLIENT_ID", CLIENT_ID]


def test_a_registration_that_cannot_be_completed_is_taken_back(tmp_path: Path) -> None:
    """The next run would find it by its name and take it for whole: without a scope no operator
    gets a token.
    """
    tools = Tools(tmp_path, {"az ad app create": f"{CLIENT_ID}\nobject-id", PATCH: ["", None]})
    assert tools.run(**ENTRA).returncode != 0
    calls = tools.calls()
    assert calls[-1] == ["az", "ad", "app", "delete", "--id", CLIENT_ID]
    assert not [call for call in calls if call[0] == "azd"]
