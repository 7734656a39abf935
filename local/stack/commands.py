"""The command of each part, and the check that it serves."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from local.repository import ROOT
from local.stack.errors import StackError, ToolMissing
from local.stack.part import PartSpec
from local.stack.ports import HOST, Ports
from local.stack.readiness import answers, listens

_AZURITE: Final = ROOT / "emulators" / "azurite"
_EVENT_HUBS: Final = ROOT / "emulators" / "event_hubs"

HOW_TO_GET_FUNC: Final = (
    "needs Azure Functions Core Tools (`func`) on PATH: npm install --global azure-functions-core-tools@4, "
    "or see https://learn.microsoft.com/azure/azure-functions/functions-run-local"
)


def azurite(ports: Ports, data: Path, env: Mapping[str, str]) -> PartSpec:
    """Azure Storage. `data` keeps its files for the next start."""
    script = _AZURITE / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
    listen = [
        argument
        for service, port in (("blob", ports.blob), ("queue", ports.queue), ("table", ports.table))
        for argument in (f"--{service}Host", HOST, f"--{service}Port", str(port))
    ]
    quiet = ["--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    return PartSpec(
        name="azurite",
        command=[*node_command(_AZURITE, script), "--location", str(data), *listen, *quiet],
        env=env,
        ready=listens(ports.blob, ports.queue, ports.table),
    )


def event_hubs(ports: Ports, hub: str, env: Mapping[str, str]) -> PartSpec:
    """The Event Hubs emulator; it creates the hub."""
    listen = ["--port", str(ports.event_hubs), "--control-port", str(ports.event_hubs_control)]
    return PartSpec(
        name="event_hubs",
        command=[*event_hubs_command(), *listen, "--hub", hub],
        env=env,
        ready=answers(f"http://{HOST}:{ports.event_hubs_control}/health"),
    )


def event_hubs_command() -> list[str]:
    """The command of the Event Hubs emulator, without options."""
    return node_command(_EVENT_HUBS, _EVENT_HUBS / "main.js")


def node_command(folder: Path, script: Path) -> list[str]:
    """Node.js and a script that needs the npm packages of `folder`. Raises StackError."""
    # written by local/install: the system's Node.js, or PyPI's in .venv
    recorded_node = folder / "node_modules" / ".node"
    if not (script.exists() and recorded_node.exists()):
        raise StackError(
            f"The npm packages of {folder.relative_to(ROOT)} are not installed: run local/install "
            "(make run and make test do)"
        )
    return [recorded_node.read_text().strip(), str(script)]


def azure_openai(ports: Ports, defaults: str, env: Mapping[str, str]) -> PartSpec:
    """The stand-in for Azure OpenAI; `defaults` are the directives of requests that have none."""
    listen = ["--port", str(ports.azure_openai)]
    return PartSpec(
        name="azure_openai",
        command=[sys.executable, "-m", "emulators.azure_openai", *listen, "--defaults", defaults],
        env=env,
        cwd=ROOT,
        ready=answers(f"http://{HOST}:{ports.azure_openai}/_stand_in/health"),
    )


def functions_host(
    kind: str, ports: Ports, app: Path, data: Path, env: Mapping[str, str]
) -> PartSpec:
    """The Functions host, of `kind` "embedded" or "func", for the app in folder `app`.

    Raises ToolMissing without func.

    `data` keeps the embedded host's orchestrations; func's are in Azurite.
    """
    command = [
        sys.executable,
        "-m",
        "emulators.functions_host",
        "--app-dir",
        str(app),
        "--data-dir",
        str(data),
    ]
    if kind == "func":
        command = [find_func(), "start"]
    bin_folder = str(Path(sys.executable).parent)  # func runs the `python` that is first on PATH
    path = os.pathsep.join([bin_folder, env.get("PATH", os.defpath)])
    return PartSpec(
        name="functions_host",
        command=[*command, "--port", str(ports.proxy)],
        env={**env, "PATH": path, "FUNCTIONS_WORKER_RUNTIME": "python"},
        cwd=app if kind == "func" else ROOT,
        ready=answers(f"http://{HOST}:{ports.proxy}/health"),
        # func keeps running when the app cannot be imported, and answers 404 or 503 to everything.
        hopeless=("Failed to start language worker process",) if kind == "func" else (),
        ready_within_s=180 if kind == "func" else 60,  # the first start of func installs its worker
        stop_within_s=10,  # it lets open streams end
    )


def view(ports: Ports, data: Path, env: Mapping[str, str], *, from_start: bool) -> PartSpec:
    """The page that shows the exchanges. `data` keeps what it has read for the next start.

    `from_start`: it reads what the Event Hub already holds (the emulator starts empty); otherwise
    what arrives from now on.
    """
    listen = ["--local", "--port", str(ports.view), "--app", f"http://{HOST}:{ports.proxy}"]
    since = [] if from_start else ["--since-minutes", "0"]
    # $Default: a real Event Hub that replaces the local one may have no other consumer group
    keep = ["--store", str(data / "view.sqlite"), "--consumer-group", "$Default"]
    return PartSpec(
        name="view",
        command=[sys.executable, "-m", "view", *listen, *since, *keep],
        env=env,
        cwd=ROOT,
        ready=answers(f"http://{HOST}:{ports.view}/api/about"),
    )


def find_func() -> str:
    """The path of Core Tools' `func`. Raises ToolMissing, saying how to get it."""
    func = shutil.which("func")
    if func is None:
        raise ToolMissing(f"make func {HOW_TO_GET_FUNC}")
    return func
