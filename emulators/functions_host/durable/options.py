"""host.json's extensions.durableTask (learn.microsoft.com, durable-functions-bindings, "host.json
settings").
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from emulators.functions_host.unsupported import StartError, Unsupported

# They tune speed, storage and traces of the real host, which no app could notice here, or keep two
# versions of an app apart: this host runs one.
_WITHOUT_EFFECT_HERE: Final = frozenset(
    {"storageprovider", "tracing", "maxconcurrentorchestratorfunctions", "extendedsessionsenabled",
     "extendedsessionidletimeoutinseconds", "usegracefulshutdown", "usetablepartitionmanagement",
     "partitionmanager", "maxentityoperationbatchsize", "maxconcurrententityfunctions",
     "defaultversion", "versionmatchstrategy", "versionfailurestrategy"}
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class DurableOptions:
    """The options that this host uses."""

    # "TestHubName" is the extension's default on a machine without WEBSITE_SITE_NAME
    # (DurableTaskOptions).
    hub_name: str = "TestHubName"
    max_concurrent_activities: int = 10


def parse_durable_options(section: Mapping[str, Any] | None) -> DurableOptions:
    """Read the section, whose keys are in lower case; Unsupported names the options that this host
    lacks."""
    supported = {"hubname", "maxconcurrentactivityfunctions"}
    for key in section or {}:
        if key not in supported | _WITHOUT_EFFECT_HERE:
            raise Unsupported(f"host.json: extensions.durableTask.{key}")
    values = section or {}
    activities = values.get("maxconcurrentactivityfunctions", 10 * (os.cpu_count() or 1))
    try:
        return DurableOptions(
            hub_name=str(values.get("hubname") or DurableOptions.hub_name),
            max_concurrent_activities=max(1, int(activities)),
        )
    except ValueError as error:
        raise StartError(
            f"host.json: extensions.durableTask.maxConcurrentActivityFunctions: {error}"
        ) from None
