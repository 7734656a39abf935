"""A dead letter: an exchange that can never be delivered, or whose replay failed.

An exchange whose event cannot be built becomes one after a few attempts, which a small blob counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Self

from shared.core.records.exchange.window import Window
from shared.core.wire.json.json_shape import integer, text


class DeadLetterReason(StrEnum):
    """The reason why an exchange is a dead letter, as the ledger stores it."""

    CORRUPT_CAPTURE = "corrupt_capture"  # its captures cannot be read
    TOO_LARGE = "too_large"  # no truncation makes its event fit
    ASSEMBLY_FAILED = "assembly_failed"  # no event can be built of captures that can be read
    REFUSED = "refused"  # the Event Hub rejected its event for good
    EXPIRED = "expired"  # its captures were erased by a content rule before it was delivered
    REPLAY_FAILED = "replay_failed"  # its replay failed, not its delivery


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadLetterRecord:
    """A dead-lettered exchange as operators list it, and as it is stored as JSON."""

    exchange_id: str
    reason: str  # a DeadLetterReason, as stored
    dead_lettered_at_ms: int  # unix time

    @classmethod
    def from_json(cls, fields: Mapping[str, object]) -> Self:
        """The record that `to_json` wrote. Members that are missing are empty."""
        return cls(
            exchange_id=text(fields.get("exchange_id")),
            reason=text(fields.get("reason")),
            dead_lettered_at_ms=integer(fields.get("dead_lettered_at_ms")) or 0,
        )

    def to_json(self) -> dict[str, str | int]:
        """The fields by their names."""
        return asdict(self)


def failure_count_name(exchange_id: str) -> str:
    """The blob that counts how often the event of an exchange could not be built."""
    return f"failing/{Window.of_exchange(exchange_id).name}/{exchange_id}.json"
