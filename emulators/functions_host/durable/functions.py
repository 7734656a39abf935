"""The app's Durable functions: orchestrators and activities, by the names under which they are
called.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from emulators.functions_host.unsupported import Unsupported
from emulators.functions_host.worker_library import IndexedFunction

ORCHESTRATION: Final = "orchestrationTrigger"
ACTIVITY: Final = "activityTrigger"
CLIENT: Final = "durableClient"


@dataclass(frozen=True, kw_only=True)
class DurableFunction:
    """An orchestrator or an activity."""

    function: IndexedFunction
    parameter: str


@dataclass(frozen=True, kw_only=True)
class DurableFunctions:
    """The app's Durable functions; empty if it has none."""

    orchestrators: Mapping[str, DurableFunction] = field(default_factory=dict)
    activities: Mapping[str, DurableFunction] = field(default_factory=dict)
    has_clients: bool = False

    @property
    def used(self) -> bool:
        """Whether the app needs the engine."""
        return bool(self.orchestrators or self.activities or self.has_clients)


def sort_durable(functions: Iterable[IndexedFunction]) -> DurableFunctions:
    """Select the app's Durable functions. Raises Unsupported if a client names another task hub or
    storage account.
    """
    orchestrators: dict[str, DurableFunction] = {}
    activities: dict[str, DurableFunction] = {}
    has_clients = False
    for function in functions:
        for binding in function.bindings:
            match binding["type"]:
                case "orchestrationTrigger":
                    orchestrators[binding.get("orchestration") or function.name] = _function(
                        function, binding
                    )
                case "activityTrigger":
                    activities[binding.get("activity") or function.name] = _function(
                        function, binding
                    )
                case "durableClient":
                    has_clients = True
                    _refuse_other_hubs(function, binding)
    return DurableFunctions(
        orchestrators=orchestrators, activities=activities, has_clients=has_clients
    )


def _function(function: IndexedFunction, binding: Mapping[str, Any]) -> DurableFunction:
    return DurableFunction(function=function, parameter=binding["name"])


def _refuse_other_hubs(function: IndexedFunction, binding: Mapping[str, Any]) -> None:
    for name in ("taskHub", "connectionName"):
        if binding.get(name):
            raise Unsupported(f"{name} of the durableClient binding of function {function.name}")
