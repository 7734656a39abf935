"""The rehearsal: takes storage and the Event Hub away, one after the other, while calls go on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from local.drill import client
from local.drill.alerts import alerts
from local.events.feed import LocalEventFeed
from local.run.outages import request
from local.running import RunInfo
from local.stack import StackError

_EVERY_S: Final = 2.0
_BEFORE_S: Final = 4.0  # seconds of calls while all is well
# Envelopes wait in the queue between attempts; reconcile would find the rest ten minutes later.
_EVENTS_WITHIN_S: Final = 180.0


@dataclass(frozen=True)
class Outage:
    """A part that is taken away for a while."""

    part: str
    name: str  # for people
    seconds: float


@dataclass
class DrillCalls:
    """The results of the calls, and the exchanges whose events are awaited."""

    statuses: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    awaited: set[str] = field(default_factory=set)  # exchange ids without an event so far
    delivered: int = 0
    without_content: int = 0  # delivered, but the captures could not be stored


class Drill:
    """One rehearsal. `say` prints a line."""

    def __init__(
        self, running: RunInfo, folder: Path, feed: LocalEventFeed, say: Callable[[str], None]
    ) -> None:
        self._running = running
        self._folder = folder
        self._feed = feed
        self._say = say
        self._started_at = time.monotonic()
        self._health = ""
        self.calls = DrillCalls()

    def run(self, outages: list[Outage]) -> bool:
        """Whether every call was answered and every event arrived."""
        self._step("all parts serve; a call every 2 s")
        self._call_for(_BEFORE_S)
        for outage in outages:
            self._step(f"{outage.name} is taken away for {outage.seconds:g} s")
            self._step(f"  alerts that Azure would raise: {alerts(outage.part)}")
            request(self._folder, {outage.part: time.time() + outage.seconds})
            try:
                self._call_for(outage.seconds)
            finally:
                request(self._folder, {})  # also after Ctrl-C
            self._step(f"{outage.name} comes back")
            self._call_for(_BEFORE_S)
        return self._wait_for_events()

    def _call_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            next_call = time.monotonic() + _EVERY_S
            self._call()
            self._report_health()
            while time.monotonic() < min(next_call, end):
                self._take_event(within_s=0.1)

    def _call(self) -> None:
        sent_at = time.monotonic()
        status, exchange_id = client.ask(self._running.proxy)
        took_s = time.monotonic() - sent_at
        self.calls.slowest_s = max(self.calls.slowest_s, took_s)
        if status not in self.calls.statuses or status != "200":
            self._step(f"  a user's call: {status} after {took_s * 1000:.0f} ms")
        self.calls.statuses[status] += 1
        if exchange_id:
            self.calls.awaited.add(exchange_id)

    def _report_health(self) -> None:
        health = client.health(self._running.proxy)
        if health != self._health:
            self._health = health
            self._step(f"  GET /health/ready: {health}")

    def _take_event(self, *, within_s: float) -> None:
        event = self._feed.next(within_s=within_s)
        if event is not None and event.get("exchange_id") in self.calls.awaited:
            self.calls.awaited.discard(str(event["exchange_id"]))
            self.calls.delivered += 1
            self.calls.without_content += event.get("prompt") is None

    def _wait_for_events(self) -> bool:
        calls = self.calls
        self._step(f"waiting for the events of {len(calls.awaited)} calls")
        end = time.monotonic() + _EVENTS_WITHIN_S
        reported = len(calls.awaited)
        while calls.awaited and time.monotonic() < end:
            self._take_event(within_s=0.5)
            if len(calls.awaited) <= reported - 10:
                reported = len(calls.awaited)
                self._step(f"  {reported} to come")
        self._report_health()
        return not calls.awaited and set(calls.statuses) == {"200"}

    def _step(self, text: str) -> None:
        self._say(f"{time.monotonic() - self._started_at:6.1f} s  {text}")


def outages(storage_s: float, event_hub_s: float, running: RunInfo) -> list[Outage]:
    """The outages that last longer than 0 s. Raises StackError if a part is not one of the run's
    own.
    """
    selected = [
        Outage("azurite", "storage", storage_s),
        Outage("event_hubs", "the Event Hub", event_hub_s),
    ]
    for outage in selected:
        if outage.seconds and outage.part not in running.local_parts:
            raise StackError(
                f"{outage.name} is a real one in this run, which a drill does not break: start "
                "`make run` without its settings"
            )
    return [outage for outage in selected if outage.seconds]
