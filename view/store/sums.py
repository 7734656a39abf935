"""Sums of the exchanges that ended in each stretch of five minutes. Triggers keep them up to date,
because the charts of a day would otherwise read every exchange of the day.

The kind of a sum says what it counts, its name whose share it is:

* `outcome`: exchanges; the name is their outcome.
* `tokens`: tokens; the name is the deployment.
* `ttft`: exchanges; the name is their milliseconds to the first token, rounded down by 1.6 % at
  most.
* `begin`, `end`: streams that have ended, in the stretch in which they began or ended; the name is
  empty.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, Final

STRETCH_MS: Final = 300_000
NO_NAME: Final = "-"
IS_OVER: Final = "stream AND duration_ms IS NOT NULL"

_STEPS: Final = 64  # steps between a time and its double


def _round_down(column: str) -> str:
    """An expression that rounds a count of milliseconds down: SQLite may lack logarithms."""
    limits = [2 * _STEPS << power for power in range(16)]
    cases = (
        f"WHEN {column} < {limit} THEN {column} / {2**n} * {2**n}" for n, limit in enumerate(limits)
    )
    return f"CASE {' '.join(cases)} ELSE {limits[-1]} END"


def _trigger(when: str, row: str, change: str) -> str:
    ended = f"{row}.exact_end_ms / {STRETCH_MS}"
    # the streams of a stretch are those that are open at its end
    up = f"+ {STRETCH_MS - 1}) / {STRETCH_MS}"
    over = f"{row}.stream AND {row}.duration_ms IS NOT NULL"
    sums = (
        f"SELECT 'outcome', {ended}, {row}.outcome, {change}1 WHERE 1",
        f"SELECT 'tokens', {ended}, coalesce({row}.deployment, '{NO_NAME}'), {change}{row}.tokens "
        f"WHERE {row}.tokens IS NOT NULL",
        f"SELECT 'ttft', {ended}, {_round_down(f'{row}.ttft_ms')}, {change}1 "
        f"WHERE {row}.ttft_ms IS NOT NULL",
        f"SELECT 'begin', ({row}.exact_end_ms - {row}.duration_ms {up}, '', {change}1 WHERE {over}",
        f"SELECT 'end', ({row}.exact_end_ms {up}, '', {change}1 WHERE {over}",
    )
    added = " ".join(
        f"INSERT INTO sums {values} ON CONFLICT DO UPDATE SET value = value + excluded.value;"
        for values in sums
    )
    return f"CREATE TRIGGER sums_{when} AFTER {when} ON exchanges BEGIN {added} END"


STATEMENTS: Final = (
    "CREATE TABLE sums (kind TEXT, stretch INTEGER, name, value INTEGER NOT NULL, "
    "PRIMARY KEY (kind, stretch, name)) WITHOUT ROWID",
    _trigger("INSERT", "NEW", ""),
    _trigger("DELETE", "OLD", "-"),
)


def by_bucket(
    connection: sqlite3.Connection, kind: str, from_ms: int, bucket_ms: int
) -> Iterator[tuple[int, Any, int]]:
    """(start of the bucket, name, sum), in the order of both. `bucket_ms` and `from_ms` are
    multiples of STRETCH_MS.
    """
    yield from connection.execute(
        "SELECT stretch / ? * ? AS start, name, sum(value) FROM sums WHERE kind = ? AND stretch >= ? "
        "GROUP BY 1, 2 HAVING sum(value) > 0 ORDER BY 1, 2",
        (bucket_ms // STRETCH_MS, bucket_ms, kind, from_ms // STRETCH_MS),
    )


def bands(
    connection: sqlite3.Connection, from_ms: int, bucket_ms: int
) -> Iterator[tuple[int, int, int]]:
    """(start of the bucket, p50, p95) of the time to the first token: the nearest ranks."""
    rows = by_bucket(connection, "ttft", from_ms, bucket_ms)
    for start, values in groupby(rows, key=lambda value: value[0]):
        counts = [(ms, count) for _, ms, count in values]
        total = sum(count for _, count in counts)
        yield start, _at(counts, (total + 1) // 2), _at(counts, (total * 95 + 99) // 100)


def _at(counts: Iterable[tuple[int, int]], place: int) -> int:
    """The value at a place, counted from 1, of values in their order."""
    before = 0
    for value, count in counts:
        before += count
        if before >= place:
            return value
    raise IndexError(place)


def open_streams(
    connection: sqlite3.Connection, from_ms: int, bucket_ms: int
) -> Iterator[tuple[int, int]]:
    """How many streams are open from a moment until the next."""
    rows = connection.execute(
        "SELECT max((stretch + ?) / ?, ?) * ? AS start, "
        "sum(CASE kind WHEN 'begin' THEN value ELSE -value END) "
        "FROM sums WHERE kind IN ('begin', 'end') GROUP BY 1 ORDER BY 1",
        (
            *(bucket_ms // STRETCH_MS - 1, bucket_ms // STRETCH_MS),
            *(from_ms // bucket_ms, bucket_ms),
        ),
    )
    number = 0
    for start, change in rows:
        number += change
        yield start, number
