"""Where instances are kept, so that they go on after the worker or the host died:
one SQLite file.
"""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from local.functions_host.durable.instance import Instance, from_json, to_json


class InstanceStore:
    """All instances of one host. Each write is one transaction, which a kill -9 leaves whole."""

    def __init__(self, path: Path) -> None:
        """Open the file; make it where there is none."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None)  # autocommit
        # No wait for the disk: a killed process loses nothing, only a machine that loses its power.
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=OFF")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS orchestrations (id TEXT PRIMARY KEY, document TEXT NOT NULL)"
        )

    def all(self) -> Iterable[Instance]:
        """Return what is kept."""
        return [
            from_json(document)
            for (document,) in self._connection.execute("SELECT document FROM orchestrations")
        ]

    def save(self, instance: Instance) -> None:
        """Write an instance, whatever was kept under its id."""
        self._connection.execute(
            "INSERT OR REPLACE INTO orchestrations VALUES (?, ?)",
            (instance.instance_id, to_json(instance)),
        )

    def delete(self, instance_id: str) -> None:
        """Drop an instance."""
        self._connection.execute("DELETE FROM orchestrations WHERE id = ?", (instance_id,))

    def close(self) -> None:
        """Release the file."""
        self._connection.close()
