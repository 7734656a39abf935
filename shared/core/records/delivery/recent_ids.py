"""A bounded memory of exchange ids."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable


class RecentIds:
    """The ids that were added last, at most `limit` of them."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._ids: OrderedDict[str, None] = OrderedDict()

    def add(self, exchange_ids: Iterable[str]) -> None:
        """Remember these, and forget the oldest beyond the limit."""
        self._ids.update(dict.fromkeys(exchange_ids))
        while len(self._ids) > self._limit:
            self._ids.popitem(last=False)

    def __contains__(self, exchange_id: str) -> bool:
        return exchange_id in self._ids
