"""After each deployment of code azd's hook counts the app's functions: none may be missing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

from local.repository import ROOT
from tests.infra.hook_tools import Tools

DEV = {"AZURE_ENV_NAME": "dev", "FNSSE_HOOK_ATTEMPTS": "4"}
LIST = "az resource list --resource-type"
FUNCTIONS = "az rest --method get"
APP = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/func"
# The table of the documentation, which tests compare with what a worker indexes.
NAMES: Final = re.findall(
    r"^\| `(\w+)` \|",
    (ROOT / "docs" / "reference" / "functions.md").read_text().partition("\n## ")[0],
    re.MULTILINE,
)


def app(identity: str = APP) -> dict[str, object]:
    return {"id": identity, "resourceGroup": "g", "tags": {"azd-env-name": "dev"}}


def function_list(*names: str) -> str:
    """The answer of Azure Resource Manager: a function's name follows its app's."""
    return json.dumps({"value": [{"name": f"func/{name}"} for name in names]})


def test_an_app_with_all_its_functions_passes(tmp_path: Path) -> None:
    tools = Tools(
        tmp_path, "postdeploy.py", {LIST: json.dumps([app()]), FUNCTIONS: function_list(*NAMES)}
    )
    run = tools.run(**DEV)
    assert run.returncode == 0, run.stderr
    assert f"all {len(NAMES)} functions" in run.stdout
    assert f"{APP}/functions?api-version" in " ".join(tools.calls()[-1])


def test_an_app_without_functions_does_not_pass(tmp_path: Path) -> None:
    """The message says how many are missing, which, and where to read on."""
    tools = Tools(
        tmp_path, "postdeploy.py", {LIST: json.dumps([app()]), FUNCTIONS: function_list()}
    )
    run = tools.run(**DEV)
    assert run.returncode == 1
    assert f"{len(NAMES)} of {len(NAMES)} functions are not in the app" in run.stderr
    assert "docs/how-to/deploy.md" in run.stderr


def test_a_single_function_that_is_missing_is_named(tmp_path: Path) -> None:
    rest = [name for name in NAMES if name != "openai"]
    tools = Tools(
        tmp_path, "postdeploy.py", {LIST: json.dumps([app()]), FUNCTIONS: function_list(*rest)}
    )
    run = tools.run(**DEV)
    assert run.returncode == 1
    assert "functions are not in the app: openai." in run.stderr


def test_the_host_may_take_its_time(tmp_path: Path) -> None:
    """While it starts it refuses the question, then reports nothing, then some."""
    answers: list[str | None] = [
        None,
        function_list(),
        function_list(*NAMES[:3]),
        function_list(*NAMES),
    ]
    tools = Tools(tmp_path, "postdeploy.py", {LIST: json.dumps([app()]), FUNCTIONS: answers})
    assert tools.run(**DEV).returncode == 0
    assert [call[1] for call in tools.calls()] == ["resource", *["rest"] * 4]


def test_without_an_app_to_ask_nothing_passes(tmp_path: Path) -> None:
    """A refusal and an environment without an app both end azd."""
    for answer, words in ((None, "az login"), ("[]", "found 0 function apps")):
        folder = tmp_path / words
        folder.mkdir()
        run = Tools(folder, "postdeploy.py", {LIST: answer}).run(**DEV)
        assert run.returncode == 1
        assert words in run.stderr
