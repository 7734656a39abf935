"""The keys of the filter line: what can be compared, and how."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final


class ValueKind(Enum):
    """The type of a key's values."""

    TEXT = auto()
    COUNT = auto()  # a number, k and M are units
    DURATION = auto()  # milliseconds, ms, s, m and h are units
    TIME = auto()  # ISO 8601, or a duration before now
    FLAG = auto()  # yes or no


@dataclass(frozen=True, kw_only=True, slots=True)
class FilterKey:
    """A key: its name, the column that it stands for, and its meaning for the reference."""

    name: str
    column: str  # a column of the store, and an attribute of Row
    kind: ValueKind
    meaning: str
    aliases: tuple[str, ...] = ()


KEYS: Final = (
    FilterKey(
        name="outcome", column="outcome", kind=ValueKind.TEXT, meaning="how the exchange ended"
    ),
    FilterKey(
        name="status", column="status", kind=ValueKind.COUNT, meaning="status sent to the client"
    ),
    FilterKey(name="deployment", column="deployment", kind=ValueKind.TEXT, meaning="deployment"),
    FilterKey(name="model", column="model", kind=ValueKind.TEXT, meaning="model that answered"),
    FilterKey(
        name="operation", column="operation", kind=ValueKind.TEXT, meaning="`chat.completions`, …"
    ),
    FilterKey(name="type", column="type", kind=ValueKind.TEXT, meaning="type of the event"),
    FilterKey(
        name="caller",
        column="caller",
        kind=ValueKind.TEXT,
        meaning="the first known of user, team, subscription, product",
    ),
    FilterKey(name="user", column="user", kind=ValueKind.TEXT, meaning="user"),
    FilterKey(name="team", column="team", kind=ValueKind.TEXT, meaning="team"),
    FilterKey(
        name="subscription",
        column="subscription",
        kind=ValueKind.TEXT,
        meaning="APIM's subscription",
    ),
    FilterKey(
        name="session", column="session", kind=ValueKind.TEXT, meaning="value of a session header"
    ),
    FilterKey(
        name="region", column="region", kind=ValueKind.TEXT, meaning="region of the upstream"
    ),
    FilterKey(
        name="finish_reason",
        column="finish_reason",
        kind=ValueKind.TEXT,
        aliases=("finish",),
        meaning="why the model stopped",
    ),
    FilterKey(name="error", column="error", kind=ValueKind.TEXT, meaning="code of the error"),
    FilterKey(
        name="usage_source",
        column="usage_source",
        kind=ValueKind.TEXT,
        aliases=("usage",),
        meaning="`upstream`, `estimated`, `none`",
    ),
    FilterKey(
        name="tokens", column="tokens", kind=ValueKind.COUNT, meaning="input and output tokens"
    ),
    FilterKey(
        name="tokens_in", column="tokens_in", kind=ValueKind.COUNT, aliases=("in",), meaning="input"
    ),
    FilterKey(
        name="tokens_out",
        column="tokens_out",
        kind=ValueKind.COUNT,
        aliases=("out",),
        meaning="output",
    ),
    FilterKey(
        name="tokens_cached",
        column="tokens_cached",
        kind=ValueKind.COUNT,
        aliases=("cached",),
        meaning="input that came from the prompt cache",
    ),
    FilterKey(
        name="cost", column="cost", kind=ValueKind.COUNT, meaning="cost by the card of rates"
    ),
    FilterKey(
        name="ttft_ms",
        column="ttft_ms",
        kind=ValueKind.DURATION,
        aliases=("ttft",),
        meaning="time to the first token, of streams",
    ),
    FilterKey(
        name="duration_ms",
        column="duration_ms",
        kind=ValueKind.DURATION,
        aliases=("duration",),
        meaning="the whole exchange",
    ),
    FilterKey(
        name="lag_ms",
        column="lag_ms",
        kind=ValueKind.DURATION,
        aliases=("lag",),
        meaning="from the end of the exchange until the Event Hub had its event",
    ),
    FilterKey(
        name="time", column="exact_end_ms", kind=ValueKind.TIME, meaning="end of the exchange"
    ),
    FilterKey(
        name="stream", column="stream", kind=ValueKind.FLAG, meaning="the answer is a stream"
    ),
    FilterKey(name="truncated", column="truncated", kind=ValueKind.FLAG, meaning="texts were cut"),
    FilterKey(
        name="replayed",
        column="replayed",
        kind=ValueKind.FLAG,
        meaning="delivered again on purpose",
    ),
)

BY_NAME: Final = {name: key for key in KEYS for name in (key.name, *key.aliases)}
