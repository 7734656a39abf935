"""The members that the requests of operators share: a range of time, and exchange ids.

The message of each error says what would be right, and quotes no value.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from shared.core.records.exchange.exchange_id import is_exchange_id, started_at
from shared.core.records.exchange.window import Window, windows_between
from shared.core.wire.json.json_shape import JsonObject, items, text
from shared.errors import OperatorRequestError

MAX_IDS: Final = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class ExchangeRange:
    """Selects the exchanges that started in [first, end) and, unless `ids` is None, are among
    `ids`.
    """

    first: datetime
    end: datetime
    ids: frozenset[str] | None = None

    def windows(self) -> list[str]:
        """The names of the windows that hold such exchanges, oldest first."""
        if self.ids is not None:
            return sorted({Window.of_exchange(exchange_id).name for exchange_id in self.ids})
        return [window.name for window in windows_between(self.first, self.end)]

    def wants_id(self, exchange_id: str) -> bool:
        """Whether the exchange is selected, as far as its id shows."""
        if self.ids is not None and exchange_id not in self.ids:
            return False
        return self.first <= started_at(exchange_id) < self.end

    def range_to_json(self) -> JsonObject:
        """The members `from`, `to` and `ids`, which `range_from_json` reads."""
        return {
            "from": self.first.isoformat(),
            "to": self.end.isoformat(),
            "ids": None if self.ids is None else [*sorted(self.ids)],
        }


def range_from_json(fields: Mapping[str, object]) -> ExchangeRange:
    """The range that `range_to_json` wrote."""
    ids = fields["ids"]
    return ExchangeRange(
        first=datetime.fromisoformat(text(fields["from"])),
        end=datetime.fromisoformat(text(fields["to"])),
        ids=None if ids is None else frozenset(map(text, items(ids))),
    )


def members(value: object, allowed: Collection[str], example: str) -> Mapping[str, object]:
    """The members of a request's JSON. Raises OperatorRequestError unless it is an object with no
    other members than these.
    """
    if not isinstance(value, dict):
        raise OperatorRequestError(f"The body must be a JSON object such as {example}.")
    unknown = sorted(value.keys() - set(allowed))
    if unknown:
        raise OperatorRequestError(
            f"Unknown: {', '.join(map(str, unknown))}. It takes {', '.join(sorted(allowed))}."
        )
    return value


def time_range(
    fields: Mapping[str, object], ids: frozenset[str] | None, now: datetime
) -> tuple[datetime, datetime]:
    """The range [first, end) that `from` and `to` give; without both, that of the ids. Raises
    OperatorRequestError.
    """
    first, end = _stated_range(fields, ids, now)
    if end <= first:
        raise OperatorRequestError("'to' must be later than 'from'.")
    if end > now:
        raise OperatorRequestError("'to' lies in the future.")
    return first, end


def _stated_range(
    fields: Mapping[str, object], ids: frozenset[str] | None, now: datetime
) -> tuple[datetime, datetime]:
    if ids is None or fields.get("from") is not None or fields.get("to") is not None:
        return moment(fields, "from"), moment(fields, "to")
    starts = [started_at(exchange_id) for exchange_id in ids]
    return min(starts), max(starts) + timedelta(milliseconds=1) if max(starts) < now else now


def moment(fields: Mapping[str, object], name: str) -> datetime:
    """The moment of this member, in UTC. Raises OperatorRequestError."""
    value = fields.get(name)
    try:
        stated = datetime.fromisoformat(value) if isinstance(value, str) else None
        if stated is not None:
            return stated.astimezone(UTC) if stated.tzinfo else stated.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # the latter: in UTC it lies outside the years 1 to 9999
        pass
    raise OperatorRequestError(f"'{name}' must be a moment in ISO 8601, e.g. 2026-11-23T10:00:00Z.")


def exchange_ids(value: object) -> frozenset[str] | None:
    """The ids of the member `ids`; None if there is none. Raises OperatorRequestError."""
    if value is None:
        return None
    if not isinstance(value, list) or not value or len(value) > MAX_IDS:
        raise OperatorRequestError(f"'ids' must be a list of 1 to {MAX_IDS} exchange ids.")
    if not all(map(is_exchange_id, value)):
        raise OperatorRequestError(
            "'ids' must hold exchange ids, e.g. 01a208c5-0f6b-7bc8-9fa8-1e120916101a."
        )
    return frozenset(value)


def optional_text(fields: Mapping[str, object], name: str) -> str | None:
    """The text of this member; None if there is none. Raises OperatorRequestError."""
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise OperatorRequestError(f"'{name}' must be a text.")
    return value
