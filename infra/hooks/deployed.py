"""Finds an environment's resources in Azure by the tag that azd and the templates give them."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, Final

import azure

ARM: Final = "https://management.azure.com"


def resource_ids(resource_type: str) -> list[str]:
    """The ids of this environment's resources of a type. Raises CommandFailed if Azure cannot be
    asked.
    """
    environment = os.environ.get("AZURE_ENV_NAME")
    if not environment:
        sys.exit("AZURE_ENV_NAME is not set; azd sets it")
    # By type alone: an option may not hold the name of an environment (azure.py), and a group that
    # does not exist yet would be an error.
    arguments = ["resource", "list", "--resource-type", resource_type, "--output", "json"]
    if subscription := os.environ.get("AZURE_SUBSCRIPTION_ID"):
        arguments += ["--subscription", subscription]
    group = os.environ.get("AZURE_RESOURCE_GROUP")
    resources: list[dict[str, Any]] = json.loads(azure.az(*arguments) or "[]")
    return [
        str(resource["id"])
        for resource in resources
        if (resource.get("tags") or {}).get("azd-env-name") == environment
        and (not group or resource["resourceGroup"].casefold() == group.casefold())
    ]
