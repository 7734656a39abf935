"""A replay request: the exchanges that an operator wants delivered again.

It is validated here, so that the response to a malformed request names the mistake.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.core.records.exchange.envelope import Envelope
from shared.core.records.exchange.exchange_id import started_at
from shared.core.records.exchange.outcome import Outcome
from shared.core.records.exchange.window import Window, windows_between
from shared.core.records.operator import operator_request
from shared.core.records.operator.operator_request import optional_text
from shared.core.wire.json.json_shape import JsonObject, items, text
from shared.errors import OperatorRequestError

EXAMPLE: Final = '{"from": "2026-11-23T10:00Z", "to": "2026-11-23T12:00Z"}'
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


def parse(value: object, now: datetime, retention: timedelta) -> ReplayRequest:
    """The replay that a request's JSON asks for. Raises OperatorRequestError."""
    fields = operator_request.members(value, _KEYS, EXAMPLE)
    ids = operator_request.exchange_ids(fields.get("ids"))
    first, end = operator_request.time_range(fields, ids, now)
    if first < now - retention:
        raise OperatorRequestError(
            f"'from' is further back than captures are kept ({retention.days} days, CAPTURE_RETENTION_DAYS)."
        )
    return ReplayRequest(
        first=first,
        end=end,
        deployment=optional_text(fields, "deployment"),
        outcome=_outcome(fields.get("outcome")),
        ids=ids,
    )


def from_json(fields: Mapping[str, object]) -> ReplayRequest:
    """The request that `as_json` wrote."""
    ids, outcome = fields["ids"], text(fields["outcome"])
    return ReplayRequest(
        first=datetime.fromisoformat(text(fields["from"])),
        end=datetime.fromisoformat(text(fields["to"])),
        deployment=optional_text(fields, "deployment"),
        outcome=Outcome(outcome) if outcome else None,
        ids=None if ids is None else frozenset(map(text, items(ids))),
    )


def _outcome(value: object) -> Outcome | None:
    if value is None:
        return None
    try:
        return Outcome(str(value))
    except ValueError:
        raise OperatorRequestError(f"'outcome' must be one of {', '.join(Outcome)}.") from None
