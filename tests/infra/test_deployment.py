"""The resources that infra/main.bicep deploys, for each switch alone and for every two positions
together, as the Bicep CLI evaluates it.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import pytest

from local.stack.storage import CONTAINERS, QUEUES
from shared.core.records.delivery import ledger_entries
from shared.core.records.exchange import capture
from shared.core.records.queue import follow_up
from shared.core.records.queue.envelope_message import POISON_QUEUE, QUEUE
from tests.infra import switches
from tests.infra.bicep import GROUP_ID, INFRA, Deployment
from tests.infra.switches import Setting

SETTINGS: Final = {switches.name(setting): setting for setting in switches.settings()}
pytestmark = pytest.mark.parametrize("name", SETTINGS)

# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
ROLES: Final = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": "Storage Blob Data Reader",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
    "2b629674-e913-4c01-ae53-ef4638d8f975": "Azure Event Hubs Data Sender",
    "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd": "Cognitive Services OpenAI User",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
    "4633458b-17de-408a-b874-0445c86b69e6": "Key Vault Secrets User",
}
# Position of the switch openAi -> the accounts that are called.
ACCOUNTS: Final = {
    "new": ["new account"],
    "existing": ["existing account"],
    "pool": ["existing account", "new account", "new account in France"],
}
SECRETS: Final = re.compile(
    r"(?i)listkeys|listsecrets|accountkey=|sharedaccesskey|sharedaccesssignature|sig=|newguid\("
)


@pytest.fixture
def deployment(name: str, deployments: dict[str, Deployment]) -> Deployment:
    return deployments[name]


@pytest.fixture
def setting(name: str) -> Setting:
    return SETTINGS[name]


def test_it_is_evaluated_whole(deployment: Deployment) -> None:
    """No nested deployment was left out, and every resource has a name that is known before
    anything is deployed.
    """
    assert deployment.diagnostics == []
    assert [
        resource_id
        for resource_id in deployment.resources
        if "[" in resource_id or "//" in resource_id
    ] == []
    assert len(deployment.resources) > 40


def test_no_resource_refers_to_one_that_a_switch_omits(
    deployment: Deployment, setting: Setting
) -> None:
    """Every resource id anywhere in it is of something deployed, or of something that the
    parameters say is there.
    """
    there = set(deployment.resources) | switches.existing(setting)
    there |= {
        f"{network['id']}/subnets/{subnet['name']}" for network, subnet in _subnets(deployment)
    }
    # makes itself, and its keys
    there.add(f"{deployment.one('Microsoft.Web/sites')['id']}/host/default")
    dns = f"/subscriptions/{switches.HUB_SUBSCRIPTION}/resourceGroups/dns/providers/Microsoft.Network/privateDnsZones/"
    unknown = [
        resource_id
        for resource_id in deployment.mentioned_ids
        if not _is_or_holds_one_of(resource_id, there)
    ]
    if ("network", "existing") in setting:
        unknown = [resource_id for resource_id in unknown if not resource_id.startswith(dns)]
    assert unknown == []


def _subnets(deployment: Deployment) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    networks = deployment.of("Microsoft.Network/virtualNetworks")
    return [
        (network, subnet) for network in networks for subnet in network["properties"]["subnets"]
    ]


def _is_or_holds_one_of(resource_id: str, there: set[str]) -> bool:
    return resource_id in there or any(child_id.startswith(f"{resource_id}/") for child_id in there)


def test_access_is_this_table_and_no_more(deployment: Deployment, setting: Setting) -> None:
    """Each identity has the roles that it needs, on the one resource, and each assignment says what
    it is for.
    """
    found = {
        (_principal_name(assignment["principalId"]), ROLES[_role(assignment)], _resource_kind(on))
        for on, assignment in deployment.assignments
    }
    expected = {
        ("app", "Storage Blob Data Owner", "host account"),
        ("app", "Storage Queue Data Contributor", "host account"),
        ("app", "Storage Table Data Contributor", "host account"),
        ("app", "Storage Blob Data Contributor", f"container {capture.CONTAINER}"),
        ("app", "Storage Blob Data Contributor", f"container {ledger_entries.CONTAINER}"),
        ("app", "Storage Blob Data Reader", "container policies"),
        ("app", "Storage Queue Data Contributor", f"queue {QUEUE}"),
        ("app", "Storage Queue Data Contributor", f"queue {POISON_QUEUE}"),
        ("app", "Storage Queue Data Contributor", f"queue {follow_up.QUEUE}"),
        ("app", "Azure Event Hubs Data Sender", "hub"),
        ("app", "Monitoring Metrics Publisher", "Application Insights"),
        ("gateway", "Monitoring Metrics Publisher", "Application Insights"),
    }
    # the app calls one account itself, a pool of them through API Management
    pooled = ("openAi", "pool") in setting
    expected |= {
        ("gateway" if pooled else "app", "Cognitive Services OpenAI User", account)
        for account in ACCOUNTS[dict(setting)["openAi"]]
    }
    if ("callerAuth", "function_key") in setting:
        expected.add(("gateway", "Key Vault Secrets User", "vault"))
    if ("eventHubs", "capture") in setting:
        expected.add(("capture", "Storage Blob Data Contributor", "container event-hubs-capture"))
    assert found == expected
    assert len(deployment.assignments) == len(expected)
    assert all(
        len(assignment["description"]) > 20 and assignment["principalType"] == "ServicePrincipal"
        for _, assignment in deployment.assignments
    )


def test_a_role_is_on_a_resource_that_is_there(deployment: Deployment, setting: Setting) -> None:
    """It is deployed here, or exists as the parameters say."""
    there = set(deployment.resources) | switches.existing(setting)
    assert [on for on, _ in deployment.assignments if on not in there] == []


def _role(assignment: dict[str, Any]) -> str:
    return str(assignment["roleDefinitionId"]).rpartition("/")[2]


def _principal_name(principal: str) -> str:
    of = re.fullmatch(r"\[reference\('([^']+)'.*\)\.(?:identity\.)?principalId\]", principal)
    assert of is not None, principal
    for pattern, who in (
        ("ManagedIdentity/userAssignedIdentities/[^/]+-capture", "capture"),
        ("ManagedIdentity/userAssignedIdentities/[^/]+", "app"),
        ("ApiManagement/service/[^/]+", "gateway"),
    ):
        if re.search(f"/Microsoft.{pattern}$", of[1]):
            return who
    raise AssertionError(principal)


def _resource_kind(resource_id: str) -> str:
    for pattern, what in (
        (r"/storageAccounts/sthost\w+$", "host account"),
        (r"/storageAccounts/stcapt\w+/blobServices/default/containers/([\w-]+)$", r"container \1"),
        (r"/storageAccounts/stcapt\w+/queueServices/default/queues/([\w-]+)$", r"queue \1"),
        (r"/namespaces/[\w-]+/eventhubs/[\w-]+$", "hub"),
        (r"/Microsoft.CognitiveServices/accounts/contoso-models$", "existing account"),
        (r"/Microsoft.CognitiveServices/accounts/oai-[\w-]+-france$", "new account in France"),
        (r"/Microsoft.CognitiveServices/accounts/oai-[\w-]+$", "new account"),
        (r"/Microsoft.Insights/components/[\w-]+$", "Application Insights"),
        (r"/vaults/[\w-]+$", "vault"),
    ):
        found = re.search(pattern, resource_id)
        if found:
            return found.expand(what)
    raise AssertionError(resource_id)


def test_the_one_secret_is_the_function_key_in_the_vault(
    deployment: Deployment, setting: Setting
) -> None:
    """No output and no setting holds a secret; where API Management needs a function key, the vault
    has it.
    """
    holders = {
        resource_id
        for resource_id, resource in deployment.resources.items()
        if SECRETS.search(json.dumps(resource))
    }
    secret_ids = {resource["id"] for resource in deployment.of("Microsoft.KeyVault/vaults/secrets")}
    assert holders == secret_ids
    assert len(secret_ids) == (("callerAuth", "function_key") in setting)
    assert not SECRETS.search(json.dumps(deployment.outputs))


def test_keys_open_nothing(deployment: Deployment) -> None:
    """Storage, Event Hubs, Azure OpenAI, Application Insights and the app's publishing take Entra
    tokens alone.
    """
    for account in deployment.of("Microsoft.Storage/storageAccounts"):
        assert account["properties"]["allowSharedKeyAccess"] is False
        assert account["properties"]["allowBlobPublicAccess"] is False
    for resource_type in ("Microsoft.EventHub/namespaces", "Microsoft.CognitiveServices/accounts"):
        assert all(
            resource["properties"]["disableLocalAuth"] is True
            for resource in deployment.of(resource_type)
        )
    assert deployment.one("Microsoft.Insights/components")["properties"]["DisableLocalAuth"] is True
    policies = deployment.of("Microsoft.Web/sites/basicPublishingCredentialsPolicies")
    assert {
        resource["name"].rpartition("/")[2]: resource["properties"]["allow"]
        for resource in policies
    } == {
        "ftp": False,
        "scm": False,
    }


def test_queues_and_containers_are_those_of_the_code(
    deployment: Deployment, setting: Setting
) -> None:
    """The deployed queues and containers are those that the app names and that the local stack
    creates.
    """
    queues = deployment.of("Microsoft.Storage/storageAccounts/queueServices/queues")
    containers = deployment.of("Microsoft.Storage/storageAccounts/blobServices/containers")
    assert {_last(resource) for resource in queues} == set(QUEUES)
    assert set(QUEUES) == {QUEUE, POISON_QUEUE, follow_up.QUEUE}
    of_captures = {
        _last(resource) for resource in containers if resource["name"].startswith("stcapt")
    }
    archive = {"event-hubs-capture"} if ("eventHubs", "capture") in setting else set()
    own = {capture.CONTAINER, ledger_entries.CONTAINER, "policies"}
    assert of_captures - archive == own == set(CONTAINERS)
    assert archive <= of_captures
    package = deployment.one("Microsoft.Web/sites")["properties"]["functionAppConfig"][
        "deployment"
    ]["storage"]["value"]
    assert {
        f"'{_last(resource)}'" for resource in containers if resource["name"].startswith("sthost")
    } == set(re.findall("'app-[^']*'", package))


def _last(resource: dict[str, Any]) -> str:
    return str(resource["name"]).rpartition("/")[2]


def test_a_private_network_has_no_public_access(deployment: Deployment, setting: Setting) -> None:
    """With a private network, each new resource has a private endpoint and no public address;
    without one, no network is deployed.
    """
    private = ("network", "none") not in setting
    closed = {
        "Microsoft.Storage/storageAccounts": 2,
        "Microsoft.EventHub/namespaces": ("eventHubs", "existing") not in setting,
        "Microsoft.CognitiveServices/accounts": sum(
            account.startswith("new") for account in ACCOUNTS[dict(setting)["openAi"]]
        ),
        "Microsoft.Web/sites": 1,
        "Microsoft.KeyVault/vaults": ("callerAuth", "function_key") in setting,
    }
    endpoints = [
        (connection["privateLinkServiceId"], *connection["groupIds"])
        for endpoint in deployment.of("Microsoft.Network/privateEndpoints")
        for connection in [endpoint["properties"]["privateLinkServiceConnections"][0]["properties"]]
    ]
    for resource_type, count in closed.items():
        found = deployment.of(resource_type)
        assert len(found) == count, resource_type
        assert {resource["properties"]["publicNetworkAccess"] for resource in found} <= {
            "Disabled" if private else "Enabled"
        }
        if private:
            assert {resource["id"] for resource in found} <= {leads_to for leads_to, _ in endpoints}
    if not private:
        assert not [
            resource_id
            for resource_id in deployment.resources
            if "/Microsoft.Network/" in resource_id
        ]
        assert deployment.one("Microsoft.Web/sites")["properties"]["virtualNetworkSubnetId"] is None
        return
    assert sorted(group for _, group in endpoints if group in {"blob", "queue", "table"}) == [
        "blob",
        "blob",
        "queue",
        "queue",
        "table",
    ]
    assert {"namespace", "account", "sites"} <= {group for _, group in endpoints}
    assert deployment.one("Microsoft.Web/sites")["properties"]["virtualNetworkSubnetId"].endswith(
        ("/function-app", "/app")
    )


def test_private_endpoints_are_resolved(deployment: Deployment, setting: Setting) -> None:
    """Each has records in zones that are made and linked here, or that are there already."""
    groups = deployment.of("Microsoft.Network/privateEndpoints/privateDnsZoneGroups")
    used = {
        config["properties"]["privateDnsZoneId"]
        for group in groups
        for config in group["properties"]["privateDnsZoneConfigs"]
    }
    zones = {resource["id"] for resource in deployment.of("Microsoft.Network/privateDnsZones")}
    links = {
        resource["id"].rpartition("/virtualNetworkLinks/")[0]
        for resource in deployment.resources.values()
        if _is_link(resource)
    }
    assert len(groups) == len(deployment.of("Microsoft.Network/privateEndpoints"))
    assert zones == links
    if ("network", "existing") in setting:
        assert zones == set()
        assert {resource_id.split("/")[4] for resource_id in used} == {"dns"}
    else:
        assert used == zones


def _is_link(resource: dict[str, Any]) -> bool:
    return str(resource["type"]) == "Microsoft.Network/privateDnsZones/virtualNetworkLinks"


def test_the_app_runs_as_it_should_on_flex_consumption(deployment: Deployment) -> None:
    """Python 3.13, identity everywhere, a rolling update, and as many calls at once as an instance
    was measured to take.
    """
    app, plan = deployment.one("Microsoft.Web/sites"), deployment.one("Microsoft.Web/serverfarms")
    assert plan["sku"] == {"name": "FC1", "tier": "FlexConsumption"}
    assert app["kind"] == "functionapp,linux"
    assert app["properties"]["httpsOnly"] is True
    config = app["properties"]["functionAppConfig"]
    (identity,) = app["identity"]["userAssignedIdentities"]
    assert config["runtime"] == {
        "name": "python",
        "version": (INFRA.parent / ".python-version").read_text().strip(),
    }
    assert config["deployment"]["storage"]["authentication"] == {
        "type": "UserAssignedIdentity",
        "userAssignedIdentityResourceId": identity,
    }
    assert config["siteUpdateStrategy"] == {"type": "RollingUpdate"}
    scale = config["scaleAndConcurrency"]
    assert scale["triggers"] == {"http": {"perInstanceConcurrency": 100}}
    assert scale["alwaysReady"] == [
        {"name": "http", "instanceCount": 1},
        {"name": "durable", "instanceCount": 1},
    ]
    assert (scale["instanceMemoryMB"], scale["maximumInstanceCount"]) == (2048, 100)


def test_names_are_as_azure_wants_them(deployment: Deployment) -> None:
    """This includes the longest name of an environment."""
    limits = {
        "Microsoft.Storage/storageAccounts": r"[a-z0-9]{3,24}",
        "Microsoft.KeyVault/vaults": r"[a-z][a-z0-9-]{1,22}[a-z0-9]",
        "Microsoft.Web/sites": r"[a-z0-9][a-z0-9-]{0,58}[a-z0-9]",
        "Microsoft.EventHub/namespaces": r"[a-z][a-z0-9-]{4,48}[a-z0-9]",
        "Microsoft.CognitiveServices/accounts": r"[a-z0-9][a-z0-9-]{0,62}[a-z0-9]",
        "Microsoft.ApiManagement/service": r"[a-z][a-z0-9-]{0,48}[a-z0-9]",
    }
    for resource_type, pattern in limits.items():
        assert all(
            re.fullmatch(pattern, resource["name"]) for resource in deployment.of(resource_type)
        ), resource_type


def test_what_is_new_lies_in_the_resource_group_and_is_tagged(
    deployment: Deployment, setting: Setting
) -> None:
    """Each new resource is in the resource group and tagged, except role assignments and the API,
    which belong to existing resources.
    """
    ours = [
        resource
        for resource in deployment.resources.values()
        if resource["id"].startswith(GROUP_ID)
    ]
    others = [
        resource
        for resource in deployment.resources.values()
        if not resource["id"].startswith(GROUP_ID)
    ]
    allowed = ("Microsoft.Authorization/roleAssignments", "Microsoft.ApiManagement/service/")
    assert [resource["id"] for resource in others if not resource["type"].startswith(allowed)] == []
    assert [
        resource["id"]
        for resource in ours
        if "location" in resource and resource["tags"]["application"] != "fnsse"
    ] == []
