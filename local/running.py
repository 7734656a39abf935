"""How other commands find a `make run`: it describes itself in FOLDER/run.json while it serves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from local.folder import is_in_use
from local.stack import Stack, StackError

_FILE: Final = "run.json"


@dataclass(frozen=True, kw_only=True)
class Running:
    """A stack that serves. An address is None if the part is not one of its own."""

    proxy: str
    page: str
    event_hubs_control: str | None
    event_hub_settings: dict[str, str]  # the app's settings that lead a consumer to the Event Hub
    local_parts: list[str]


def describe(stack: Stack) -> Running:
    """What the stack serves."""
    return Running(
        proxy=stack.proxy_url,
        page=stack.view_url,
        event_hubs_control=stack.event_hubs_control_url
        if "event_hubs" in stack.local_parts
        else None,
        event_hub_settings={
            name: value
            for name, value in stack.settings.items()
            if name.startswith("AZURE_EVENTHUB_")
        },
        local_parts=sorted(stack.local_parts),
    )


@contextmanager
def announced(folder: Path, running: Running) -> Iterator[None]:
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


def find(folder: Path) -> Running:
    """The run that uses the folder. Raises StackError, with the remedy, if there is none."""
    file = folder / _FILE
    if not (file.exists() and is_in_use(folder)):
        raise StackError(
            f"nothing serves with the folder {folder}: start `make run` in another terminal and wait "
            "until it says so (a run with a FOLDER of its own: give FOLDER here too)"
        )
    return Running(**json.loads(file.read_text()))
