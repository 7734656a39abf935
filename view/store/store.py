"""The events that the view has read: events in, rows and events out."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from shared.core.cost.rates import RateCard
from view.exchange.received_event import ReceivedEvent
from view.exchange.row import Row
from view.filters.sql import EVERYTHING, Condition, condition
from view.filters.terms import Contains, Filter
from view.store import writing
from view.store.connections import Connections
from view.store.figures import StoreFigures, figures
from view.store.packing import unpack
from view.store.schema import COLUMNS, FLAGS
from view.store.writing import StoreEntry

# every name is a field of Row
_SELECT: Final = f"SELECT number, {', '.join(f'"{name}"' for name in COLUMNS)} FROM exchanges"  # noqa: S608
MOST_COUNTED: Final = 100_000  # counting further would take seconds
_NEWEST_FIRST: Final = "ORDER BY exact_end_ms DESC, number DESC"
# The oldest exchanges are removed when the excess is this share of the number to keep.
_SLACK: Final = 0.01
# The newest exchanges, which a search reads first: a text that one exchange in 500 has is found a
# hundred times among them.
_SEARCHED_FIRST_COUNT: Final = 50_000
_LATEST_MS: Final = 1 << 62
_LOWEST_NUMBER: Final = 0  # SQLite counts from 1

type Position = tuple[int, int]  # the end and the number of the last row of a page


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Rows, newest first."""

    rows: tuple[Row, ...]
    next: str | None  # the `before` of the page that follows; None after the last


