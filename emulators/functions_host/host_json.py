"""host.json: the settings that this host uses, with the real host's defaults, and those it
refuses.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from emulators.functions_host.queue_options import QueueOptions, parse_queue_options
from emulators.functions_host.timespan import parse_time_span_s
from emulators.functions_host.unsupported import StartError, Unsupported

# ScriptJobHostOptionsSetup.DefaultFunctionTimeout (Azure/azure-functions-host).
DEFAULT_FUNCTION_TIMEOUT_S: Final = 1800.0
_ENVIRONMENT_PREFIX: Final = "azurefunctionsjobhost__"
# Sections that change nothing on one machine: cloud telemetry, scaling, file watching, the bundle
# this host replaces.
_WITHOUT_EFFECT_HERE: Final = frozenset(
    {"version", "$schema", "aggregator", "extensionbundle", "healthmonitor", "manageddependency", "singleton",
     "telemetrymode", "watchdirectories", "watchfiles"}
)  # fmt: skip
_LEVELS: Final = {
    "trace": logging.DEBUG, "debug": logging.DEBUG, "information": logging.INFO, "warning": logging.WARNING,
    "error": logging.ERROR, "critical": logging.CRITICAL, "none": logging.CRITICAL + 10,
}  # fmt: skip

type Section = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class HostJson:
    """The settings of host.json and of AzureFunctionsJobHost__… in the environment."""

    route_prefix: str  # without slashes at its ends; "" for none
    queues: QueueOptions
    function_timeout_s: float | None  # None: unlimited
    log_level: int  # the lowest level of the app's log records
    function_log_level: int  # the level of the host's own Executing/Executed lines
    # the section of Durable Functions, unparsed; None if missing
    durable_task: Section | None


def read_host_json(path: Path, environment: Mapping[str, str]) -> HostJson:
    """Read host.json with the environment's overrides; StartError names the wrong or refused
    settings.
    """
    if not path.exists():
        raise StartError(
            f"{path} does not exist: --app-dir must name a folder with host.json and function_app.py"
        )
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise StartError(f"host.json is not valid JSON: {error}") from error
    return parse_host_json(overlay(document, environment))


def overlay(document: Section, environment: Mapping[str, str]) -> dict[str, Any]:
    """host.json with lower-cased keys, overridden by AzureFunctionsJobHost__a__b=… in the
    environment.

    Source: learn.microsoft.com, functions-host-json, "Override host.json values".
    """
    result = _lower(document)
    for name, value in environment.items():
        if not name.casefold().startswith(_ENVIRONMENT_PREFIX):
            continue
        *parents, leaf = name.casefold().removeprefix(_ENVIRONMENT_PREFIX).split("__")
        section = result
        for parent in parents:
            section = section.setdefault(parent, {})
            if not isinstance(section, dict):
                raise StartError(
                    f"{name} does not fit host.json: {parent} is a value there, not a section"
                )
        section[leaf] = value
    return result


def _lower(section: Section) -> dict[str, Any]:
    return {
        key.casefold(): _lower(value) if isinstance(value, dict) else value
        for key, value in section.items()
    }


def parse_host_json(document: Section) -> HostJson:
    """Parse host.json, whose keys must be in lower case."""
    if document.get("version") != "2.0":
        raise StartError('host.json must say "version": "2.0"')
    supported = {"extensions", "functiontimeout", "logging", "concurrency"}
    _refuse_others(document, supported | _WITHOUT_EFFECT_HERE, "host.json: ")
    if _true(_section(document, "concurrency").get("dynamicconcurrencyenabled", False)):
        raise Unsupported("host.json: concurrency.dynamicConcurrencyEnabled")
    extensions = _section(document, "extensions")
    _refuse_others(extensions, {"http", "queues", "durabletask"}, "host.json: extensions.")
    levels = _section(_section(document, "logging"), "loglevel")
    default_level = _level(levels.get("default", "Information"))
    return HostJson(
        route_prefix=_route_prefix(_section(extensions, "http")),
        queues=parse_queue_options(_section(extensions, "queues")),
        function_timeout_s=_function_timeout_s(document.get("functiontimeout")),
        log_level=_level(levels.get("function.user", levels.get("function", default_level))),
        function_log_level=_level(levels.get("function", default_level)),
        durable_task=extensions.get("durabletask"),
    )


def _refuse_others(section: Section, supported: set[str] | frozenset[str], where: str) -> None:
    for key in section:
        if key not in supported:
            raise Unsupported(f"{where}{key}")


def _section(parent: Section, key: str) -> Section:
    value = parent.get(key) or {}
    if not isinstance(value, dict):
        raise StartError(f"host.json: {key} must be a section, not {value!r}")
    return value


def _route_prefix(http: Section) -> str:
    for key, neutral in (
        ("maxconcurrentrequests", "-1"),
        ("maxoutstandingrequests", "-1"),
        ("dynamicthrottlesenabled", "false"),
    ):
        if str(http.get(key, neutral)).casefold() != neutral:
            raise Unsupported(f"host.json: extensions.http.{key}")
    throttles = {"maxconcurrentrequests", "maxoutstandingrequests", "dynamicthrottlesenabled"}
    _refuse_others(http, {"routeprefix"} | throttles, "host.json: extensions.http.")
    return str(http.get("routeprefix", "api")).strip("/")


def _function_timeout_s(value: object) -> float | None:
    if value is None:
        return DEFAULT_FUNCTION_TIMEOUT_S
    try:
        seconds = parse_time_span_s(str(value))
    except ValueError as error:
        raise StartError(f"host.json: functionTimeout: {error}") from error
    # "-1" is minus one day, which stands for unlimited (ScriptJobHostOptionsSetup)
    if seconds == -86_400:
        return None
    if seconds < 1:
        raise StartError(
            "host.json: functionTimeout must be at least 00:00:01, or -1 for unlimited"
        )
    return seconds


def _level(value: object) -> int:
    if isinstance(value, int):
        return value
    try:
        return _LEVELS[str(value).casefold()]
    except KeyError:
        raise StartError(
            f"host.json: logging.logLevel knows no level {value!r}; it knows {', '.join(_LEVELS)}"
        ) from None


def _true(value: object) -> bool:
    return str(value).casefold() == "true"
