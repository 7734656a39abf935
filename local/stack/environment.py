"""The settings that the functions host starts with: the sample's, over them the user's own, with
the stack's addresses.
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
    """Something that a local part stands in for, unless the user's settings name the real one."""

    part: str
    # settings that say where it is; one that differs from the sample's means the real one
    addresses: tuple[str, ...]
    dependent: tuple[str, ...] = ()  # more settings whose sample value suits the local part alone
    # what the user's own settings must say of the real one, even if it is what the sample says
    named: tuple[str, ...] = ()


SERVICES: Final = (
    LocalService(
        part="azurite",
        addresses=("AzureWebJobsStorage", "AzureWebJobsStorage__accountName"),
        # a real one beside a local host is fine: the host still needs Azurite
        dependent=("CAPTURES_STORAGE",),
    ),
    LocalService(
        part="event_hubs",
        addresses=("AZURE_EVENTHUB_CONN_STR", "AZURE_EVENTHUB_NAMESPACE"),
        # nobody's real hub is called like the sample's unless he says so
        named=("AZURE_EVENTHUB_NAME",),
    ),
    LocalService(
        part="azure_openai", addresses=("AZURE_OPENAI_BASE_URL",), dependent=("AZURE_OPENAI_KEY",)
    ),
)


@dataclass(frozen=True, kw_only=True)
class HostSettings:
    """What compose() decided."""

    values: Mapping[str, str]
    # names of the parts to start; the user's settings name the others' real services
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
    local part. A copy of the sample says nothing new: where an own address is the sample's, the
    local part serves, on whatever port.
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
    """Blanks what the sample says about the local part and the user did not replace. The app reads
    blank as absent.
    """
    of_the_sample = [
        name for name in service.addresses + service.dependent if not _is_own(name, sample, own)
    ]
    unnamed = [name for name in service.named if not own.get(name, "").strip()]
    return {name: "" for name in of_the_sample + unnamed if name in sample}
