"""NCRONTAB expressions and their next occurrences."""

from __future__ import annotations

from datetime import datetime

import pytest

from emulators.functions_host.ncrontab import Crontab
from emulators.functions_host.timer_trigger import Every, is_monitored, parse_schedule, timer_json
from emulators.functions_host.unsupported import StartError


@pytest.mark.parametrize(
    ("expression", "moment", "expected"),
    [
        ("*/5 * * * * *", "2026-11-23T14:00:00", "2026-11-23T14:00:05"),
        ("*/5 * * * * *", "2026-11-23T14:00:04.900", "2026-11-23T14:00:05"),
        ("0 */5 * * * *", "2026-11-23T14:57:01", "2026-11-23T15:00:00"),
        ("*/5 * * * *", "2026-11-23T14:57:01", "2026-11-23T15:00:00"),
        ("0 30 9 * * *", "2026-12-31T09:30:00", "2027-01-01T09:30:00"),
        ("0 30 9 * * 1-5", "2026-11-20T10:00:00", "2026-11-23T09:30:00"),
        ("0 30 9 * jan Mon", "2026-11-20T10:00:00", "2027-01-04T09:30:00"),
        ("0 0 0 29 2 *", "2026-11-23T00:00:00", "2028-02-29T00:00:00"),
        ("0 0 0 13 * Friday", "2026-11-23T00:00:00", "2027-08-13T00:00:00"),
        ("0 0 20/2 * * *", "2026-11-23T20:30:00", "2026-11-23T22:00:00"),
        ("5,8,10 * * * * *", "2026-11-23T00:00:08", "2026-11-23T00:00:10"),
        ("59 59 23 31 12 *", "2026-11-23T00:00:00", "2026-12-31T23:59:59"),
    ],
)
def test_the_next_occurrence(expression: str, moment: str, expected: str) -> None:
    """The next occurrence is strictly later, and day and day-of-week must both match."""
    assert Crontab.parse(expression).after(
        datetime.fromisoformat(moment)
    ) == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ("* * * *", "4 fields"),
        ("60 * * * * *", "second"),
        ("0 0 0 * 13 *", "month"),
        ("0 5-1 * * * *", "minute"),
        ("x * * * * *", "'x'"),
    ],
)
def test_a_wrong_expression_names_its_field(expression: str, named: str) -> None:
    """The error says which field is wrong."""
    with pytest.raises(ValueError, match=named):
        Crontab.parse(expression)


def test_an_expression_without_any_occurrence_is_an_error() -> None:
    """February 30th never comes."""
    with pytest.raises(ValueError, match="no occurrence"):
        Crontab.parse("0 0 0 30 2 *").after(datetime(2026, 1, 1))  # noqa: DTZ001 - schedules are in local time


def test_a_time_span_is_a_constant_schedule() -> None:
    """A schedule may be a TimeSpan; anything else is refused with the expression."""
    schedule = parse_schedule("00:00:20")

    assert isinstance(schedule, Every)
    assert schedule.period.total_seconds() == 20
    with pytest.raises(StartError, match="every day"):
        parse_schedule("every day")


@pytest.mark.parametrize(
    ("expression", "monitored"),
    [("*/5 * * * * *", False), ("0 * * * * *", True), ("00:00:20", False)],
)
def test_only_schedules_of_a_minute_or_more_have_a_status(expression: str, monitored: bool) -> None:
    """The real host drops the status of more frequent schedules."""
    assert is_monitored(parse_schedule(expression), datetime(2026, 11, 23)) is monitored  # noqa: DTZ001 - local time


def test_the_payload_has_the_real_hosts_shape() -> None:
    """Status null without a monitor, AdjustForDST only for cron: seen on the real host."""
    upcoming = datetime(2026, 11, 23)  # noqa: DTZ001 - the host has no zone either
    payload = timer_json(parse_schedule("00:00:20"), last=None, upcoming=upcoming, monitored=False)

    assert (
        payload
        == '{"Schedule": {"AdjustForDST": false}, "ScheduleStatus": null, "IsPastDue": false}'
    )
