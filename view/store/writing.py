"""Changes of the view's SQLite file, within a transaction of the caller's."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from shared.core.conversation import searched_text
from shared.core.cost.rates import RateCard
from shared.core.wire.json.json_shape import JsonObject
from view.exchange import row as rows
from view.exchange.precedence import outranks
from view.exchange.received_event import ReceivedEvent
from view.exchange.row import Row
from view.store.packing import pack, unpack
from view.store.schema import COLUMNS

_COLUMNS: Final = ", ".join(f'"{name}"' for name in COLUMNS)
_PLACES: Final = ", ".join("?" * len(COLUMNS))


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreEntry:
    """An exchange as the store has it: its row and its event."""

    row: Row
    event: JsonObject
    replaces: bool = False  # another event of the exchange was kept before


def add(
    connection: sqlite3.Connection, received: ReceivedEvent, card: RateCard | None
) -> StoreEntry | None:
    """Keep an event; None if another one of its exchange counts, or if it is not an event of
    fnsse.
    """
    row = rows.of_event(received, card)
    if row is None:
        return None
    event = received.event
    stored = connection.execute(
        "SELECT number, event FROM exchanges JOIN events USING (number) WHERE id = ?", (row.id,)
    ).fetchone()
    if stored is not None:
        if not outranks(event, unpack(stored[1])):
            return None
        remove(connection, [stored[0]])
    _insert(connection, row, event)
    return StoreEntry(row=row, event=event, replaces=stored is not None)


def _insert(connection: sqlite3.Connection, row: Row, event: JsonObject) -> None:
    values = [getattr(row, name) for name in COLUMNS]
    # every name is a field of Row
    inserted = connection.execute(
        f"INSERT INTO exchanges ({_COLUMNS}) VALUES ({_PLACES})",  # noqa: S608
        values,
    )
    number = inserted.lastrowid
    connection.execute("INSERT INTO events VALUES (?, ?)", (number, pack(event)))
    connection.execute(
        "INSERT INTO texts (rowid, text) VALUES (?, ?)", (number, searched_text(event))
    )


def remove(connection: sqlite3.Connection, numbers: Iterable[int]) -> None:
    """Remove the exchanges with these numbers."""
    for number in numbers:
        (packed,) = connection.execute(
            "SELECT event FROM events WHERE number = ?", (number,)
        ).fetchone()
        connection.execute(
            "INSERT INTO texts (texts, rowid, text) VALUES ('delete', ?, ?)",
            (number, searched_text(unpack(packed))),
        )
        connection.execute("DELETE FROM events WHERE number = ?", (number,))
        connection.execute("DELETE FROM exchanges WHERE number = ?", (number,))
