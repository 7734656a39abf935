"""A replay request: the exchanges that an operator wants delivered again.

It is validated here, so that the response to a malformed request names the mistake.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.core.records.exchange.envelope import Envelope
from shared.core.records.exchange.outcome import Outcome
from shared.core.records.operator import operator_request
from shared.core.records.operator.operator_request import (
    ExchangeRange,
    optional_text,
    range_from_json,
)
from shared.core.wire.json.json_shape import JsonObject, text
from shared.errors import OperatorRequestError

EXAMPLE: Final = '{"from": "2026-11-23T10:00Z", "to": "2026-11-23T12:00Z"}'
_KEYS: Final = frozenset({"from", "to", "deployment", "outcome", "ids"})


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplayRequest(ExchangeRange):
    """Selects the exchanges of the range that match each other field that is not None."""

    deployment: str | None = None
    outcome: Outcome | None = None

    def wants(self, envelope: Envelope) -> bool:
        """Whether the exchange is selected, as far as its envelope shows."""
        return (self.deployment is None or envelope.deployment == self.deployment) and (
            self.outcome is None or envelope.outcome is self.outcome
        )

    def to_json(self) -> JsonObject:
        """The orchestration's input, which `from_json` reads."""
        return {
            **self.range_to_json(),
            "deployment": self.deployment,
            "outcome": self.outcome,
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
    """The request that `to_json` wrote."""
    exchange_range, outcome = range_from_json(fields), text(fields["outcome"])
    return ReplayRequest(
        first=exchange_range.first,
        end=exchange_range.end,
        ids=exchange_range.ids,
        deployment=optional_text(fields, "deployment"),
        outcome=Outcome(outcome) if outcome else None,
    )


def _outcome(value: object) -> Outcome | None:
    if value is None:
        return None
    try:
        return Outcome(str(value))
    except ValueError:
        raise OperatorRequestError(f"'outcome' must be one of {', '.join(Outcome)}.") from None
