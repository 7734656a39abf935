"""main.bicepparam: which variables of the azd environment it reads, and what they change."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.infra import switches
from tests.infra.bicep import GROUP, INFRA, SUBSCRIPTION, TENANT, EvaluationError, Evaluator, run
from tests.infra.switches import PLAIN


def test_bicep_snapshot_evaluates_main_bicepparam(
    evaluator: Evaluator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parameters file as it is, by the command that a developer would use; the evaluator of the
    other tests, which takes the compiled template, says the same.
    """
    monkeypatch.setenv("PUBLISHER_EMAIL", "a@example.com")
    for file in (INFRA / "main.bicep", INFRA / "main.bicepparam", INFRA / "bicepconfig.json"):
        (tmp_path / file.name).write_text(file.read_text())
    for folder in ("modules", "policies", "queries"):
        (tmp_path / folder).symlink_to(INFRA / folder)
    file = tmp_path / "main.bicepparam"
    scope = {
        "tenant-id": TENANT,
        "subscription-id": SUBSCRIPTION,
        "resource-group": GROUP,
        "location": "swedencentral",
    }
    options = [
        word
        for name, value in {**scope, "deployment-name": "main"}.items()
        for word in (f"--{name}", value)
    ]
    run("snapshot", file, *options)
    snapshot = json.loads(file.with_suffix(".snapshot.json").read_text())
    assert snapshot["diagnostics"] == []
    compiled = evaluator.main_parameters(tmp_path, PUBLISHER_EMAIL="a@example.com")
    evaluated = evaluator.snapshot(compiled).resources
    assert len(evaluated) == len(snapshot["predictedResources"])
    readable = {resource["id"]: resource for resource in snapshot["predictedResources"]}
    assert {
        resource_id: evaluated[resource_id]
        for resource_id in readable
        if not resource_id.startswith("[")
    } == {
        resource_id: resource
        for resource_id, resource in readable.items()
        if not resource_id.startswith("[")
    }


type Parameters = Callable[..., dict[str, Any]]


@pytest.fixture
def from_environment(evaluator: Evaluator, tmp_path: Path) -> Parameters:
    """The parameters of main.bicepparam with the variables of the call set. Raises EvaluationError
    if they do not fit.
    """
    return lambda **variables: evaluator.compile_parameters(
        evaluator.main_parameters(tmp_path, **variables)
    )


def test_a_variable_that_is_empty_is_one_that_is_not_set() -> None:
    """The workflow hands on variables of the repository; one that nobody set comes as an empty
    text.
    """
    calls = re.findall(r"readEnvironmentVariable\((.*?)\)", (INFRA / "main.bicepparam").read_text())
    assert len(calls) > 20
    assert [call for call in calls if not re.fullmatch(r"'\w+', ''", call)] == []


