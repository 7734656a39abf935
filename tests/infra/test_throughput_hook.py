"""Before each deployment azd's hook reads how many units the Event Hubs namespace has, so that the
deployment takes none away.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.infra.hook_tools import Tools

DEV = {"AZURE_ENV_NAME": "dev", "AZURE_SUBSCRIPTION_ID": "s", "AZURE_RESOURCE_GROUP": "Fnsse"}
LIST = "az resource list --resource-type"
SHOW = "az rest --method get"
SET = ["azd", "env", "set", "EVENTHUB_CURRENT_CAPACITY"]


def namespace(
    name: str, environment: str | None = "dev", group: str = "fnsse"
) -> dict[str, object]:
    """A row of `az resource list`; a resource without tags has null there."""
    return {
        "id": f"/subscriptions/s/resourceGroups/{group}/providers/Microsoft.EventHub/namespaces/{name}",
        "resourceGroup": group,
        "tags": None if environment is None else {"azd-env-name": environment},
    }


def tools(folder: Path, *namespaces: dict[str, object], units: int = 8) -> Tools:
    answers = {LIST: json.dumps(namespaces), SHOW: json.dumps({"sku": {"capacity": units}})}
    return Tools(folder, "preprovision.py", {**answers})


def test_the_units_of_the_namespace_become_a_variable(tmp_path: Path) -> None:
    """Only this environment's namespace counts, whatever the case of the group's name."""
    others = [namespace("b", "prod"), namespace("c", None), namespace("d", group="other")]
    hook = tools(tmp_path, namespace("a"), *others)
    run = hook.run(**DEV)
    assert run.returncode == 0, run.stderr
    looking, reading, setting = hook.calls()
    assert looking[-2:] == ["--subscription", "s"]
    assert f"{namespace('a')['id']}?api-version=2024-01-01" in " ".join(reading)
    assert setting == [*SET, "8"]


@pytest.mark.parametrize(
    ("known", "units", "is_set"),
    [("8", 8, False), ("8", 20, True), ("20", 8, True)],
    ids=["unchanged", "inflated", "lowered by hand"],
)
def test_the_variable_follows_the_namespace(
    tmp_path: Path, known: str, units: int, *, is_set: bool
) -> None:
    """Upwards and downwards: whoever lowers the units by hand gets them back at no deployment."""
    hook = tools(tmp_path, namespace("a"), units=units)
    assert hook.run(**DEV, EVENTHUB_CURRENT_CAPACITY=known).returncode == 0
    assert ([*SET, str(units)] in hook.calls()) is is_set


def test_before_the_first_deployment_there_is_nothing_to_keep(tmp_path: Path) -> None:
    """The same holds after `azd down`: the variable of the earlier namespace is forgotten."""
    hook = tools(tmp_path)
    assert hook.run(**DEV).returncode == 0
    assert [call[:3] for call in hook.calls()] == [["az", "resource", "list"]]
    assert hook.run(**DEV, EVENTHUB_CURRENT_CAPACITY="8").returncode == 0
    assert hook.calls()[-1] == [*SET, "0"]


@pytest.mark.parametrize("failing_command", [LIST, SHOW])
def test_units_that_cannot_be_read_stop_azd(tmp_path: Path, failing_command: str) -> None:
    """A deployment with the units of the parameters could throttle a busy hub."""
    answers: dict[str, str | list[str | None] | None] = {LIST: json.dumps([namespace("a")])}
    hook = Tools(tmp_path, "preprovision.py", {**answers, failing_command: None})
    run = hook.run(**DEV)
    assert run.returncode == 1
    assert "az login" in run.stderr
    assert not [call for call in hook.calls() if call[0] == "azd"]
