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
class Key:
    """A key: its name, the column that it stands for, and its meaning for the reference."""

    name: str
    column: str  # of the store, and attribute of Row
    kind: ValueKind
    meaning: str
    aliases: tuple[str, ...] = ()


KEYS: Final = (
    Key(name="outcome", column="outcome", kind=ValueKind.TEXT, meaning="how the exchange ended"),
    Key(name="status", column="status", kind=ValueKind.COUNT, meaning="status sent to the client"),
    Key(name="deployment", column="deployment", kind=ValueKind.TEXT, meaning="deployment"),
    Key(name="model", column="model", kind=ValueKind.TEXT, meaning="model that answered"),
    Key(name="operation", column="operation", kind=ValueKind.TEXT, meaning="`chat.completions`, …"),
    Key(name="type", column="type", kind=ValueKind.TEXT, meaning="type of the event"),
    Key(
        name="caller",
        column="caller",
        kind=ValueKind.TEXT,
        meaning="the first known of user, team, subscription, product",
    ),
    Key(name="user", column="user", kind=ValueKind.TEXT, meaning="user"),
    Key(name="team", column="team", kind=ValueKind.TEXT, meaning="team"),
    Key(
        name="subscription",
        column="subscription",
        kind=ValueKind.TEXT,
        meaning="APIM's subscription",
    ),
    Key(name="session", column="session", kind=ValueKind.TEXT, meaning="value of a session header"),
    Key(name="region", column="region", kind=ValueKind.TEXT, meaning="region of the upstream"),
    Key(
        name="finish_reason",
        column="finish_reason",
        kind=ValueKind.TEXT,
        aliases=("finish",),
        meaning="why the model stopped",
    ),
    Key(name="error", column="error", kind=ValueKind.TEXT, meaning="code of the error"),
    Key(
        name="usage_source",
        column="usage_source",
        kind=ValueKind.TEXT,
        aliases=("usage",),
        meaning="`upstream`, `estimated`, `none`",
    ),
    Key(name="tokens", column="tokens", kind=ValueKind.COUNT, meaning="input and output tokens"),
    Key(
        name="tokens_in", column="tokens_in", kind=ValueKind.COUNT, aliases=("in",), meaning="input"
    ),
    Key(
        name="tokens_out",
        column="tokens_out",
        kind=ValueKind.COUNT,
        aliases=("out",),
        meaning="output",
    ),
    Key(
        name="tokens_cached",
        column="tokens_cached",
        kind=ValueKind.COUNT,
        aliases=("cached",),
        meaning="input that came from the prompt cache",
    ),
    Key(name="cost", column="cost", kind=ValueKind.COUNT, meaning="cost by the card of rates"),
    Key(
        name="ttft_ms",
        column="ttft_ms",
        kind=ValueKind.DURATION,
        aliases=("ttft",),
        meaning="time to the first token, of streams",
    ),
    Key(
        name="duration_ms",
        column="duration_ms",
        kind=ValueKind.DURATION,
        aliases=("duration",),
        meaning="the whole exchange",
    ),
    Key(
        name="lag_ms",
        column="lag_ms",
        kind=ValueKind.DURATION,
        aliases=("lag",),
        meaning="from the end of the exchange until the Event Hub had its event",
    ),
    Key(name="time", column="exact_end_ms", kind=ValueKind.TIME, meaning="end of the exchange"),
    Key(name="stream", column="stream", kind=ValueKind.FLAG, meaning="the answer is a stream"),
    Key(name="truncated", column="truncated", kind=ValueKind.FLAG, meaning="texts were cut"),
    Key(
        name="replayed",
        column="replayed",
        kind=ValueKind.FLAG,
        meaning="delivered again on purpose",
    ),
)

BY_NAME: Final = {name: key for key in KEYS for name in (key.name, *key.aliases)}
