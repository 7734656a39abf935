"""After each provisioning azd's hook approves the private cluster's endpoint at the hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.infra.hook_tools import Tools

DEV = {"AZURE_ENV_NAME": "dev"}
LIST = "az resource list --resource-type"
GET = "az rest --method get"
PUT = "az rest --method put"
CLUSTER = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Kusto/clusters/adx"
NAMESPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.EventHub/namespaces/hubs"
MESSAGE = "fnsse: adx reads events"
CLUSTERS = json.dumps([{"id": CLUSTER, "resourceGroup": "g", "tags": {"azd-env-name": "dev"}}])
ENDPOINTS = json.dumps(
    {"value": [{"properties": {"privateLinkResourceId": NAMESPACE, "requestMessage": MESSAGE}}]}
)


def connection(name: str, status: str = "Pending", message: str = MESSAGE) -> dict[str, Any]:
    """A request for a private endpoint, as the namespace lists it."""
    return {
        "id": f"{NAMESPACE}/privateEndpointConnections/{name}",
        "properties": {
            "privateEndpoint": {"id": f"/endpoints/{name}"},
            "privateLinkServiceConnectionState": {"status": status, "description": message},
        },
    }


def connection_list(*connections: dict[str, Any]) -> str:
    return json.dumps({"value": connections})


def test_the_request_of_the_cluster_is_approved_and_no_other(tmp_path: Path) -> None:
    """Requests of others, and those that were answered, are left to whom they concern."""
    connections = connection_list(
        connection("ours"),
        connection("theirs", message="please"),
        connection("old", status="Rejected"),
    )
    tools = Tools(tmp_path, "postprovision.py", {LIST: CLUSTERS, GET: [ENDPOINTS, connections]})
    run = tools.run(**DEV)
    assert run.returncode == 0, run.stderr
    (approval,) = [call for call in tools.calls() if " ".join(call[:4]) == PUT]
    assert f"{NAMESPACE}/privateEndpointConnections/ours?" in approval[approval.index("--url") + 1]
    body = json.loads(approval[approval.index("--body") + 1])["properties"]
    assert body["privateEndpoint"] == {"id": "/endpoints/ours"}
    assert body["privateLinkServiceConnectionState"]["status"] == "Approved"


def test_without_a_cluster_there_is_nothing_to_do(tmp_path: Path) -> None:
    tools = Tools(tmp_path, "postprovision.py", {LIST: "[]"})
    assert tools.run(**DEV).returncode == 0
    assert len(tools.calls()) == 1


def test_a_refusal_names_who_has_to_approve(tmp_path: Path) -> None:
    """The namespace may belong to others."""
    answers: dict[str, str | list[str | None] | None] = {
        LIST: CLUSTERS,
        GET: [ENDPOINTS, connection_list(connection("ours"))],
        PUT: None,
    }
    run = Tools(tmp_path, "postprovision.py", answers).run(**DEV)
    assert run.returncode == 1
    assert "owner of the Event Hubs namespace approves" in run.stderr
