"""The whole of fnsse on one machine: Azurite, Event Hubs, Azure OpenAI and a Functions host that
serves the app.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

from local.repository import ROOT
from local.stack import commands
from local.stack.app_folder import lay_out
from local.stack.environment import compose, read_settings_file
from local.stack.errors import StackError
from local.stack.part import OnLine, PartSpec, StackPart
from local.stack.ports import HOST, Ports, free_ports, require_free
from local.stack.storage import connection_string, create_queues_and_containers
from local.stack.supervisor import StackSupervisor

FunctionsHost = Literal["embedded", "func"]

EVENT_HUB: Final = "openai-logs"

# The host logs each invocation here. host.json switches that off, because Log Analytics charges for
# it.
_LOG_INVOCATIONS: Final = {
    f"AzureFunctionsJobHost__logging__logLevel__{category}": "Information"
    for category in ("Function", "Function.openai", "Function.openai.User")
}

_PORTS_OF_PART: Final = {
    "azurite": ("blob", "queue", "table"),
    "event_hubs": ("event_hubs", "event_hubs_control"),
    "azure_openai": ("azure_openai",),
    "functions_host": ("proxy",),
    "view": ("view",),
}


class Stack:
    """`with Stack() as stack:` - all parts serve inside the block, on free ports and a temporary
    folder; none after it.

    settings:   settings of the app, over the sample's and the stack's own addresses
    host_json:  changes merged into host.json
    own:        the user's settings (local.settings.json, overridden by the environment). A real
                Azure OpenAI or Event Hub that they name replaces the local part.
                None: no settings, so that tests do not depend on the machine
    only:       names of the parts to start; None: all but the view
    ports:      None: free ones
    data:       folder of the files of Azurite and the functions host; None: a temporary one
    app:        folder with function_app.py; None: a temporary one with links to the repository's
    stand_in_defaults: directives of the stand-in for requests that have none ("chunk_ms=20")
    on_line:    called with (part, line) for each line that a part prints
    on_step:    called with a sentence as each step begins
    """

    def __init__(
        self,
        *,
        functions_host: FunctionsHost = "embedded",
        settings: Mapping[str, str] | None = None,
        host_json: Mapping[str, Any] | None = None,
        own: Mapping[str, str] | None = None,
        only: Collection[str] | None = None,
        ports: Ports | None = None,
        data: Path | None = None,
        app: Path | None = None,
        stand_in_defaults: str = "",
        on_line: OnLine = lambda _part, _line: None,
        on_step: Callable[[str], None] = lambda _step: None,
    ) -> None:
        self.functions_host_kind = functions_host
        self.ports = ports or free_ports()
        sample = read_settings_file(ROOT / "local.settings.sample.json")
        composed = compose(sample=sample, own=own or {}, local=local_addresses(self.ports))
        every = composed.local_parts | {"functions_host"}
        self.local_parts = every if only is None else (every | {"view"}) & set(only)
        self.settings = {**_LOG_INVOCATIONS, **composed.values, **(settings or {})}
        self._hermetic_names = frozenset(sample) if own is None else frozenset[str]()
        self._host_json = host_json or {}
        self._data = data
        self._app = app
        self._stand_in_defaults = stand_in_defaults
        self._on_line = on_line
        self._on_step = on_step
        self._temporary: Path | None = None
        self.supervisor: StackSupervisor | None = None

    @property
    def proxy_url(self) -> str:
        return f"http://{HOST}:{self.ports.proxy}"

    @property
    def stand_in_url(self) -> str:
        return f"http://{HOST}:{self.ports.azure_openai}"

    @property
    def view_url(self) -> str:
        return f"http://{HOST}:{self.ports.view}"

    @property
    def event_hubs_control_url(self) -> str:
        return f"http://{HOST}:{self.ports.event_hubs_control}"

    @property
    def event_hub_connection_string(self) -> str:
        return self.settings["AZURE_EVENTHUB_CONN_STR"]

    @property
    def event_hub_name(self) -> str:
        return self.settings["AZURE_EVENTHUB_NAME"]

    @property
    def storage_connection_string(self) -> str:
        return self.settings["AzureWebJobsStorage"]

    @property
    def storage_folder(self) -> Path:
        """Where Azurite keeps its files. Raises StackError unless the stack runs."""
        if self._temporary is None:
            raise StackError("the stack does not run")
        return (self._data or self._temporary) / "azurite"

    @property
    def listening(self) -> dict[str, int]:
        """The ports of its local parts, by their names in Ports."""
        names = {name for part in self.local_parts for name in _PORTS_OF_PART[part]}
        return {name: port for name, port in self.ports.by_name().items() if name in names}

    @property
    def parts(self) -> Mapping[str, StackPart]:
        """The parts that were started: azurite, event_hubs, azure_openai, functions_host, view."""
        return self.supervisor.parts if self.supervisor else {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start all parts and return when they serve. Raises StackError after it stopped them
        again.
        """
        if self.functions_host_kind == "func" and "functions_host" in self.local_parts:
            commands.find_func()
        require_free(self.listening)
        self._temporary = Path(tempfile.mkdtemp(prefix="fnsse-"))
        self.supervisor = StackSupervisor(on_line=self._on_line, temporary_folder=self._temporary)
        try:
            self._start_parts(self.supervisor, self._temporary)
        except BaseException:  # Ctrl-C while starting included
            self.stop()
            raise

    def check(self) -> None:
        """Raise PartDied if a part ended by itself."""
        if self.supervisor:
            self.supervisor.check()

    def stop(self) -> None:
        """End all parts and remove the temporary folder; may be called again."""
        if self.supervisor:
            self.supervisor.stop()
        if self._temporary:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def _start_parts(self, supervisor: StackSupervisor, temporary: Path) -> None:
        backing = [spec for spec in self._backing_parts(temporary) if spec.name in self.local_parts]
        self._on_step(f"starting {', '.join(spec.name for spec in backing)}")
        supervisor.start(backing)
        if "azurite" in self.local_parts:
            self._on_step("creating queues and containers where they are missing")
            create_queues_and_containers(connection_string(self.ports))
        if "functions_host" in self.local_parts:
            self._on_step(f"starting functions_host ({self.functions_host_kind})")
            app = self._app or lay_out(temporary / "app", self._host_json)
            environment = {**self._environment(), **self.settings}
            data = (self._data or temporary) / "functions_host"
            supervisor.start(
                [
                    commands.functions_host(
                        self.functions_host_kind, self.ports, app, data, environment
                    )
                ]
            )
        if "view" in self.local_parts:
            self._on_step("starting view")
            supervisor.start([self._view(self._data or temporary)])

    def _backing_parts(self, temporary: Path) -> list[PartSpec]:
        data = self.storage_folder
        data.mkdir(parents=True, exist_ok=True)
        environment = self._environment()
        return [
            commands.azurite(self.ports, data, environment),
            commands.event_hubs(self.ports, self.event_hub_name, environment),
            commands.azure_openai(self.ports, self._stand_in_defaults, environment),
        ]

    def _view(self, data: Path) -> PartSpec:
        is_local = "event_hubs" in self.local_parts
        environment = {**self._environment(), **self.settings}
        return commands.view(self.ports, data, environment, from_start=is_local)

    def _environment(self) -> dict[str, str]:
        """This process's environment. For tests, it lacks the variables that the app or a host
        would read.
        """
        environment = {
            name: value
            for name, value in os.environ.items()
            if not self._hermetic_names
            or not (name in self._hermetic_names or name.startswith(_SETTING_PREFIXES))
        }
        return {**environment, "PYTHONUNBUFFERED": "1"}


_SETTING_PREFIXES: Final = ("AZURE_OPENAI_", "AZURE_EVENTHUB_", "AzureWebJobs", "CAPTURES_STORAGE")


def local_addresses(ports: Ports) -> dict[str, dict[str, str]]:
    """Local part -> the settings that make the app use it."""
    port = "" if ports.event_hubs == Ports().event_hubs else f":{ports.event_hubs}"
    event_hubs = (
        f"Endpoint=sb://{HOST}{port};SharedAccessKeyName=RootManageSharedAccessKey;"
        "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
    )
    return {
        "azurite": {
            "AzureWebJobsStorage": connection_string(ports),
            "CAPTURES_STORAGE": connection_string(ports),
        },
        "event_hubs": {"AZURE_EVENTHUB_CONN_STR": event_hubs, "AZURE_EVENTHUB_NAME": EVENT_HUB},
        "azure_openai": {"AZURE_OPENAI_BASE_URL": f"http://{HOST}:{ports.azure_openai}"},
    }
