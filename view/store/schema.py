"""The tables of the view's SQLite file.

`exchanges` holds the rows, `events` the whole events, `sums` what the charts of long spans show,
`texts` an index of what prompts and answers say. The index keeps no copy of the texts, so to take
one out of it, its text has to be given again. It is made of trigrams: a text is found by any part
of it that has three characters or more, in every language.
"""

from __future__ import annotations

import zlib
from dataclasses import fields
from typing import Final

from view.exchange.row import Row
from view.store import sums
from view.store.packing import COMMON

_SQL_TYPES: Final = {"int": "INTEGER", "float": "REAL", "bool": "INTEGER", "str": "TEXT"}
COLUMNS: Final = tuple(field.name for field in fields(Row))
FLAGS: Final = frozenset(field.name for field in fields(Row) if field.type == "bool")


def _column(name: str, annotation: str) -> str:
    sql_type = _SQL_TYPES[annotation.removesuffix(" | None")]
    # so that comparisons and indexes ignore the case of ASCII letters
    collation = " COLLATE NOCASE" if sql_type == "TEXT" else ""
    return f'"{name}" {sql_type}{collation}'


_COLUMNS: Final = ", ".join(_column(field.name, str(field.type)) for field in fields(Row))
# The columns of the most frequent filters. Each has an index in the order in which rows are shown.
_INDEXED: Final = ("outcome", "deployment", "model", "caller", "session")

_TABLES: Final = (
    f"CREATE TABLE exchanges (number INTEGER PRIMARY KEY, {_COLUMNS})",
    "CREATE UNIQUE INDEX exchanges_id ON exchanges (id)",
    # holds all that the charts read: they would look up a row for each exchange otherwise
    "CREATE INDEX exchanges_end ON exchanges "
    "(exact_end_ms, outcome, deployment, tokens, ttft_ms, stream, duration_ms)",
    *(f"CREATE INDEX exchanges_{name} ON exchanges ({name}, exact_end_ms)" for name in _INDEXED),
    "CREATE TABLE events (number INTEGER PRIMARY KEY, event BLOB NOT NULL)",
    "CREATE VIRTUAL TABLE texts USING fts5(text, content='', tokenize='trigram')",
    "CREATE TABLE positions (partition TEXT PRIMARY KEY, sequence_number INTEGER NOT NULL)",
    *sums.STATEMENTS,
)
# A file that was made by other statements is made anew: what it held is read again.
VERSION: Final = zlib.crc32("".join(_TABLES).encode() + COMMON) >> 1
STATEMENTS: Final = (*_TABLES, f"PRAGMA user_version = {VERSION}")
