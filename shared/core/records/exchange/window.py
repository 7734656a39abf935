"""A window: the exchanges that started within one hour.

The names of captures, ledger blobs and completeness reports begin with their window.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Self

from shared.core.records.exchange.exchange_id import started_at

_HOUR: Final = timedelta(hours=1)
_FORMAT: Final = "%Y/%m/%d/%H"


@dataclass(frozen=True, order=True, slots=True)
class Window:
    """One hour, UTC. `start` is a full hour."""

    start: datetime

    @classmethod
    def of(cls, moment: datetime) -> Self:
        """The window that a moment belongs to."""
        return cls(moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0))

    @classmethod
    def of_exchange(cls, exchange_id: str) -> Self:
        """The window that an exchange started in. Raises ValueError if it is not an exchange
        id.
        """
        return cls.of(started_at(exchange_id))

    @classmethod
    def from_name(cls, name: str) -> Self:
        """The window of a name as `name` gives it. Raises ValueError."""
        return cls(datetime.strptime(name, _FORMAT).replace(tzinfo=UTC))

    @property
    def name(self) -> str:
        """`2026/11/23/14`, the prefix of its captures and of its ledger."""
        return self.start.strftime(_FORMAT)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return self.start + _HOUR


def windows_between(first: datetime, end: datetime) -> Iterator[Window]:
    """Every window that overlaps [first, end), oldest first."""
    window = Window.of(first)
    while window.start < end:
        yield window
        window = Window(window.end)