class Store:
    """Keeps the newest exchanges. Every method blocks, and may be called from any thread."""

    def __init__(
        self,
        file: Path,
        *,
        max_exchanges: int,
        card: RateCard | None = None,
        searched_first_count: int = _SEARCHED_FIRST_COUNT,
    ) -> None:
        """`max_exchanges`: how many are kept; older ones are removed. `card`: the rates by which
        exchanges are priced. `searched_first_count`: how many of the newest exchanges a search for
        a text reads first.
        """
        self._connections = Connections(file)
        self._max_exchanges = max_exchanges
        self._card = card
        self._searched_first_count = searched_first_count
        self._size = self._count(EVERYTHING)

    def close(self) -> None:
        """Close the file. No call may be running."""
        self._connections.close()

    def add(
        self, events: Iterable[ReceivedEvent], positions: Mapping[str, int] | None = None
    ) -> list[StoreEntry]:
        """Keep events, and return those that are new or outrank what was kept: an exchange may be
        delivered more than once. What is not an event of fnsse is left out.

        `positions`: of each partition the sequence number of the last event of `events`.
        """
        with self._connections.writing() as connection:
            added = [
                new
                for received in events
                if (new := writing.add(connection, received, self._card)) is not None
            ]
            connection.executemany(
                "INSERT OR REPLACE INTO positions VALUES (?, ?)", (positions or {}).items()
            )
            self._size += sum(not new.replaces for new in added)
            self._trim(connection)
        return added

    def positions(self) -> dict[str, int]:
        """The sequence number of the last stored event, by partition."""
        return dict(self._connections.reader.execute("SELECT * FROM positions").fetchall())

    def remove(self, exchange_id: str) -> bool:
        """Remove an exchange; False if it is not there."""
        with self._connections.writing() as connection:
            numbers = _numbers(connection, "SELECT number FROM exchanges WHERE id = ?", exchange_id)
            writing.remove(connection, numbers)
            self._size -= len(numbers)
        return bool(numbers)

    def _trim(self, connection: sqlite3.Connection) -> None:
        excess = self._size - self._max_exchanges
        if excess > self._max_exchanges * _SLACK:
            oldest = _numbers(
                connection, "SELECT number FROM exchanges ORDER BY exact_end_ms LIMIT ?", excess
            )
            writing.remove(connection, oldest)
            connection.execute("DELETE FROM sums WHERE value = 0")
            self._size -= len(oldest)

    def page(self, query: Filter, *, before: str | None = None, limit: int) -> Page:
        """The newest rows that match, or those that follow a page. Raises ValueError if `before` is
        not the `next` of a page.
        """
        position = _position(before)
        numbered = self._newest(query, position, limit + 1)
        on_page = numbered[:limit]
        more = len(numbered) > limit
        return Page(
            rows=tuple(row for _, row in on_page),
            next=f"{on_page[-1][1].exact_end_ms}-{on_page[-1][0]}" if more and on_page else None,
        )

    def _newest(
        self, query: Filter, position: Position | None, limit: int
    ) -> list[tuple[int, Row]]:
        """The newest rows that match before the position. If texts are searched, first among the
        newest, which are enough unless few match.
        """
        numbered: list[tuple[int, Row]] = []
        if self._size > self._searched_first_count and any(
            isinstance(term, Contains) for term in query
        ):
            start = self._start_of_newest(position)
            if start is not None:
                among_newest = condition(query, self._numbers(start, position))
                numbered = self._matching(among_newest, start, position, limit)
                position = (start, _LOWEST_NUMBER)
        if len(numbered) < limit:
            numbered += self._matching(condition(query), None, position, limit - len(numbered))
        return numbered

    def _matching(
        self, matches: Condition, start: int | None, position: Position | None, limit: int
    ) -> list[tuple[int, Row]]:
        """The newest rows that match, ended at `start` or later, and stand before the position."""
        since = () if start is None else (start,)
        return self._rows(
            f"{_SELECT} WHERE {matches.sql}"
            f"{' AND exact_end_ms >= ?' if since else ''}"
            f"{' AND (exact_end_ms, number) < (?, ?)' if position else ''} {_NEWEST_FIRST} LIMIT ?",
            (*matches.parameters, *since, *(position or ()), limit),
        )

    def _start_of_newest(self, position: Position | None) -> int | None:
        """The end of the oldest of the newest exchanges; None if there are fewer than that."""
        row = self._connections.reader.execute(
            "SELECT exact_end_ms FROM exchanges WHERE exact_end_ms <= ? "
            "ORDER BY exact_end_ms DESC LIMIT 1 OFFSET ?",
            (position[0] if position else _LATEST_MS, self._searched_first_count),
        ).fetchone()
        return None if row is None else int(row[0])

    def _numbers(self, start: int, position: Position | None) -> tuple[int, int]:
        """The lowest and the highest number of the exchanges from `start` up to the position."""
        lowest, highest = self._connections.reader.execute(
            "SELECT min(number), max(number) FROM exchanges WHERE exact_end_ms BETWEEN ? AND ?",
            (start, position[0] if position else _LATEST_MS),
        ).fetchone()
        return int(lowest), int(highest)

    def count(self, query: Filter) -> int:
        """How many exchanges match; with a filter, MOST_COUNTED at most."""
        return self._count(condition(query)) if query else self._size

    def get(self, exchange_id: str) -> StoreEntry | None:
        """One exchange; None if it is not there."""
        numbered = self._rows(f"{_SELECT} WHERE id = ?", (exchange_id,))
        if not numbered:
            return None
        number, row = numbered[0]
        packed = self._connections.reader.execute(
            "SELECT event FROM events WHERE number = ?", (number,)
        ).fetchone()
        return StoreEntry(row=row, event=unpack(packed[0])) if packed else None

    def neighbours(self, row: Row) -> dict[str, dict[str, str | None]]:
        """`{previous: {session, caller}, next: {session, caller}}`: the ids of the exchanges that
        ended before and after this one, of the same session and of the same caller.
        """
        return {
            direction: {
                name: self._neighbour(row, name, comparison, order)
                for name in ("session", "caller")
            }
            for direction, comparison, order in (("previous", "<", "DESC"), ("next", ">", "ASC"))
        }

    def _neighbour(self, row: Row, name: str, comparison: str, order: str) -> str | None:
        value = getattr(row, name)
        if value is None:
            return None
        neighbour = self._connections.reader.execute(
            f"SELECT id FROM exchanges WHERE {name} = ? AND (exact_end_ms, number) {comparison} "  # noqa: S608
            "(SELECT exact_end_ms, number FROM exchanges WHERE id = ?) "
            f"ORDER BY exact_end_ms {order}, number {order} LIMIT 1",
            (value, row.id),
        ).fetchone()
        return None if neighbour is None else str(neighbour[0])

    def figures(self, query: Filter, *, from_ms: int, bucket_ms: int) -> StoreFigures:
        """The figures of the charts, for exchanges that match and ended since `from_ms`."""
        return figures(self._connections.reader, condition(query), from_ms, bucket_ms)

    def _count(self, matches: Condition) -> int:
        rows = self._connections.reader.execute(
            "SELECT count(*) FROM "  # noqa: S608 - values are bound
            f"(SELECT 1 FROM exchanges WHERE {matches.sql} LIMIT ?)",
            (*matches.parameters, -1 if matches is EVERYTHING else MOST_COUNTED),
        )
        return int(rows.fetchone()[0])

    def _rows(self, sql: str, parameters: tuple[object, ...]) -> list[tuple[int, Row]]:
        rows = self._connections.reader.execute(sql, parameters)
        return [(values[0], _row(values[1:])) for values in rows]


def _row(values: tuple[Any, ...]) -> Row:
    """`values`: those of COLUMNS as SQLite gives them, which has 0 and 1 for flags."""
    members = dict(zip(COLUMNS, values, strict=True))
    return Row(**members | {name: bool(members[name]) for name in FLAGS})


def _numbers(connection: sqlite3.Connection, sql: str, parameter: str | int) -> list[int]:
    return [number for (number,) in connection.execute(sql, (parameter,)).fetchall()]


def _position(before: str | None) -> Position | None:
    if before is None:
        return None
    end_ms, _, number = before.partition("-")
    return int(end_ms), int(number)
