"""The exchanges whose captures are stored, found by the names in a listing.

Captures are listed in the order of their names, so those of an exchange follow each other
(`<id>.outcome`, `<id>.request`, `<id>.response`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.core.records.exchange.capture import CaptureKind
from shared.core.records.exchange.exchange_id import is_exchange_id, started_at

_WITH_OUTCOME: Final = frozenset({CaptureKind.RESPONSE, CaptureKind.OUTCOME})


@dataclass(frozen=True, kw_only=True, slots=True)
class CapturedExchange:
    """An exchange of which at least one capture is stored."""

    exchange_id: str
    kinds: frozenset[CaptureKind]  # the kinds of its captures

    @property
    def has_ended(self) -> bool:
        """Whether a capture says how the exchange ended. If not, the instance was killed before."""
        return bool(self.kinds & _WITH_OUTCOME)

    def may_be_running(self, oldest: datetime) -> bool:
        """Whether it may still be running, if one that started after `oldest` may."""
        return not self.has_ended and started_at(self.exchange_id) > oldest


class CaptureGrouping:
    """Groups the names of captures by exchange.

    Feed it names in the order of a listing, page by page.
    """

    def __init__(self) -> None:
        self._current: str | None = None
        self._kinds: set[CaptureKind] = set()

    def feed(self, names: Iterable[str]) -> Iterator[CapturedExchange]:
        """The exchanges whose captures are all known: those before the last one of `names`."""
        for name in names:
            # `2026/11/23/14/<id>.request`, or a name that is not a capture's
            exchange_id, _, kind = name.rpartition("/")[2].rpartition(".")
            if kind not in CaptureKind:
                continue
            if exchange_id != self._current:  # an id is parsed once: that takes most of the time
                if not is_exchange_id(exchange_id):
                    continue
                yield from self.flush()
                self._current = exchange_id
            self._kinds.add(CaptureKind(kind))

    def flush(self) -> Iterator[CapturedExchange]:
        """The last exchange, if there is one: no further capture of it follows."""
        if self._current is not None:
            yield CapturedExchange(exchange_id=self._current, kinds=frozenset(self._kinds))
        self._current, self._kinds = None, set()


def captured_exchanges(names: Iterable[str]) -> Iterator[CapturedExchange]:
    """The exchanges in one page of names.

    Captures of the first one may be on the page before, and of the last one on the next.
    """
    grouping = CaptureGrouping()
    yield from grouping.feed(names)
    yield from grouping.flush()
