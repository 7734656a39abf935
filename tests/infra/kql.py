"""Runs the queries of infra/queries over rows of a test, by DuckDB (duckdb-kql translates KQL)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb_kql

type KqlRow = dict[str, Any]


@dataclass(frozen=True)
class StoredFunction:
    """A function of Azure Data Explorer, as its `.create-or-alter function` defines it."""

    name: str
    parameters: tuple[str, ...]
    body: str


def stored_function(file: Path) -> StoredFunction:
    """The one function that a file defines."""
    definition = re.fullmatch(
        r"\.create-or-alter function with \(docstring = \"[^\"]+\"\) "
        r"(?P<name>\w+)\((?P<parameters>[^)]*)\) \{\n(?P<body>.*)\n\}\n",
        file.read_text(),
        re.DOTALL,
    )
    assert definition, f"{file.name} is not one function with a docstring"
    names = (part.split(":")[0].strip() for part in definition["parameters"].split(","))
    return StoredFunction(definition["name"], tuple(filter(None, names)), definition["body"])


def call_text(
    function: StoredFunction, used: Iterable[StoredFunction], arguments: Mapping[str, datetime]
) -> str:
    """The query `function(…)`, with the functions that it uses as tables.

    The translator knows no function that returns a table. Here each one takes its caller's own
    parameters, so that a `let` of its body means the same; those come before it, since none may
    be within another. A function without parameters is a table of the test.
    """
    lets = [f"let {name} = datetime({value:%FT%TZ})" for name, value in arguments.items()]
    by_call = {f"{other.name}({', '.join(other.parameters)})": other for other in used}

    def expression(body: str) -> str:
        for call, other in by_call.items():
            if call in body and other.parameters and not _is_defined(other.name, lets):
                lets.append(f"let {other.name} = {expression(other.body)}")
            body = body.replace(call, other.name)
        *own, last = body.split(";\n")
        lets.extend(own)
        return last

    last = expression(function.body)
    return "\n".join([*(f"{let};" for let in lets), last])


def _is_defined(name: str, lets: Iterable[str]) -> bool:
    return any(let.startswith(f"let {name} =") for let in lets)


def run(
    query: str, tables: Mapping[str, tuple[Mapping[str, str], Iterable[KqlRow]]]
) -> list[KqlRow]:
    """The rows that a query returns.

    `tables`: by name, the SQL type of each column and the rows. A column that a row lacks is null.
    """
    connection = duckdb_kql.connect()
    for name, (columns, rows) in tables.items():
        definition = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
        connection.execute(f'CREATE TABLE "{name}" ({definition})')
        marks = ", ".join("?" * len(columns))
        # The names are those of a test.
        insertion = f'INSERT INTO "{name}" VALUES ({marks})'  # noqa: S608
        for row in rows:
            connection.execute(insertion, [row.get(column) for column in columns])
    schema = tuple((name, tuple(columns)) for name, (columns, _) in tables.items())
    result = connection.sql(_translate(query, schema))
    return [dict(zip(result.columns, values, strict=True)) for values in result.fetchall()]


@cache
def _translate(query: str, schema: tuple[tuple[str, tuple[str, ...]], ...]) -> str:
    """The query in SQL, over tables with these columns.

    The tests run each query many times, and translating it takes longer than running it.
    """
    translated = duckdb_kql.to_sql(query, {name: list(columns) for name, columns in schema})
    assert not translated.parameters
    return str(translated)
