"""azd's hook after it has provisioned: the hub lets the private Azure Data Explorer cluster in.

On a private network the cluster reads the hub over a private endpoint of its own. It asks the
namespace for it, and the namespace waits for somebody's approval. A template cannot give it: the
name of the request is not known before.
"""

from __future__ import annotations

import sys
from typing import Any

import azure
import deployed


def main() -> None:
    """Approve the requests of this environment's cluster, and of nobody else."""
    try:
        for cluster in deployed.resource_ids("Microsoft.Kusto/clusters"):
            let_in(cluster)
    except azure.Refused as refusal:
        sys.exit(
            f"postprovision: {refusal}. Until the owner of the Event Hubs namespace approves its "
            "private endpoint connection, no event reaches Azure Data Explorer "
            "(docs/how-to/analyse-events.md)"
        )


def let_in(cluster: str) -> None:
    """Refused if the namespace cannot be asked or changed."""
    ways = azure.rest(
        "get", f"{deployed.ARM}{cluster}/managedPrivateEndpoints?api-version=2023-08-15"
    )
    for way in ways["value"]:
        namespace = way["properties"]["privateLinkResourceId"]
        message = way["properties"]["requestMessage"]
        for connection in _connections(namespace):
            state = connection["properties"]["privateLinkServiceConnectionState"]
            if state["status"] == "Pending" and state.get("description") == message:
                _approve(connection)
                print(f"postprovision: {namespace.rpartition('/')[2]} lets the cluster read")


def _connections(namespace: str) -> list[dict[str, Any]]:
    listed = azure.rest(
        "get", f"{deployed.ARM}{namespace}/privateEndpointConnections?api-version=2024-01-01"
    )
    connections: list[dict[str, Any]] = listed["value"]
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
