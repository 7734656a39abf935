"""The app's functions by trigger. All triggers and bindings that this host lacks are refused here,
in one error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from emulators.functions_host.app_settings import look_up, resolve
from emulators.functions_host.console import say
from emulators.functions_host.durable.functions import (
    ACTIVITY,
    CLIENT,
    ORCHESTRATION,
    DurableFunctions,
    sort_durable,
)
from emulators.functions_host.routes import FunctionRoute
from emulators.functions_host.unsupported import Unsupported
from emulators.functions_host.worker_library import IndexedFunction

_TRIGGERS: Final = frozenset(
    {"httpTrigger", "queueTrigger", "timerTrigger", ORCHESTRATION, ACTIVITY}
)
_OTHER_BINDINGS: Final = frozenset({"http", CLIENT})


@dataclass(frozen=True, kw_only=True)
class HttpFunction:
    """A function with an HTTP trigger."""

    function: IndexedFunction
    parameter: str
    route: FunctionRoute
    methods: tuple[str, ...]  # as in the app; empty for every method


@dataclass(frozen=True, kw_only=True)
class QueueFunction:
    """A function with a queue trigger."""

    function: IndexedFunction
    parameter: str
    queue_name: str
    connection: str  # the name, not the connection string
    binary: bool  # the app gets the message as bytes


@dataclass(frozen=True, kw_only=True)
class TimerFunction:
    """A function with a timer trigger."""

    function: IndexedFunction
    parameter: str
    schedule: str  # NCRONTAB or TimeSpan
    run_on_startup: bool
    use_monitor: bool


@dataclass(frozen=True, kw_only=True)
class AppFunctions:
    """The app's functions, by trigger."""

    http: tuple[HttpFunction, ...]
    queue: tuple[QueueFunction, ...]
    timer: tuple[TimerFunction, ...]
    durable: DurableFunctions = field(default_factory=DurableFunctions)

    def not_http(self) -> list[tuple[str, str]]:
        """Name and trigger type of each function without an HTTP trigger."""
        return [
            *[(queue.function.name, "queueTrigger") for queue in self.queue],
            *[(timer.function.name, "timerTrigger") for timer in self.timer],
            *[
                (function.function.name, ORCHESTRATION)
                for function in self.durable.orchestrators.values()
            ],
            *[(function.function.name, ACTIVITY) for function in self.durable.activities.values()],
        ]


def sort_functions(
    indexed: Iterable[IndexedFunction], settings: Mapping[str, str], prefix: str
) -> AppFunctions:
    """Sort the app's functions by trigger; Unsupported names every binding that this host lacks."""
    enabled = [function for function in indexed if not _is_disabled(function, settings)]
    _refuse_unknown(enabled)
    http, queue, timer = [], [], []
    for function in enabled:
        binding = next(binding for binding in function.bindings if binding["type"] in _TRIGGERS)
        match binding["type"]:
            case "httpTrigger":
                http.append(_http(function, binding, settings, prefix))
            case "queueTrigger":
                queue.append(_queue(function, binding, settings))
            case "timerTrigger":
                timer.append(_timer(function, binding, settings))
    return AppFunctions(
        http=tuple(http), queue=tuple(queue), timer=tuple(timer), durable=sort_durable(enabled)
    )


def _is_disabled(function: IndexedFunction, settings: Mapping[str, str]) -> bool:
    """AzureWebJobs.<name>.Disabled (learn.microsoft.com, disable-function); with underscores where
    dots are not allowed.
    """
    values = (
        look_up(f"AzureWebJobs{separator}{function.name}{separator}Disabled", settings)
        for separator in (".", "_")
    )
    disabled = any((value or "").casefold() in {"true", "1"} for value in values)
    if disabled:
        say(f"Function {function.name} is disabled by an app setting")
    return disabled


def _refuse_unknown(functions: Iterable[IndexedFunction]) -> None:
    refused = []
    for function in functions:
        for binding in function.bindings:
            if binding["type"] not in _TRIGGERS | _OTHER_BINDINGS:
                durable = " (Durable Functions)" if binding["type"] == "entityTrigger" else ""
                refused.append(
                    f"the binding {binding['type']}{durable} of function {function.name}"
                )
        if function.has_retry_policy:
            refused.append(f"the retry policy of function {function.name}")
    if refused:
        what = ", ".join(refused)
        raise Unsupported(what[0].upper() + what[1:])


def _http(
    function: IndexedFunction, binding: Mapping[str, Any], settings: Mapping[str, str], prefix: str
) -> HttpFunction:
    methods = tuple(binding.get("methods") or ())
    template = resolve(binding.get("route") or function.name, settings)
    return HttpFunction(
        function=function,
        parameter=binding["name"],
        route=FunctionRoute.parse(function.name, template, methods, prefix),
        methods=methods,
    )


def _queue(
    function: IndexedFunction, binding: Mapping[str, Any], settings: Mapping[str, str]
) -> QueueFunction:
    return QueueFunction(
        function=function,
        parameter=binding["name"],
        # Queue names are lower case; the extension lowers them
        # (QueueTriggerAttributeBindingProvider.NormalizeQueueName).
        queue_name=resolve(binding["queueName"], settings).lower(),
        connection=resolve(binding.get("connection") or "", settings),
        binary=str(binding.get("dataType", "")).upper() == "BINARY",
    )


def _timer(
    function: IndexedFunction, binding: Mapping[str, Any], settings: Mapping[str, str]
) -> TimerFunction:
    return TimerFunction(
        function=function,
        parameter=binding["name"],
        schedule=resolve(binding["schedule"], settings),
        run_on_startup=bool(binding.get("runOnStartup")),
        use_monitor=binding.get("useMonitor") is not False,
    )
