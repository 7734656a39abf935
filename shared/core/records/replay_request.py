"""A replay request: the exchanges that an operator wants delivered again.

It is validated here, so that the response to a malformed request names the mistake.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from shared.core.records.envelope import Envelope
from shared.core.records.exchange_id import started_at
from shared.core.records.outcome import Outcome
from shared.core.records.window import Window, windows_between
from shared.core.wire.json.json_shape import JsonObject, items, text
from shared.errors import ReplayRequestError

MAX_IDS: Final = 1000
_KEYS: Final = frozenset({"from", "to", "deployment", "outcome", "ids"})


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplayRequest:
    """Selects the exchanges that started in [first, end) and match each other field that is not
    None.
    """

    first: datetime
    end: datetime
    deployment: str | None = None
    outcome: Outcome | None = None
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

    def wants(self, envelope: Envelope) -> bool:
        """Whether the exchange is selected, as far as its envelope shows."""
        return (self.deployment is None or envelope.deployment == self.deployment) and (
            self.outcome is None or envelope.outcome is self.outcome
        )

    def as_json(self) -> JsonObject:
        """The orchestration's input, which `from_json` reads."""
        return {
            "from": self.first.isoformat(),
            "to": self.end.isoformat(),
            "deployment": self.deployment,
            "outcome": self.outcome,
            "ids": [*sorted(self.ids)] if self.ids is not None else None,
        }


def parse(fields: object, now: datetime, retention: timedelta) -> ReplayRequest:
    """The replay that a request's JSON asks for. Raises ReplayRequestError."""
    if not isinstance(fields, dict):
        raise ReplayRequestError(
            'The body must be a JSON object such as {"from": "2026-11-23T10:00Z", "to": "2026-11-23T12:00Z"}.'
        )
    unknown = sorted(fields.keys() - _KEYS)
    if unknown:
        raise ReplayRequestError(
            f"Unknown: {', '.join(map(str, unknown))}. A replay takes {', '.join(sorted(_KEYS))}."
        )
    ids = _ids(fields.get("ids"))
    first, end = _range(fields, ids, now)
    if end <= first:
        raise ReplayRequestError("'to' must be later than 'from'.")
    if first < now - retention:
        raise ReplayRequestError(
            f"'from' is further back than captures are kept ({retention.days} days, CAPTURE_RETENTION_DAYS)."
        )
    if end > now:
        raise ReplayRequestError("'to' lies in the future.")
    return ReplayRequest(
        first=first,
        end=end,
        deployment=_text(fields, "deployment"),
        outcome=_outcome(fields.get("outcome")),
        ids=ids,
    )


def from_json(fields: Mapping[str, object]) -> ReplayRequest:
    """The request that `as_json` wrote."""
    ids, outcome = fields["ids"], text(fields["outcome"])
    return ReplayRequest(
        first=datetime.fromisoformat(text(fields["from"])),
        end=datetime.fromisoformat(text(fields["to"])),
        deployment=_text(fields, "deployment"),
        outcome=Outcome(outcome) if outcome else None,
        ids=None if ids is None else frozenset(map(text, items(ids))),
    )


def _range(
    fields: Mapping[str, object], ids: frozenset[str] | None, now: datetime
) -> tuple[datetime, datetime]:
    if ids is not None and fields.get("from") is None and fields.get("to") is None:
        starts = [started_at(exchange_id) for exchange_id in ids]
        return min(starts), max(starts) + timedelta(milliseconds=1) if max(starts) < now else now
    return _moment(fields, "from"), _moment(fields, "to")


def _moment(fields: Mapping[str, object], name: str) -> datetime:
    value = fields.get(name)
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        if moment is not None:
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # the latter: in UTC it lies outside the years 1 to 9999
        pass
    raise ReplayRequestError(f"'{name}' must be a moment in ISO 8601, e.g. 2026-11-23T10:00:00Z.")


def _ids(value: object) -> frozenset[str] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not value or len(value) > MAX_IDS:
        raise ReplayRequestError(f"'ids' must be a list of 1 to {MAX_IDS} exchange ids.")
    for exchange_id in value:
        try:
            started_at(exchange_id)
        except (ValueError, TypeError, AttributeError):
            raise ReplayRequestError(
                "'ids' must hold exchange ids, e.g. 01a208c5-0f6b-7bc8-9fa8-1e120916101a."
            ) from None
    return frozenset(value)


def _outcome(value: object) -> Outcome | None:
    if value is None:
        return None
    try:
        return Outcome(str(value))
    except ValueError:
        raise ReplayRequestError(f"'outcome' must be one of {', '.join(Outcome)}.") from None


def _text(fields: Mapping[str, object], name: str) -> str | None:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise ReplayRequestError(f"'{name}' must be a text.")
    return value
