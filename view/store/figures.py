"""The figures of the charts, computed by SQLite."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any, Final

from view.filters.sql import EVERYTHING, Condition, Parameter
from view.store import sums

_MOST_POINTS: Final = 2_000  # the newest exchanges as points; the bands show all

type Series = dict[str, list[tuple[int, float]]]  # name -> (start of the bucket in Unix ms, value)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreFigures:
    """Figures of the exchanges that ended in a range of time, most of them by bucket."""

    points: list[tuple[int, int, str]]  # (end in Unix ms, ms to the first token, exchange id)
    bands: list[tuple[int, int, int]]  # (start of the bucket, p50, p95) of the same
    tokens: Series  # by deployment
    outcomes: Series  # exchanges, by outcome
    open_streams: list[tuple[int, int]]  # how many are open from a moment until the next


def figures(
    connection: sqlite3.Connection, matches: Condition, from_ms: int, bucket_ms: int
) -> StoreFigures:
    """Figures of the exchanges that match and ended since `from_ms`, a multiple of `bucket_ms`."""
    if matches is EVERYTHING and bucket_ms % sums.STRETCH_MS == 0:
        return _sum_figures(connection, from_ms, bucket_ms)
    since = Condition(
        sql=f"({matches.sql}) AND exact_end_ms >= ?", parameters=(*matches.parameters, from_ms)
    )
    return StoreFigures(
        points=_points(connection, since),
        bands=_bands(connection, since, bucket_ms),
        tokens=_series(connection, since, bucket_ms, "deployment", "sum(tokens)"),
        outcomes=_series(connection, since, bucket_ms, "outcome", "count(*)"),
        open_streams=_open_streams(connection, since, from_ms, bucket_ms),
    )


def _sum_figures(connection: sqlite3.Connection, from_ms: int, bucket_ms: int) -> StoreFigures:
    """Make the figures of all exchanges from the sums that the store keeps."""
    since = Condition(sql="exact_end_ms >= ?", parameters=(from_ms,))
    return StoreFigures(
        points=_points(connection, since),
        bands=[*sums.bands(connection, from_ms, bucket_ms)],
        tokens=_summed_series(connection, "tokens", from_ms, bucket_ms),
        outcomes=_summed_series(connection, "outcome", from_ms, bucket_ms),
        open_streams=[*sums.open_streams(connection, from_ms, bucket_ms)],
    )


def _summed_series(
    connection: sqlite3.Connection, kind: str, from_ms: int, bucket_ms: int
) -> Series:
    series: Series = {}
    for start, name, value in sums.by_bucket(connection, kind, from_ms, bucket_ms):
        series.setdefault(name, []).append((start, value))
    return dict(sorted(series.items()))


def _points(connection: sqlite3.Connection, since: Condition) -> list[tuple[int, int, str]]:
    return _all(
        connection,
        f"SELECT exact_end_ms, ttft_ms, id FROM exchanges WHERE {since.sql} "  # noqa: S608
        "AND ttft_ms IS NOT NULL ORDER BY exact_end_ms DESC LIMIT ?",
        (*since.parameters, _MOST_POINTS),
    )[::-1]


def _bands(
    connection: sqlite3.Connection, since: Condition, bucket_ms: int
) -> list[tuple[int, int, int]]:
    """The nearest rank: the smallest value that half, or 95 of 100, do not exceed."""
    return _all(
        connection,
        "SELECT bucket * ?, max(CASE WHEN place = (of_all + 1) / 2 THEN ttft_ms END), "  # noqa: S608
        "max(CASE WHEN place = (of_all * 95 + 99) / 100 THEN ttft_ms END) FROM ("
        "SELECT exact_end_ms / ? AS bucket, ttft_ms, "
        "row_number() OVER (PARTITION BY exact_end_ms / ? ORDER BY ttft_ms) AS place, "
        "count(*) OVER (PARTITION BY exact_end_ms / ?) AS of_all "
        f"FROM exchanges WHERE {since.sql} AND ttft_ms IS NOT NULL) GROUP BY bucket ORDER BY bucket",
        (bucket_ms, bucket_ms, bucket_ms, bucket_ms, *since.parameters),
    )


def _series(
    connection: sqlite3.Connection, since: Condition, bucket_ms: int, name: str, value: str
) -> Series:
    rows = _all(
        connection,
        f"SELECT coalesce({name}, '{sums.NO_NAME}'), exact_end_ms / ? * ? AS start, {value} FROM exchanges "  # noqa: S608
        f"WHERE {since.sql} GROUP BY 1, 2 ORDER BY 1, 2",
        (bucket_ms, bucket_ms, *since.parameters),
    )
    series: Series = {}
    for key, start, number in rows:
        if number is not None:
            series.setdefault(key, []).append((start, number))
    return series


def _open_streams(
    connection: sqlite3.Connection, since: Condition, from_ms: int, bucket_ms: int
) -> list[tuple[int, int]]:
    """From the starts and ends of streams that have ended: those that are still open have no event
    yet.
    """
    rows = _all(
        connection,
        "SELECT bucket * ?, sum(sum(change)) OVER (ORDER BY bucket) FROM ("  # noqa: S608
        "SELECT (max(exact_end_ms - duration_ms, ?) + ? - 1) / ? AS bucket, 1 AS change "
        f"FROM exchanges WHERE {since.sql} AND {sums.IS_OVER} "
        f"UNION ALL SELECT (exact_end_ms + ? - 1) / ?, -1 FROM exchanges WHERE {since.sql} AND {sums.IS_OVER}"
        ") GROUP BY bucket ORDER BY bucket",
        (
            *(bucket_ms, from_ms, bucket_ms, bucket_ms, *since.parameters),
            *(bucket_ms, bucket_ms, *since.parameters),
        ),
    )
    return [(start, number) for start, number in rows]


def _all(connection: sqlite3.Connection, sql: str, parameters: tuple[Parameter, ...]) -> list[Any]:
    """The rows, whose types the query decides."""
    return connection.execute(sql, parameters).fetchall()
