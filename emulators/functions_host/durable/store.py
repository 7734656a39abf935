"""Stores instances in a SQLite file, so that they continue after the worker or the host died."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from emulators.functions_host.durable.instance import Instance, from_json, to_json


class InstanceStore:
    """The instances of a host. Each write is a transaction, which survives kill -9."""

    def __init__(self, path: Path) -> None:
        """Open the file, which is created if missing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None)  # autocommit
        # Do not wait for the disk: only a power failure loses data, a killed process does not.
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=OFF")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS orchestrations (id TEXT PRIMARY KEY, document TEXT NOT NULL)"
        )

    def all(self) -> Iterable[Instance]:
        """All stored instances."""
        return [
            from_json(document)
            for (document,) in self._connection.execute("SELECT document FROM orchestrations")
        ]

    def save(self, instance: Instance) -> None:
        """Write an instance over any older one of its id."""
        self._connection.execute(
            "INSERT OR REPLACE INTO orchestrations VALUES (?, ?)",
            (instance.instance_id, to_json(instance)),
        )

    def delete(self, instance_id: str) -> None:
        """Delete an instance."""
        self._connection.execute("DELETE FROM orchestrations WHERE id = ?", (instance_id,))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