def test_the_variables_are_those_of_the_environment(
    evaluator: Evaluator,
    from_environment: Parameters,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are read by the command that azd calls. The tests below write the values into the file
    instead.
    """
    variables = {"PROFILE": "production", "OPENAI_CAPACITY": "3", "ALERT_EMAIL": "a@example.com"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    built = json.loads(run("build-params", evaluator.main_parameters(tmp_path), "--stdout").stdout)
    values = json.loads(built["parametersJson"])["parameters"]
    assert {name: parameter["value"] for name, parameter in values.items()} == from_environment(
        **variables
    )


def test_the_model_and_its_account_come_from_the_environment(
    from_environment: Parameters,
) -> None:
    """Quota is a matter of the subscription: what cannot be had must be a variable to change. The
    default asks for the least.
    """
    (model,) = from_environment()["openAi"][0]["deployments"]
    assert model == {
        "name": "gpt-5.4-mini",
        "model": "gpt-5.4-mini",
        "version": "2026-03-17",
        "sku": "GlobalStandard",
        "capacity": 10,
    }
    (chosen,) = from_environment(
        OPENAI_MODEL="gpt-5.5",
        OPENAI_MODEL_VERSION="2026-04-24",
        OPENAI_SKU="DataZoneStandard",
        OPENAI_CAPACITY="3",
    )["openAi"][0]["deployments"]
    assert list(chosen.values()) == ["gpt-5.5", "gpt-5.5", "2026-04-24", "DataZoneStandard", 3]
    existing = from_environment(OPENAI_ACCOUNT="contoso", AZURE_RESOURCE_GROUP="fnsse-dev")[
        "openAi"
    ][0]
    assert existing == {"kind": "existing", "name": "contoso", "resourceGroup": "fnsse-dev"}
    elsewhere = from_environment(OPENAI_ACCOUNT="contoso", OPENAI_RESOURCE_GROUP="models")[
        "openAi"
    ][0]
    assert elsewhere["resourceGroup"] == "models"


def test_production_is_one_variable(from_environment: Parameters) -> None:
    """Two instances that never sleep, three zones, audit logs, and a vault that nobody can purge;
    the default deploys in every region and can be taken down without a trace.
    """
    chosen = ("storageSku", "keyVaultPurgeProtection", "auditLogs")
    default = from_environment()
    assert [default[name] for name in chosen] == ["Standard_LRS", False, False]
    assert default["scale"]["alwaysReady"][0] == {"name": "http", "instanceCount": 1}
    production = from_environment(PROFILE="production")
    assert [production[name] for name in chosen] == ["Standard_ZRS", True, True]
    assert production["scale"]["alwaysReady"][0] == {"name": "http", "instanceCount": 2}
    named = from_environment(
        STORAGE_SKU="Standard_GZRS",
        SITE_UPDATE_STRATEGY="Recreate",
        EVENTHUB_CAPACITY="8",
        ALERT_EMAIL="a@example.com,b@example.com",
        RUNBOOK_URL="https://example.com/runbook",
        AZURE_LOCATION="westeurope",
    )
    assert (named["storageSku"], named["siteUpdateStrategy"]) == ("Standard_GZRS", "Recreate")
    assert named["eventHubs"]["capacity"] == 8
    assert named["alerts"] == {"emails": ["a@example.com", "b@example.com"]}
    assert named["location"] == "westeurope"
    assert named["runbookUrl"] == "https://example.com/runbook"


@pytest.mark.parametrize(
    ("least", "current", "units"),
    [("", "8", 8), ("2", "8", 8), ("8", "2", 8), ("", "0", 1), ("4", "", 4)],
)
def test_a_deployment_takes_no_unit_from_the_event_hub(
    least: str, current: str, units: int, from_environment: Parameters
) -> None:
    """Auto-inflate only adds units; a deployment sets them. What there is now stays."""
    found = from_environment(EVENTHUB_CAPACITY=least, EVENTHUB_CURRENT_CAPACITY=current)
    assert found["eventHubs"]["capacity"] == units


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("PROFILE", "prod", "prod"),
        ("CALLER_AUTH", "Entra", "'entra'"),
        ("STORAGE_SKU", "Premium_LRS", "'Standard_LRS'"),
    ],
)
def test_a_misspelt_variable_is_rejected(
    name: str, value: str, allowed: str, from_environment: Parameters
) -> None:
    """It does not mean the default: the compiler names what it may be."""
    with pytest.raises(EvaluationError, match=allowed):
        from_environment(**{name: value})


def test_the_requested_region_is_used(evaluator: Evaluator, tmp_path: Path) -> None:
    """azd asks for one; the group may lie elsewhere. Without one it is the group's."""
    for line, region in (("param location = 'westeurope'", "westeurope"), ("", "swedencentral")):
        deployment = evaluator.evaluate(switches.parameters(PLAIN, line), tmp_path)
        regions = {resource.get("location", "global") for resource in deployment.resources.values()}
        assert regions == {region, "global"}
