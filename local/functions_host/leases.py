"""Which messages a worker holds, kept where the next worker finds them.

On the real host the listener lives in the host, so a message whose worker was killed has failed at once and comes again
after visibilityTimeout (seen there). Here the listener dies with the worker; without this file its messages would stay
invisible until their leases end.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from azure.storage.queue import QueueMessage


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The right to release or delete a message."""

    message_id: str
    pop_receipt: str


class LeaseBook:
    """The leases of one queue trigger, in one file that is replaced with every change."""

    def __init__(self, path: Path) -> None:
        """The file need not exist."""
        self._path = path
        self._held: dict[str, Lease] = {}

    def left_behind(self) -> Iterable[Lease]:
        """Return what the worker before this one held when it died."""
        if not self._path.exists():
            return ()
        return [Lease(**fields) for fields in json.loads(self._path.read_text())]

    def hold(self, messages: Iterable[QueueMessage]) -> None:
        """Add messages, or replace their receipts after a renewal."""
        for message in messages:
            self._held[message.id] = Lease(message_id=message.id, pop_receipt=message.pop_receipt or "")
        self._write()

    def drop(self, message: QueueMessage) -> None:
        """Remove a message that is deleted or released."""
        self._held.pop(message.id, None)
        self._write()

    def _write(self) -> None:
        fields: list[Mapping[str, str]] = [asdict(lease) for lease in self._held.values()]
        draft = self._path.with_suffix(".new")
        draft.write_text(json.dumps(fields))
        draft.replace(self._path)  # at once: the process may be killed at any moment
