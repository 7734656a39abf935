"""NCRONTAB: the schedules of timer triggers, {second} {minute} {hour} {day} {month} {day-of-week}.

Source: atifaziz/NCrontab (the parser the real host uses; day and day-of-week must both match) and
CronSchedule.cs in Azure/azure-webjobs-sdk-extensions (five fields mean second 0). Times are local
and naive, as there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

# Recognised by their first three letters.
_MONTHS: Final = [
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
]
_DAYS: Final = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
# Name, least, most, names of the values from `least` on.
_FIELDS: Final[tuple[tuple[str, int, int, list[str]], ...]] = (
    ("second", 0, 59, []),
    ("minute", 0, 59, []),
    ("hour", 0, 23, []),
    ("day", 1, 31, []),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 6, _DAYS),
)
_SEARCH_YEARS: Final = 30  # includes every weekday of February 29th


@dataclass(frozen=True)
class Crontab:
    """A parsed schedule: the allowed values of each field."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]  # 0 is Sunday

    @classmethod
    def parse(cls, expression: str) -> Crontab:
        """Read an expression of six fields, or of five without the seconds; ValueError names the
        wrong field.
        """
        fields = expression.split()
        if len(fields) == 5:
            fields.insert(0, "0")
        if len(fields) != 6:
            raise ValueError(
                f"{expression!r} has {len(fields)} fields; an NCRONTAB expression has six"
            )
        return cls(*(_values(text, *field) for text, field in zip(fields, _FIELDS, strict=True)))

    def after(self, moment: datetime) -> datetime:
        """The next occurrence strictly after a moment; ValueError if there is none (February
        30th).
        """
        start = moment.replace(microsecond=0) + timedelta(seconds=1)
        for day in self._days_from(start.date()):
            earliest = start.time() if day == start.date() else time.min
            for at in self._times_from(earliest):
                return datetime.combine(day, at)
        raise ValueError("The schedule has no occurrence")

    def _days_from(self, first: date) -> Iterator[date]:
        for offset in range(_SEARCH_YEARS * 366):
            day = first + timedelta(days=offset)
            if (
                day.month in self.months
                and day.day in self.days
                and day.isoweekday() % 7 in self.weekdays
            ):
                yield day

    def _times_from(self, earliest: time) -> Iterator[time]:
        for hour in self.hours:
            if hour < earliest.hour:
                continue
            for minute in self.minutes:
                if (hour, minute) < (earliest.hour, earliest.minute):
                    continue
                for second in self.seconds:
                    at = time(hour, minute, second)
                    if at >= earliest:
                        yield at


def _values(text: str, name: str, least: int, most: int, names: list[str]) -> tuple[int, ...]:
    values: set[int] = set()
    for part in text.split(","):
        values.update(_part(part, name, least, most, names))
    return tuple(sorted(values))


def _part(part: str, name: str, least: int, most: int, names: list[str]) -> range:
    """Read `*`, `5`, `1-5`, each with an optional `/step`; a number with a step runs to the field's
    end.
    """
    span, _, step_text = part.partition("/")
    step = _number(step_text, name, 1, most, []) if step_text else 1
    if span == "*":
        return range(least, most + 1, step)
    first_text, dash, last_text = span.partition("-")
    first = _number(first_text, name, least, most, names)
    single = most if step_text else first
    last = _number(last_text, name, least, most, names) if dash else single
    if last < first:
        raise ValueError(f"{part!r} is not a range for the field {name}: it ends before it starts")
    return range(first, last + 1, step)


def _number(text: str, name: str, least: int, most: int, names: list[str]) -> int:
    if text.isdecimal() and least <= int(text) <= most:
        return int(text)
    if (short := text[:3].casefold()) in names:
        return least + names.index(short)
    raise ValueError(f"{text!r} is not a value for the field {name} ({least} to {most})")
