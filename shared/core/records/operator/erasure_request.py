"""An erasure request: the exchanges of a person, or of an API Management subscription, that an
operator wants erased.

Of user and subscription it keeps the SHA-256 alone, and so does all that is made of it: Durable's
history, the progress and the receipt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.core.records.exchange.envelope import bound_text
from shared.core.records.exchange.id_hash import hash_id
from shared.core.records.operator import operator_request
from shared.core.records.operator.operator_request import (
    ExchangeRange,
    optional_text,
    range_from_json,
)
from shared.core.wire.json.json_shape import JsonObject, text
from shared.errors import OperatorRequestError

EXAMPLE: Final = (
    '{"user": "<id>", "from": "2026-11-01T00:00Z", "to": "2026-11-23T00:00Z", "dry_run": true}'
)
MAX_DAYS: Final = 31  # the most days of one request: 744 hours to list
MAX_REFERENCE: Final = 200  # characters
_CALLERS: Final = ("user", "subscription")
_MEMBERS: Final = frozenset({*_CALLERS, "ids", "from", "to", "dry_run", "reference"})


@dataclass(frozen=True, kw_only=True, slots=True)
class ErasureRequest(ExchangeRange):
    """Selects the exchanges of the range that match each other field that is not None."""

    user_sha256: str | None = None  # hex, of API Management's user id
    subscription_sha256: str | None = None
    dry_run: bool = True  # only count, and list the ids
    reference: str | None = None  # the operator's own: a number of the data subject's request

    @property
    def selects_callers(self) -> bool:
        """Whether it takes an exchange's caller to tell if it is selected."""
        return self.user_sha256 is not None or self.subscription_sha256 is not None

    def wants_caller(self, caller: Mapping[str, object]) -> bool:
        """Whether the exchange is selected, as far as its caller shows. Captures hold `caller`."""
        return all(
            expected is None or hash_id(text(caller.get(name))) == expected
            for name, expected in zip(
                _CALLERS, (self.user_sha256, self.subscription_sha256), strict=True
            )
        )

    def to_json(self) -> JsonObject:
        """The orchestration's input, which `from_json` reads."""
        return {
            **self.range_to_json(),
            "user_sha256": self.user_sha256,
            "subscription_sha256": self.subscription_sha256,
            "dry_run": self.dry_run,
            "reference": self.reference,
        }


def parse(value: object, now: datetime) -> ErasureRequest:
    """The erasure that a request's JSON asks for. Raises OperatorRequestError."""
    fields = operator_request.members(value, _MEMBERS, EXAMPLE)
    ids = operator_request.exchange_ids(fields.get("ids"))
    user, subscription = (_caller(fields, name) for name in _CALLERS)
    if (user, subscription, ids) == (None, None, None):
        raise OperatorRequestError(
            "Give 'user', 'subscription' or 'ids': a range alone would erase the exchanges of all callers."
        )
    first, end = operator_request.time_range(fields, ids, now)
    if ids is None and end - first > timedelta(days=MAX_DAYS):
        raise OperatorRequestError(
            f"The range is longer than {MAX_DAYS} days. Ask for one part after the other."
        )
    return ErasureRequest(
        first=first,
        end=end,
        user_sha256=user,
        subscription_sha256=subscription,
        ids=ids,
        dry_run=_dry_run(fields),
        reference=_reference(fields),
    )


def from_json(fields: Mapping[str, object]) -> ErasureRequest:
    """The request that `to_json` wrote."""
    exchange_range = range_from_json(fields)
    return ErasureRequest(
        first=exchange_range.first,
        end=exchange_range.end,
        ids=exchange_range.ids,
        user_sha256=optional_text(fields, "user_sha256"),
        subscription_sha256=optional_text(fields, "subscription_sha256"),
        dry_run=fields["dry_run"] is not False,
        reference=optional_text(fields, "reference"),
    )


def _caller(fields: Mapping[str, object], name: str) -> str | None:
    """The hash of a caller; captures hold no longer id than `bound_text` lets through."""
    value = optional_text(fields, name)
    if value is None:
        return None
    if not value or bound_text(value) != value:
        raise OperatorRequestError(
            f"'{name}' must be the whole id that events have in `caller`, not empty and not cut."
        )
    return hash_id(value)


def _dry_run(fields: Mapping[str, object]) -> bool:
    value = fields.get("dry_run", True)
    if not isinstance(value, bool):
        raise OperatorRequestError(
            "'dry_run' must be true or false; it is true if you leave it out."
        )
    return value


def _reference(fields: Mapping[str, object]) -> str | None:
    value = optional_text(fields, "reference")
    if value is not None and len(value) > MAX_REFERENCE:
        raise OperatorRequestError(f"'reference' must have at most {MAX_REFERENCE} characters.")
    return value
