"""Keeps the parts of a run alive: one that dies is started again, and one that a drill takes away
comes back when its time is over.

A drill asks for outages in FOLDER/outages.json: {"azurite": Unix time at which it comes back}.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

from local.stack import Stack, StackError
from local.stack.part import StackPart
from local.stack.ports import HOST

FILE: Final = "outages.json"
EVENT_HUBS: Final = "event_hubs"

# A part that dies this often within this time is broken, not unlucky.
_DEATHS: Final = 3
_WITHIN_S: Final = 60


def request(folder: Path, ends: Mapping[str, float]) -> None:
    """Ask the run that uses the folder to take parts away: name -> Unix time of the end."""
    draft = folder / f"{FILE}.new"
    draft.write_text(json.dumps(dict(ends)))
    draft.replace(folder / FILE)


class Outages:
    """Call `check` again and again while the stack serves."""

    def __init__(self, stack: Stack, folder: Path, say: Callable[[str], None]) -> None:
        self._stack = stack
        self._file = folder / FILE
        self._say = say
        self._stopped_parts: set[str] = set()
        self._deaths: defaultdict[str, list[float]] = defaultdict(list)
        self._file.unlink(missing_ok=True)  # written by an earlier run

    def check(self) -> None:
        """Raise PartDied for a part that dies again and again."""
        self._follow_drill()
        for name, part in self._stack.parts.items():
            if name not in self._stopped_parts:
                self._revive(part)

    def _follow_drill(self) -> None:
        requested = {name for name, end in self._read_outages().items() if end > time.time()}
        for name in requested - self._stopped_parts:
            self._say(f"drill          | {name} is taken away")
            self._stopped_parts.add(name)
            self._take_away(name)
        for name in self._stopped_parts - requested:
            self._give_back(name)
            self._stopped_parts.discard(name)
            self._say(f"drill          | {name} is back")

    def _read_outages(self) -> dict[str, float]:
        if not self._file.exists():
            return {}
        requested: dict[str, float] = json.loads(self._file.read_text())
        return {name: end for name, end in requested.items() if name in self._stack.parts}

    def _take_away(self, name: str) -> None:
        if name == EVENT_HUBS:  # it holds its events in memory, so its process goes on
            self._set_mode("unreachable")
        else:
            self._stack.parts[name].stop()

    def _give_back(self, name: str) -> None:
        if name == EVENT_HUBS:
            self._set_mode("accept")
        else:
            self._stack.parts[name].start()

    def _set_mode(self, mode: str) -> None:
        body = json.dumps({"mode": mode}).encode()
        with closing(HTTPConnection(HOST, self._stack.ports.event_hubs_control, timeout=5)) as port:
            port.request("PUT", "/behaviour", body)
            port.getresponse()

    def _revive(self, part: StackPart) -> None:
        try:
            part.check()
        except StackError as death:
            now = time.monotonic()
            recent = [at for at in self._deaths[part.name] if now - at < _WITHIN_S]
            self._deaths[part.name] = [*recent, now]
            if len(recent) + 1 >= _DEATHS:
                raise
            self._say(f"\n{death}\n{part.name} is started again")
            part.start()
            self._say(f"{part.name} serves again after {time.monotonic() - now:.1f} s")
