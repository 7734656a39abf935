"""App settings: local.settings.json, overridden by the environment; %NAME% expressions; connection
names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from emulators.functions_host.unsupported import StartError, Unsupported

_EXPRESSION: Final = re.compile(r"%([^%]*)%")


@dataclass(frozen=True, kw_only=True)
class LocalSettings:
    """The values of local.settings.json."""

    values: Mapping[str, str] = field(default_factory=dict)
    port: int | None = None  # Host.LocalHttpPort; None if it is not set


def read_local_settings(path: Path) -> LocalSettings:
    """Read local.settings.json; a missing file counts as empty. Raises StartError that names the
    mistake.
    """
    if not path.exists():
        return LocalSettings()
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise StartError(f"{path.name} is not valid JSON: {error}") from error
    if document.get("IsEncrypted"):
        raise Unsupported(f"{path.name} with IsEncrypted: true")
    if document.get("ConnectionStrings"):
        raise Unsupported(f"The section ConnectionStrings of {path.name}")
    return LocalSettings(
        values=_values(document.get("Values") or {}, path.name), port=_port(document, path.name)
    )


def _values(values: Mapping[str, Any], file: str) -> dict[str, str]:
    for name, value in values.items():
        if not isinstance(value, str):
            raise StartError(
                f"{file}: Values.{name} must be a string (func start refuses anything else as well)"
            )
    return dict(values)


def _port(document: Mapping[str, Any], file: str) -> int | None:
    host = dict(document.get("Host") or {})
    port = host.pop("LocalHttpPort", None)
    for name, value in host.items():
        if value:
            raise Unsupported(f"{file}: Host.{name}")
    return None if port is None else int(port)


def merge(local: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """The app's environment. The process's environment takes precedence, as with func start
    (Azure/azure-functions-core-tools, StartHostAction: "Skipping ... already defined in current
    environment variables").
    """
    return {**local, **environment}


def look_up(name: str, settings: Mapping[str, str]) -> str | None:
    """A setting, ignoring the case of its name as .NET does."""
    if name in settings:
        return settings[name]
    folded = name.casefold()
    return next((value for key, value in settings.items() if key.casefold() == folded), None)


def resolve(text: str, settings: Mapping[str, str]) -> str:
    """Replace every %NAME% by the app setting of that name. Raises StartError if it is missing.

    Source: Azure/azure-webjobs-sdk, NameResolverExtensions.ResolveWholeString (a missing name is an
    error there too).
    """

    def value(match: re.Match[str]) -> str:
        resolved = look_up(match[1], settings)
        if resolved is None:
            raise StartError(
                f"'%{match[1]}%' does not resolve to a value: set the app setting {match[1]}"
            )
        return resolved

    return _EXPRESSION.sub(value, text)


@dataclass(frozen=True, kw_only=True)
class StorageConnection:
    """Where a storage trigger connects: a connection string, or a service's URI and an identity."""

    connection_string: str | None = None
    queue_service_uri: str | None = None
    managed_identity: bool = False  # __credential=managedidentity: no other credential is tried
    client_id: str | None = None  # names a user-assigned identity


def resolve_connection(name: str, settings: Mapping[str, str]) -> StorageConnection:
    """The connection that a binding's `connection` names.

    The setting AzureWebJobs<name> takes precedence over <name>; an empty name means Storage
    (Azure/azure-webjobs-sdk, IConfigurationExtensions.GetWebJobsConnectionStringSection; the
    storage extension's StorageClientProvider). Identity-based settings: __queueServiceUri,
    __serviceUri or __accountName, with __credential and __clientId (learn.microsoft.com,
    functions-reference, "Configure an identity-based connection").
    """
    name = name or "Storage"
    for candidate in (f"AzureWebJobs{name}", name):
        if text := look_up(candidate, settings):
            return StorageConnection(connection_string=text)
        if uri := _queue_service_uri(candidate, settings):
            return StorageConnection(
                queue_service_uri=uri,
                managed_identity=(look_up(f"{candidate}__credential", settings) or "").casefold()
                == "managedidentity",
                client_id=look_up(f"{candidate}__clientId", settings),
            )
    raise StartError(
        f"The storage connection '{name}' does not exist: set the app setting {name} to a connection string, "
        f"or {name}__queueServiceUri to the address of the account's queue service"
    )


def _queue_service_uri(prefix: str, settings: Mapping[str, str]) -> str | None:
    for key in ("queueServiceUri", "serviceUri"):
        if uri := look_up(f"{prefix}__{key}", settings):
            return uri
    account = look_up(f"{prefix}__accountName", settings)
    return f"https://{account}.queue.core.windows.net" if account else None
