"""The private network (virtual-network.bicep, private-endpoints.bicep, private-dns.bicep)."""

from __future__ import annotations

from pathlib import Path

from tests.infra import switches
from tests.infra.bicep import Evaluator
from tests.infra.switches import PLAIN, setting_with


def test_records_and_endpoints_may_be_elsewhere(evaluator: Evaluator, tmp_path: Path) -> None:
    """No DNS zones and records are made, and existing resources get no endpoint if the network
    reaches them already.
    """
    network = """param network = {
  kind: 'private'
  virtualNetwork: { kind: 'new', addressPrefix: '10.20.0.0/24' }
  dns: { kind: 'none' }
}"""
    more = f"""{network}
param openAi = [{{
  kind: 'existing'
  name: 'models'
  resourceGroup: 'models'
  privateEndpoint: false
}}]"""
    deployment = evaluator.evaluate(switches.parameters(PLAIN, more), tmp_path)
    assert deployment.of("Microsoft.Network/privateDnsZones") == []
    assert deployment.of("Microsoft.Network/privateEndpoints/privateDnsZoneGroups") == []
    connections = [
        connection["properties"]
        for endpoint in deployment.of("Microsoft.Network/privateEndpoints")
        for connection in endpoint["properties"]["privateLinkServiceConnections"]
    ]
    assert [connection for connection in connections if connection["groupIds"] == ["account"]] == []
    assert [connection for connection in connections if connection["groupIds"] == ["namespace"]]


def test_a_new_network_has_room_and_is_closed_from_outside(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    """The app's subnet is the largest; each has a security group, and the delegation that its
    service asks for.
    """
    deployment = evaluator.evaluate(switches.parameters(setting_with(network="new")), tmp_path)
    subnets = {
        subnet["name"]: subnet["properties"]
        for subnet in deployment.one("Microsoft.Network/virtualNetworks")["properties"]["subnets"]
    }
    assert {name: subnet["addressPrefix"] for name, subnet in subnets.items()} == {
        "function-app": "10.20.0.0/26",
        "private-endpoints": "10.20.0.64/27",
        "api-management": "10.20.0.96/27",
    }
    delegations = {
        name: [to["properties"]["serviceName"] for to in subnet["delegations"]]
        for name, subnet in subnets.items()
    }
    assert delegations == {
        "function-app": ["Microsoft.App/environments"],
        "private-endpoints": [],
        "api-management": ["Microsoft.Web/serverFarms"],
    }
    assert {subnet["networkSecurityGroup"]["id"] for subnet in subnets.values()} == {
        resource["id"] for resource in deployment.of("Microsoft.Network/networkSecurityGroups")
    }
