"""The timer trigger.

Rules: Azure/azure-webjobs-sdk-extensions, TimerListener.cs, TimerSchedule.cs, ConstantSchedule.cs.
The real host keeps the schedule's status in storage and catches up after a stop; this one keeps it
in memory and is never past due.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from emulators.functions_host.functions import TimerFunction
from emulators.functions_host.invocations import Invocations
from emulators.functions_host.ncrontab import Crontab
from emulators.functions_host.timespan import parse_time_span_s
from emulators.functions_host.unsupported import StartError
from emulators.functions_host.worker_library import Invocation, TypedData

# default(DateTime), what the real host reports before the first run.
_NEVER: Final = "0001-01-01T00:00:00+00:00"


@dataclass(frozen=True)
class Every:
    """A constant schedule, given as a TimeSpan."""

    period: timedelta

    def after(self, moment: datetime) -> datetime:
        """The next occurrence after a moment."""
        return moment + self.period


type Schedule = Crontab | Every


def parse_schedule(expression: str) -> Schedule:
    """Parse a schedule: NCRONTAB, else TimeSpan. Raises StartError if it is neither."""
    try:
        return Crontab.parse(expression)
    except ValueError as not_cron:
        try:
            return Every(timedelta(seconds=parse_time_span_s(expression)))
        except ValueError:
            raise StartError(f"The schedule {expression!r} is not valid: {not_cron}") from None


def is_monitored(schedule: Schedule, now: datetime) -> bool:
    """Whether the real host keeps this schedule's status: it does not if the schedule is
    more frequent than a minute.
    """
    first = schedule.after(now)
    return schedule.after(first) - first >= timedelta(minutes=1)


def timer_json(
    schedule: Schedule, *, last: datetime | None, upcoming: datetime, monitored: bool
) -> str:
    """The payload of a timer invocation as the real host serialises TimerInfo (seen there);
    times are local.
    """
    last_text = last.astimezone().isoformat() if last else _NEVER
    status = {
        "Last": last_text,
        "Next": upcoming.astimezone().isoformat(),
        "LastUpdated": last_text,
    }
    return json.dumps(
        {
            "Schedule": {"AdjustForDST": isinstance(schedule, Crontab)},
            "ScheduleStatus": status if monitored else None,
            "IsPastDue": False,
        }
    )


class TimerTrigger:
    """Calls one function on its schedule; never twice at a time."""

    def __init__(
        self, target: TimerFunction, invocations: Invocations, *, run_on_startup: bool
    ) -> None:
        """`run_on_startup` is False for a replaced worker, which does not fire again."""
        self._target = target
        self._invocations = invocations
        self._run_on_startup = run_on_startup and target.run_on_startup
        self._schedule = parse_schedule(target.schedule)
        now = _now()
        self._monitored = target.use_monitor and is_monitored(self._schedule, now)
        self._last: datetime | None = None
        self._next = self._schedule.after(now)
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Fire until `stop`; then wait for the running invocation."""
        if self._run_on_startup:
            await self._fire(_now())
        while not await self._stopped_within((self._next - _now()).total_seconds()):
            # A timer that fires early (clock skew) must not fire twice
            # (TimerListener.InvokeJobFunction).
            await self._fire(max(_now(), self._next))

    def stop(self) -> None:
        """Stop the schedule."""
        self._stopping.set()

    async def _stopped_within(self, delay_s: float) -> bool:
        try:
            await asyncio.wait_for(self._stopping.wait(), max(delay_s, 0))
        except TimeoutError:
            return False
        return True

    async def _fire(self, moment: datetime) -> None:
        payload = timer_json(
            self._schedule, last=self._last, upcoming=self._next, monitored=self._monitored
        )
        invocation = Invocation(
            invocation_id=str(uuid.uuid4()),
            function=self._target.function,
            inputs={self._target.parameter: TypedData(json=payload)},
        )
        await self._invocations.run(invocation, f"Timer fired at {moment.astimezone().isoformat()}")
        self._last = moment
        self._next = self._schedule.after(moment)


def _now() -> datetime:
    return datetime.now()  # noqa: DTZ005 - schedules are in local time, as on the real host
