"""Connections to the view's SQLite file: one that writes, and one for each thread that reads."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from view.store.schema import STATEMENTS, VERSION


class Connections:
    """Opens the file, which is created if missing. Safe to use from several threads."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._write_lock = threading.Lock()
        self._of_thread = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._writer = self._open_writer()

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction, one at a time."""
        with self._write_lock, self._writer:
            yield self._writer

    @property
    def reader(self) -> sqlite3.Connection:
        """This thread's connection."""
        connection: sqlite3.Connection | None = getattr(self._of_thread, "connection", None)
        if connection is None:
            connection = self._of_thread.connection = self._open()
            connection.execute("PRAGMA query_only = on")
        return connection

    def close(self) -> None:
        """Close all connections. No other thread may use one any more."""
        with self._write_lock:
            for connection in self._all:
                connection.close()

    def _open_writer(self) -> sqlite3.Connection:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        # prompts and answers are in it: nobody else may read it
        self._file.touch(mode=0o600)
        connection = self._open()
        if _version(connection) not in {0, VERSION}:
            connection.close()
            self._all.remove(connection)
            remove(self._file)
            self._file.touch(mode=0o600)
            connection = self._open()
        if _version(connection) == 0:
            with connection:
                for statement in STATEMENTS:
                    connection.execute(statement)
        return connection

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._file, timeout=30, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = wal")
        # what a crash of the machine loses is read from the Event Hub again
        connection.execute("PRAGMA synchronous = off")
        self._all.append(connection)
        return connection


def remove(file: Path) -> None:
    """Remove the file and those that SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.remove(f"{file}{suffix}")  # noqa: PTH107 - the suffix is no path's


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
