"""The settings that the functions host starts with: the sample's, overridden by the stack's
addresses and by the user's own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from local.stack.errors import StackError


@dataclass(frozen=True, kw_only=True)
class LocalService:
    """A service that a local part replaces, unless the user's settings name the real one."""

    part: str
    # settings with its address; a value other than the sample's means the real service
    addresses: tuple[str, ...]
    dependent: tuple[str, ...] = ()  # more settings whose sample value is for the local part only
    # settings that the user must give for the real one, even with the sample's value
    named: tuple[str, ...] = ()


SERVICES: Final = (
    LocalService(
        part="azurite",
        addresses=("AzureWebJobsStorage", "AzureWebJobsStorage__accountName"),
        # real captures do not replace Azurite, which the local host needs
        dependent=("CAPTURES_STORAGE",),
    ),
    LocalService(
        part="event_hubs",
        addresses=("AZURE_EVENTHUB_CONN_STR", "AZURE_EVENTHUB_NAMESPACE"),
        # the sample's hub name counts only if the user gives it
        named=("AZURE_EVENTHUB_NAME",),
    ),
    LocalService(
        part="azure_openai", addresses=("AZURE_OPENAI_BASE_URL",), dependent=("AZURE_OPENAI_KEY",)
    ),
)


@dataclass(frozen=True, kw_only=True)
class HostSettings:
    """The app's settings for a stack, as `compose` makes them."""

    values: Mapping[str, str]
    # names of the parts to start; for the others, the user's settings name real services
    local_parts: frozenset[str]


def read_settings_file(path: Path) -> dict[str, str]:
    """The `Values` of a local.settings.json; {} if there is no such file. Raises StackError if it
    cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise StackError(f"{path.name} is not JSON: {error}") from error
    values = content.get("Values") if isinstance(content, dict) else None
    if not isinstance(values, dict):
        raise StackError(
            f'{path.name} has no "Values": it must look like local.settings.sample.json'
        )
    return {name: str(value) for name, value in values.items()}


def compose(
    *, sample: Mapping[str, str], own: Mapping[str, str], local: Mapping[str, Mapping[str, str]]
) -> HostSettings:
    """Sample < the stack's addresses < own.

    `own` is local.settings.json under the environment; `local` has the settings that point at each
    local part. A copy of the sample changes nothing: for an address equal to the sample's, the
    local part serves, on any port.
    """
    real = [service for service in SERVICES if _names_real(service, sample, own)]
    values = {**sample, **own}
    for service in SERVICES:
        if service in real:
            values |= _without_sample_values(service, sample, own)
        else:
            addresses = local.get(service.part, {})
            values |= {
                name: value for name, value in addresses.items() if not _is_own(name, sample, own)
            }
    parts = {service.part for service in SERVICES} - {service.part for service in real}
    return HostSettings(values=values, local_parts=frozenset(parts))


def _names_real(service: LocalService, sample: Mapping[str, str], own: Mapping[str, str]) -> bool:
    return any(_is_own(name, sample, own) for name in service.addresses)


def _is_own(name: str, sample: Mapping[str, str], own: Mapping[str, str]) -> bool:
    return own.get(name, "").strip() not in {"", sample.get(name, "")}


def _without_sample_values(
    service: LocalService, sample: Mapping[str, str], own: Mapping[str, str]
) -> dict[str, str]:
    """Blank the sample's values for the local part that the user did not replace. The app treats
    blank as absent.
    """
    of_the_sample = [
        name for name in service.addresses + service.dependent if not _is_own(name, sample, own)
    ]
    unnamed = [name for name in service.named if not own.get(name, "").strip()]
    return {name: "" for name in of_the_sample + unnamed if name in sample}
