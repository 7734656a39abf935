"""How other commands find a `make run`: it describes itself in FOLDER/run.json while it serves."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from local.folder import DEFAULT_FOLDER, is_in_use
from local.stack import Stack, StackError

_FILE: Final = "run.json"
# Settings of the environment that name a real Event Hub, and a real storage account.
_HUB_SETTINGS: Final = ("AZURE_EVENTHUB_CONN_STR", "AZURE_EVENTHUB_NAMESPACE")
_STORAGE_SETTINGS: Final = ("CAPTURES_STORAGE", "CAPTURES_STORAGE__blobServiceUri")


@dataclass(frozen=True, kw_only=True)
class RunInfo:
    """The description of a stack that serves."""

    proxy: str
    page: str
    event_hub_settings: dict[str, str]  # the app's settings that lead a consumer to the Event Hub
    captures_settings: dict[str, str]  # those that lead to the captures
    local_parts: list[str]


def describe(stack: Stack) -> RunInfo:
    """The addresses and settings of a stack."""
    return RunInfo(
        proxy=stack.proxy_url,
        page=stack.view_url,
        event_hub_settings=event_hub_settings(stack.settings),
        captures_settings=captures_settings(stack.settings),
        local_parts=sorted(stack.local_parts),
    )


def event_hub_settings(settings: Mapping[str, str]) -> dict[str, str]:
    """The app's settings that lead a consumer to the Event Hub."""
    return {name: text for name, text in settings.items() if name.startswith("AZURE_EVENTHUB_")}


def captures_settings(settings: Mapping[str, str]) -> dict[str, str]:
    """The app's settings that lead to the captures."""
    prefixes = ("CAPTURES_STORAGE", "AzureWebJobsStorage")
    return {name: text for name, text in settings.items() if name.startswith(prefixes)}


def add_folder_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that names a `make run` by its folder."""
    parser.add_argument(
        "--folder", type=Path, default=DEFAULT_FOLDER, help="of the run; default: %(default)s"
    )


@contextmanager
def announce(folder: Path, running: RunInfo) -> Iterator[None]:
    """Let `find` read it inside the block. The file may hold a connection string: it is readable
    by its owner alone.
    """
    file = folder / _FILE
    file.touch(mode=0o600)
    file.write_text(json.dumps(asdict(running), indent=2))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def find(folder: Path) -> RunInfo:
    """The run that uses the folder. Raises StackError, with the remedy, if there is none."""
    file = folder / _FILE
    if not (file.exists() and is_in_use(folder)):
        raise StackError(
            f"nothing serves with the folder {folder}: start `make run` in another terminal and wait "
            "until it says so (a run with a FOLDER of its own: give FOLDER here too)"
        )
    return RunInfo(**json.loads(file.read_text()))


def find_event_hub_settings(folder: Path, environment: Mapping[str, str]) -> Mapping[str, str]:
    """The environment if it names an Event Hub, else the settings of the run that uses the folder.
    Raises StackError if there is neither.
    """
    if _is_any_set(_HUB_SETTINGS, environment):
        return environment
    return find(folder).event_hub_settings


def find_captures_settings(folder: Path, environment: Mapping[str, str]) -> Mapping[str, str]:
    """The environment if it names a storage account of captures, else the settings of the run that
    uses the folder. Raises StackError if there is neither.
    """
    if _is_any_set(_STORAGE_SETTINGS, environment):
        return environment
    return find(folder).captures_settings


def _is_any_set(names: Iterable[str], environment: Mapping[str, str]) -> bool:
    return any(environment.get(name, "").strip() for name in names)
