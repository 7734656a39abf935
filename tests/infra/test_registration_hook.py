"""azd's hook registers the app in Entra once, finds the registration again, and does nothing if no
token is required.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.infra.hook_tools import Tools

HOOK = "preprovision.py"
CLIENT_ID = "3c2f1d0e-0000-4000-8000-000000000001"

ENVIRONMENT = {"AZURE_ENV_NAME": "dev"}
ENTRA = {**ENVIRONMENT, "CALLER_AUTH": "entra"}


def calls_of_entra(tools: Tools) -> list[list[str]]:
    """The calls but for the one that looks for an Event Hubs namespace."""
    looking, *calls = tools.calls()
    assert looking[:3] == ["az", "resource", "list"]
    return calls


@pytest.mark.parametrize(
    "environment",
    [
        ENVIRONMENT,
        {**ENVIRONMENT, "CALLER_AUTH": "function_key"},
        {**ENTRA, "AUDIENCE_CLIENT_ID": CLIENT_ID},
    ],
    ids=str,
)
def test_no_registration_is_made_if_none_is_needed(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    """With a function key there is no audience, and a given audience is used as it is."""
    tools = Tools(tmp_path, HOOK, {})
    assert tools.run(**environment).returncode == 0
    assert calls_of_entra(tools) == []


def test_a_registration_is_made_once(tmp_path: Path) -> None:
    """The registration is for this tenant alone, has a service principal and no secret, and is kept
    in azd's environment.
    """
    tools = Tools(
        tmp_path, HOOK, {"az ad app create": f"{CLIENT_ID}\nobject-id", "az ad sp show": None}
    )
    run = tools.run(**ENTRA)
    assert run.returncode == 0, run.stderr
    calls = calls_of_entra(tools)
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
    """It is found by its name, and nothing of it is changed."""
    tools = Tools(tmp_path, HOOK, {"az ad app list": CLIENT_ID})
    assert tools.run(**ENTRA).returncode == 0
    assert [" ".join(call[:4]) for call in calls_of_entra(tools)] == [
        "az ad app list",
        "az ad sp show",
        "azd env set AUDIENCE_CLIENT_ID",
    ]


def test_two_of_one_name_are_for_a_person_to_choose_from(tmp_path: Path) -> None:
    """The hook stops azd, and says what to do."""
    tools = Tools(tmp_path, HOOK, {"az ad app list": f"{CLIENT_ID}\n{CLIENT_ID}"})
    run = tools.run(**ENTRA)
    assert run.returncode == 1
    assert "azd env set AUDIENCE_CLIENT_ID" in run.stderr
    assert not [call for call in calls_of_entra(tools) if call[0] == "azd"]


def test_a_refusal_stops_azd(tmp_path: Path) -> None:
    """azd stops before it deploys anything if the user may not register applications."""
    tools = Tools(tmp_path, HOOK, {"az ad app create": None})
    assert tools.run(**ENTRA).returncode != 0
    assert not [call for call in calls_of_entra(tools) if call[0] == "azd"]


PATCH = "az rest --method patch"


def test_what_entra_does_not_know_at_once_is_tried_again(tmp_path: Path) -> None:
    """A registration that was made a moment ago may not be found by the next call."""
    answers = {
        "az ad app create": f"{CLIENT_ID}\nobject-id",
        PATCH: [None, None, ""],
        "az ad sp show": None,
        "az ad sp create": [None, ""],
    }
    tools = Tools(tmp_path, HOOK, answers)
    run = tools.run(**ENTRA)
    assert run.returncode == 0, run.stderr
    calls = calls_of_entra(tools)
    # two of the first and one of the second failed
    assert [" ".join(call[:4]) for call in calls].count(PATCH) == 4
    assert [" ".join(call[:4]) for call in calls].count("az ad sp create") == 2
    assert calls[-1] == ["azd", "env", "set", "AUDIENCE_CLIENT_ID", CLIENT_ID]


def test_a_registration_that_cannot_be_completed_is_taken_back(tmp_path: Path) -> None:
    """The next run would find it by its name and take it for whole: without a scope no operator
    gets a token.
    """
    tools = Tools(
        tmp_path, HOOK, {"az ad app create": f"{CLIENT_ID}\nobject-id", PATCH: ["", None]}
    )
    assert tools.run(**ENTRA).returncode != 0
    calls = calls_of_entra(tools)
    assert calls[-1] == ["az", "ad", "app", "delete", "--id", CLIENT_ID]
    assert not [call for call in calls if call[0] == "azd"]
