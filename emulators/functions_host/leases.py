"""A journal of the messages that a worker holds, for the next worker.

On the real host the listener lives in the host, so a message whose worker was killed fails at once
and becomes visible after visibilityTimeout (seen there). Here the listener dies with the worker;
without this file its messages would stay invisible until their leases end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from azure.storage.queue import QueueMessage

_COMPACT_BYTES: Final = 64 * 1024  # a longer journal is truncated when nothing is held


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The right to release or delete a message."""

    message_id: str
    pop_receipt: str


class LeaseBook:
    """The leases of one queue trigger, as a journal: a line for each change, written immediately.

    The process may be killed at any moment, even within a line.
    """

    def __init__(self, path: Path) -> None:
        """`path`: the journal, which need not exist."""
        self._path = path
        self._message_ids: set[str] = set()
        self._journal: BinaryIO | None = None

    def leases_of_previous_worker(self) -> Iterable[Lease]:
        """The leases of the previous worker when it died. Call it before the first `hold`."""
        if not self._path.exists():
            return ()
        leases: dict[str, Lease] = {}
        for line in self._path.read_text("utf-8", "replace").splitlines():
            match line.split(" "):
                case ["+", message_id, pop_receipt, "."]:  # the dot marks a complete line
                    leases[message_id] = Lease(message_id=message_id, pop_receipt=pop_receipt)
                case ["-", message_id, "."]:
                    leases.pop(message_id, None)
        return list(leases.values())

    def hold(self, messages: Iterable[QueueMessage]) -> None:
        """Add messages, or replace their receipts after a renewal."""
        lines = []
        for message in messages:
            self._message_ids.add(message.id)
            lines.append(f"+ {message.id} {message.pop_receipt or ''} .\n")
        self._write("".join(lines))

    def drop(self, message: QueueMessage) -> None:
        """Remove a message that is deleted or released."""
        self._message_ids.discard(message.id)
        self._write(f"- {message.id} .\n")

    def close(self) -> None:
        """Close the journal; the file stays."""
        if self._journal is not None:
            self._journal.close()

    def _write(self, lines: str) -> None:
        if self._journal is None:
            self._journal = self._path.open("wb", buffering=0)
        self._journal.write(lines.encode())
        if not self._message_ids and self._journal.tell() > _COMPACT_BYTES:
            self._journal.seek(0)
            self._journal.truncate()
