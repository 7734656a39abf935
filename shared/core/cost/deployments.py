"""Properties of deployments that no answer holds: the operator's setting DEPLOYMENTS.

The type of a deployment decides on the price, and answers with images or audio name no model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from shared.core.wire.json import json_shape, typed_json
from shared.errors import WrongType

# As Azure Resource Manager names them (sku.name of a deployment).
SKUS: Final = frozenset(
    {
        "Standard",
        "GlobalStandard",
        "DataZoneStandard",
        "ProvisionedManaged",
        "GlobalProvisionedManaged",
        "DataZoneProvisionedManaged",
        "GlobalBatch",
        "DataZoneBatch",
        "DeveloperTier",
    }
)
_EVERY: Final = "*"
_ZONE: Final = re.compile(r"[a-z]{2,8}", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class DeploymentProfile:
    """One deployment. None: not given."""

    sku: str | None = None
    zone: str | None = None  # of a data zone: us, eu
    model: str | None = None  # for answers that name none, such as images and audio


# By the deployment's name in lower case; `*` stands for every other one.
type Deployments = Mapping[str, DeploymentProfile]
NO_DEPLOYMENTS: Final[Deployments] = MappingProxyType({})


def parse(text: str) -> dict[str, DeploymentProfile]:
    """The setting's JSON: `{"gpt-4o": {"sku": "GlobalStandard"}}`. Raises ValueError."""
    members = json_shape.parse_object(text)
    if not members:
        raise ValueError("not a JSON object with members")
    return {name.lower(): _profile(inner) for name, inner in members.items()}


def profile_of(deployments: Deployments, name: str | None) -> DeploymentProfile:
    """The profile of a deployment. One whose name is not known may be any: `*` stands for it only
    if it stands for all.
    """
    if name is None and deployments.keys() != {_EVERY}:
        return DeploymentProfile()
    profile = deployments.get((name or "").lower()) or deployments.get(_EVERY)
    return profile or DeploymentProfile()


def _profile(value: object) -> DeploymentProfile:
    members = json_shape.mapping(value)
    if not members or not members.keys() <= {"sku", "zone", "model"}:
        raise ValueError("a deployment has sku, zone and model")
    try:
        profile = typed_json.read(DeploymentProfile, members)
    except WrongType as error:
        raise ValueError(str(error)) from None
    if profile.sku is not None and profile.sku not in SKUS:
        raise ValueError("not a type of deployment")
    if profile.zone is not None and not _ZONE.fullmatch(profile.zone):
        raise ValueError("not a data zone")
    return profile
