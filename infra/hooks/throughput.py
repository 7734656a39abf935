"""Keeps the units of the environment's Event Hubs namespace over a deployment.

A deployment sets the capacity that its parameters name. A namespace that has inflated to eight
units in the meantime would fall to one in the busiest hour of a week.
"""

from __future__ import annotations

import os
from typing import Final

import azure
import deployed

VARIABLE: Final = "EVENTHUB_CURRENT_CAPACITY"  # infra/main.bicepparam: at least so many units


def keep_units() -> None:
    """Set the number of units for the parameters. Raises CommandFailed if Azure cannot be asked."""
    units = str(max(map(_units, deployed.resource_ids("Microsoft.EventHub/namespaces")), default=0))
    if units != (os.environ.get(VARIABLE) or "0"):
        azure.azd("env", "set", VARIABLE, units)
        print(f"preprovision: the Event Hubs namespace keeps its {units} units")


def _units(namespace: str) -> int:
    resource = azure.rest("get", f"{deployed.ARM}{namespace}?api-version=2024-01-01")
    return int(resource["sku"]["capacity"])
