"""The switches of infra/main.bicep: each alone, and a cover in which every two of their positions
meet.
"""

from __future__ import annotations

import itertools
from typing import Final

from tests.infra.bicep import SUBSCRIPTION

AUDIENCE: Final = "33333333-3333-4333-8333-333333333333"
OPERATORS: Final = ("44444444-4444-4444-8444-444444444444", "55555555-5555-4555-8555-555555555555")
HUB_SUBSCRIPTION: Final = "66666666-6666-4666-8666-666666666666"
SUBNETS: Final = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/vnet/subnets"
OTHERS: Final = f"/subscriptions/{SUBSCRIPTION}/resourceGroups"

DEPLOYMENT: Final = "{ name: 'gpt', model: 'gpt-5.4-mini', version: '2026-03-17', sku: 'GlobalStandard', capacity: 10 }"
ENVIRONMENT: Final = "Contoso_Gateway.Test (24c)"
# What its resources on API Management are named after: with the beginning of a hash of the group's
# id, the environment's name and the region.
GATEWAY: Final = "fnsse-contoso-gateway-test-ei75m"

# The resources that exist already, by the position of a switch that uses them.
EXISTING: Final = {
    "apiManagement=existing": {
        f"{OTHERS}/gateways/providers/Microsoft.ApiManagement/service/contoso-gateway"
    },
    "openAi=existing": {
        f"{OTHERS}/models/providers/Microsoft.CognitiveServices/accounts/contoso-models"
    },
    "openAi=pool": {
        f"{OTHERS}/models/providers/Microsoft.CognitiveServices/accounts/contoso-models"
    },
    "eventHubs=existing": {
        f"{OTHERS}/streams/providers/Microsoft.EventHub/namespaces/contoso-streams/eventhubs/llm-logs"
    },
    "logAnalytics=existing": {
        f"/subscriptions/{HUB_SUBSCRIPTION}/resourceGroups/logs/providers/Microsoft.OperationalInsights/workspaces/contoso-logs"
    },
    "network=existing": {f"{SUBNETS}/app", f"{SUBNETS}/endpoints", f"{SUBNETS}/gateway"},
}

# Switch -> position -> its lines in a .bicepparam. The first position is where main.bicepparam
# leaves it.
SWITCHES: Final[dict[str, dict[str, str]]] = {
    "apiManagement": {
        "new": "param apiManagement = { kind: 'new', sku: 'StandardV2', publisherEmail: 'a@example.com', publisherName: 'A' }",
        "existing": """param apiManagement = {
  kind: 'existing'
  name: 'contoso-gateway'
  resourceGroup: 'gateways'
  pathPrefix: 'ai'
}""",
    },
    "network": {
        "none": "",
        "new": "param network = { kind: 'private', virtualNetwork: { kind: 'new', addressPrefix: '10.20.0.0/24' } }",
        "existing": f"""param network = {{
  kind: 'private'
  virtualNetwork: {{
    kind: 'existing'
    functionAppSubnetId: '{SUBNETS}/app'
    privateEndpointsSubnetId: '{SUBNETS}/endpoints'
    apiManagementSubnetId: '{SUBNETS}/gateway'
  }}
  dns: {{ kind: 'existing', subscriptionId: '{HUB_SUBSCRIPTION}', resourceGroup: 'dns' }}
}}""",
    },
    "eventHubs": {
        "new": "",
        "capture": """param eventHubs = {
  kind: 'new'
  consumerGroups: ['adx', 'audit']
  capture: { intervalInSeconds: 300, sizeLimitInBytes: 314572800 }
}""",
        "existing": """param eventHubs = {
  kind: 'existing'
  name: 'contoso-streams'
  resourceGroup: 'streams'
  eventHub: 'llm-logs'
}""",
    },
    "openAi": {
        "new": f"param openAi = [{{ kind: 'new', deployments: [{DEPLOYMENT}] }}]",
        "existing": "param openAi = [{ kind: 'existing', name: 'contoso-models', resourceGroup: 'models' }]",
        # provisioned throughput in one region first, then two that share what it refuses
        "pool": f"""param openAi = [
  {{ kind: 'existing', name: 'contoso-models', resourceGroup: 'models' }}
  {{ kind: 'new', deployments: [{DEPLOYMENT}], priority: 2, weight: 3 }}
  {{ kind: 'new', deployments: [{DEPLOYMENT}], region: 'francecentral', suffix: 'france', priority: 2 }}
]""",
    },
    "callerAuth": {
        "function_key": "",
        "entra": f"""param callerAuth = 'entra'
param audienceClientId = '{AUDIENCE}'
param operatorObjectIds = {list(OPERATORS)}""",
    },
    "logAnalytics": {
        "new": "",
        "existing": f"""param logAnalytics = {{
  kind: 'existing'
  name: 'contoso-logs'
  resourceGroup: 'logs'
  subscriptionId: '{HUB_SUBSCRIPTION}'
}}""",
    },
}

type Setting = tuple[tuple[str, str], ...]  # ((switch, position), …), every switch once


def parameters(setting: Setting, more: str = "") -> str:
    """The .bicepparam of a setting, without its `using`; a parameter in `more` takes the place of
    the setting's.
    """
    lines = [SWITCHES[switch][position] for switch, position in setting]
    # `more` says otherwise
    lines = [line for line in lines if not line or line.split(" = ")[0] not in more]
    return "\n".join([f"param environmentName = '{ENVIRONMENT}'", *lines, more, ""])


def name(setting: Setting) -> str:
    """The switches that differ from the first positions."""
    return (
        " ".join(
            f"{switch}={position}"
            for switch, position in setting
            if position != next(iter(SWITCHES[switch]))
        )
        or "plain"
    )


def existing(setting: Setting) -> set[str]:
    """The ids of resources that are there already."""
    return {
        resource_id
        for switch, position in setting
        for resource_id in EXISTING.get(f"{switch}={position}", ())
    }


def settings() -> list[Setting]:
    """None turned, each turned alone, and enough more that every two positions of two switches
    meet.
    """
    plain = {switch: next(iter(positions)) for switch, positions in SWITCHES.items()}
    alone = [
        {**plain, switch: position}
        for switch, positions in SWITCHES.items()
        for position in positions
    ]
    chosen = list(dict.fromkeys(tuple(setting.items()) for setting in [plain, *alone]))
    every = [
        tuple(zip(SWITCHES, positions, strict=True))
        for positions in itertools.product(*SWITCHES.values())
    ]
    open_pairs = {pair for setting in every for pair in pairs(setting)} - {
        pair for setting in chosen for pair in pairs(setting)
    }
    while open_pairs:
        best = max(every, key=lambda setting: len(open_pairs & pairs(setting)))
        chosen.append(best)
        open_pairs -= pairs(best)
    return chosen


def pairs(setting: Setting) -> set[Setting]:
    """Every two positions that meet in it."""
    return set(itertools.combinations(setting, 2))


PLAIN: Final = settings()[0]  # every switch in its first position


def setting_with(**positions: str) -> Setting:
    """PLAIN with other positions of the named switches."""
    return tuple((switch, positions.get(switch, position)) for switch, position in PLAIN)
