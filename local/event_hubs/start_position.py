"""A consumer's start position, as the SDK writes it into the filter of its link."""

import re
from dataclasses import dataclass
from enum import Enum


class StartPositionError(ValueError):
    """The filter of a consumer's link cannot be parsed."""


class Field(Enum):
    """What a start position is measured in."""

    OFFSET = "offset"
    SEQUENCE_NUMBER = "sequence-number"
    ENQUEUED_TIME = "enqueued-time"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPosition:
    """After (or at, if inclusive) a value of a field; enqueued times in ms since 1970 UTC."""

    field: Field
    value: int
    inclusive: bool = False


@dataclass(frozen=True, slots=True)
class Latest:
    """Starts after the newest event at the time when the consumer attaches."""


EARLIEST = StartPosition(field=Field.OFFSET, value=-1)

_SELECTOR = re.compile(
    r"^amqp\.annotation\.x-opt-(offset|sequence-number|enqueued-time) (>=?) '([^']*)'$"
)


def parse_selector(selector: str) -> StartPosition | Latest:
    """Parse the output of azure.eventhub's event_position_selector. Raises StartPositionError."""
    match = _SELECTOR.match(selector)
    if match is None:
        raise StartPositionError(
            f"the filter {selector!r} names no offset, sequence number or enqueued time"
        )
    field, operator, value = match.groups()
    if value == "@latest":
        return Latest()
    try:
        number = int(value)
    except ValueError as error:
        raise StartPositionError(
            f"the filter {selector!r} must compare with a number, '-1' or '@latest'"
        ) from error
    return StartPosition(field=Field(field), value=number, inclusive=operator == ">=")
