"""azd's hook after it has provisioned: the hub accepts the private Azure Data Explorer cluster.

On a private network the cluster reads the hub over a private endpoint of its own. It asks the
namespace for it, and the namespace waits for somebody's approval. A template cannot approve it,
because the name of the request is not known before.
"""

from __future__ import annotations

import sys
from typing import Any

import azure
import deployed


def main() -> None:
    """Approve the requests of this environment's cluster, and no others."""
    try:
        for cluster in deployed.resource_ids("Microsoft.Kusto/clusters"):
            approve_endpoints_of(cluster)
    except azure.CommandFailed as failure:
        sys.exit(
            f"postprovision: {failure}. Until the owner of the Event Hubs namespace approves its "
            "private endpoint connection, no event reaches Azure Data Explorer "
            "(docs/how-to/analyse-events.md)"
        )


def approve_endpoints_of(cluster: str) -> None:
    """Approve the endpoints that the cluster asked for. Raises CommandFailed if the namespace
    cannot be read or changed.
    """
    endpoints = azure.rest(
        "get", f"{deployed.ARM}{cluster}/managedPrivateEndpoints?api-version=2023-08-15"
    )
    for endpoint in endpoints["value"]:
        namespace = endpoint["properties"]["privateLinkResourceId"]
        message = endpoint["properties"]["requestMessage"]
        for connection in _connections(namespace):
            state = connection["properties"]["privateLinkServiceConnectionState"]
            if state["status"] == "Pending" and state.get("description") == message:
                _approve(connection)
                print(f"postprovision: {namespace.rpartition('/')[2]} is open to the cluster")


def _connections(namespace: str) -> list[dict[str, Any]]:
    response = azure.rest(
        "get", f"{deployed.ARM}{namespace}/privateEndpointConnections?api-version=2024-01-01"
    )
    connections: list[dict[str, Any]] = response["value"]
    return connections


def _approve(connection: dict[str, Any]) -> None:
    properties = connection["properties"]
    state = properties["privateLinkServiceConnectionState"] | {"status": "Approved"}
    azure.rest(
        "put",
        f"{deployed.ARM}{connection['id']}?api-version=2024-01-01",
        {
            "properties": {
                "privateEndpoint": properties["privateEndpoint"],
                "privateLinkServiceConnectionState": state,
            }
        },
    )


if __name__ == "__main__":
    main()
