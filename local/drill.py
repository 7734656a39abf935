"""`make drill STORAGE=60 EVENT_HUB=120`: rehearse outages on a running `make run`.

Takes storage and the Event Hub away one after the other, calls the proxy all the while, shows what
users and `/health/ready` see, names the alerts that Azure would raise, and waits until the event of
every call has arrived.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from local.event_feed import LocalEventFeed
from local.outages import request
from local.running import RunInfo, add_folder_option, find
from local.stack import StackError

_EVERY_S: Final = 2.0
_BEFORE_S: Final = 4.0  # of calls while all is well
# Envelopes wait in the queue between attempts; reconcile would find the rest ten minutes later.
_EVENTS_WITHIN_S: Final = 180.0
_CALL_WITHIN_S: Final = 60.0
_HEALTH_WITHIN_S: Final = 15.0

# The rules of infra/ that notice an outage of a part, and how long it has to last: the window of
# the rule and what its query counts (infra/queries, infra/modules/platform-alerts.bicep).
ALERTS: Final[dict[str, dict[str, str]]] = {
    "azurite": {
        "not-recorded": "within 5 minutes",
        "storage-unavailable": "within 15 minutes",
        "not-ready": "within 15 minutes",
        "nothing-delivered": "after 30 minutes",
    },
    "event_hubs": {
        "not-ready": "within 15 minutes",
        "poison": "after 10 minutes",
        "nothing-delivered": "after 30 minutes",
        "reconcile-incomplete": "after 3 hours",
    },
}


@dataclass(frozen=True)
class Outage:
    """A part that is taken away."""

    part: str
    name: str  # for people
    seconds: float


@dataclass
class DrillCalls:
    """What users got, and whose events are awaited."""

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
        self._began = time.monotonic()
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
            self._look_at_health()
            while time.monotonic() < min(next_call, end):
                self._take_event(within_s=0.1)

    def _call(self) -> None:
        began = time.monotonic()
        status, exchange_id = _ask(self._running.proxy)
        took = time.monotonic() - began
        self.calls.slowest_s = max(self.calls.slowest_s, took)
        if status not in self.calls.statuses or status != "200":
            self._step(f"  a user's call: {status} after {took * 1000:.0f} ms")
        self.calls.statuses[status] += 1
        if exchange_id:
            self.calls.awaited.add(exchange_id)

    def _look_at_health(self) -> None:
        health = _health(self._running.proxy)
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
        self._look_at_health()
        return not calls.awaited and set(calls.statuses) == {"200"}

    def _step(self, text: str) -> None:
        self._say(f"{time.monotonic() - self._began:6.1f} s  {text}")


def _ask(proxy: str) -> tuple[str, str | None]:
    """(status or error, exchange id) of a streamed call that is read to its end."""
    body = json.dumps(
        {"stream": True, "messages": [{"role": "user", "content": "Is anything lost?"}]}
    )
    target = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"
    with closing(_connection(proxy, _CALL_WITHIN_S)) as connection:
        try:
            connection.request("POST", target, body, {"content-type": "application/json"})
            response = connection.getresponse()
            exchange_id = response.getheader("x-exchange-id")
            text = response.read()
        except (OSError, HTTPException) as error:
            return f"no response ({type(error).__name__})", None
    whole = response.status != 200 or b"data: [DONE]" in text
    return str(response.status) if whole else "cut short", exchange_id


def _health(proxy: str) -> str:
    with closing(_connection(proxy, _HEALTH_WITHIN_S)) as connection:
        try:
            connection.request("GET", "/health/ready")
            response = connection.getresponse()
            states = json.loads(response.read())
        except (OSError, HTTPException, ValueError) as error:
            return f"no response ({type(error).__name__})"
    members = ", ".join(f"{name} {state}" for name, state in states.items() if name != "status")
    return f"{response.status} {states.get('status')} ({members})"


def _connection(proxy: str, timeout_s: float) -> HTTPConnection:
    address = urlsplit(proxy)
    return HTTPConnection(address.hostname or "", address.port, timeout=timeout_s)


def outages(storage_s: float, event_hub_s: float, running: RunInfo) -> list[Outage]:
    """The outages asked for. Raises StackError for a part that is not one of the run's own."""
    wanted = [
        Outage("azurite", "storage", storage_s),
        Outage("event_hubs", "the Event Hub", event_hub_s),
    ]
    for outage in wanted:
        if outage.seconds and outage.part not in running.local_parts:
            raise StackError(
                f"{outage.name} is a real one in this run, which a drill does not break: start "
                "`make run` without its settings"
            )
    return [outage for outage in wanted if outage.seconds]


def alerts(part: str) -> str:
    """The alert rules that notice an outage of a part, and when."""
    return ", ".join(f"{rule} ({when})" for rule, when in ALERTS[part].items())


def summary(calls: DrillCalls, *, nothing_lost: bool) -> Iterator[str]:
    """The drill's result, a line each."""
    answers = ", ".join(f"{count} x {status}" for status, count in calls.statuses.most_common())
    total = calls.statuses.total()
    yield f"{total} calls: {answers}; the slowest took {calls.slowest_s:.1f} s"
    yield f"{calls.delivered} events arrived, {len(calls.awaited)} did not"
    if calls.without_content:
        yield (
            f"{calls.without_content} of them without prompt and answer: storage could not keep "
            "their captures (CAPTURE_POLICY=required would have refused those calls)"
        )
    if nothing_lost:
        yield "every call is accounted for, and no user noticed"
        return
    yield "not as it should be: see the warnings of `make run`"
    if calls.awaited:
        yield "missing so far (reconcile delivers them within 20 minutes): " + ", ".join(
            sorted(calls.awaited)
        )


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0: nothing was lost; 1: something was, or the drill could not begin."""
    options = _parser().parse_args(arguments)
    try:
        running = find(options.folder)
        wanted = outages(options.storage, options.event_hub, running)
        with LocalEventFeed(running.event_hub_settings, from_start=False) as feed:
            drill = Drill(running, options.folder, feed, lambda line: print(line, flush=True))
            nothing_lost = drill.run(wanted)
    except StackError as error:
        print(f"fnsse: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped: what was taken away is back")
        return 1
    print("\n" + "\n".join(summary(drill.calls, nothing_lost=nothing_lost)))
    return 0 if nothing_lost else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.drill",
        description="Rehearse outages on a running `make run`: what users, /health/ready, alerts "
        "and the Event Hub see, and that nothing is lost.",
    )
    parser.add_argument(
        "--storage", type=float, default=20, metavar="S", help="seconds without storage; default 20"
    )
    parser.add_argument(
        "--event-hub",
        type=float,
        default=20,
        metavar="S",
        help="seconds without the Event Hub; default 20",
    )
    add_folder_option(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
