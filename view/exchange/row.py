"""The row of an exchange: what a table shows of its event, and what a filter compares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final

from shared.core.conversation import conversation
from shared.core.cost.rates import RateCard
from shared.core.records.exchange.exchange_id import is_exchange_id
from shared.core.wire.json.json_shape import Json, JsonObject, integer, mapping, text
from view.exchange.price import price_of
from view.exchange.received_event import ReceivedEvent

_PROMPT_CHARACTERS: Final = 120
_CALLER_MEMBERS: Final = ("user", "team", "subscription", "product")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """The figures of one exchange. None: the event does not have it."""

    id: str
    time: str  # its end, UTC, ISO 8601 with milliseconds and Z
    outcome: str
    status: int | None
    deployment: str | None
    model: str | None
    operation: str | None
    type: str | None
    # the first that is known of API Management's user, team, subscription and product, else the
    # request's `user`
    caller: str | None
    subscription: str | None
    team: str | None
    user: str | None
    prompt: str | None  # the first words of its last message
    session: str | None  # the value of the first session header
    tokens: int | None  # input and output
    tokens_in: int | None
    tokens_out: int | None
    tokens_cached: int | None
    usage_source: str | None  # upstream | estimated | none
    cost: float | None  # by the card of rates
    currency: str | None  # the currency of `cost`
    ttft_ms: int | None  # a stream's time to its first token
    duration_ms: int | None
    lag_ms: int | None  # from the end of the exchange until the Event Hub had its event
    region: str | None
    finish_reason: str | None
    error: str | None  # its code
    stream: bool
    truncated: bool
    replayed: bool
    exact_end_ms: int  # Unix time of `time`

    def to_json(self) -> JsonObject:
        """The row as a JSON object, without what serves the order alone."""
        fields = asdict(self)
        del fields["exact_end_ms"]
        return fields


def of_event(received: ReceivedEvent, card: RateCard | None = None) -> Row | None:
    """The row of an event; None if it is not an event of fnsse.

    `card`: the rates by which it is priced; None: `cost` is None.
    """
    event = received.event
    exchange_id, ended = _id(event), _time(event.get("timestamp"))
    if exchange_id is None or ended is None:
        return None
    usage, end_ms = _tokens(event), int(ended.timestamp() * 1000)
    price = None if card is None else price_of(event, card)
    return Row(
        id=exchange_id,
        time=ended.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        outcome=text(event.get("outcome")) or "unknown",
        status=integer(event.get("status_code")),
        deployment=_name(event.get("deployment")),
        model=_name(event.get("model")),
        operation=_name(event.get("operation")),
        type=_name(event.get("type")),
        caller=_caller(event),
        subscription=_name(mapping(event.get("caller")).get("subscription")),
        team=_name(mapping(event.get("caller")).get("team")),
        user=_name(mapping(event.get("caller")).get("user")) or _name(event.get("user")),
        prompt=_first_words(event),
        session=_session(event),
        tokens=_sum(usage.get("input"), usage.get("output")),
        tokens_in=integer(usage.get("input")),
        tokens_out=integer(usage.get("output")),
        tokens_cached=integer(usage.get("cached")),
        usage_source=_name(event.get("usage_source")),
        cost=price.amount if price else None,
        currency=price.currency if price else None,
        ttft_ms=integer(event.get("time_to_first_token_ms")),
        duration_ms=integer(event.get("latency_ms")),
        lag_ms=_lag_ms(received.enqueued_ms, end_ms),
        region=_name(event.get("region")),
        finish_reason=_name(event.get("finish_reason")),
        error=_name(mapping(event.get("error")).get("code")),
        stream=event.get("stream") is True,
        truncated=event.get("truncated") is True,
        replayed=event.get("replayed") is True,
        exact_end_ms=end_ms,
    )


def _id(event: Mapping[str, Json]) -> str | None:
    exchange_id = event.get("exchange_id")
    return exchange_id if is_exchange_id(exchange_id) else None


def _time(value: Json) -> datetime | None:
    try:
        time = datetime.fromisoformat(text(value)).replace(tzinfo=UTC)
        time.timestamp()
    except (ValueError, OverflowError):
        return None
    return time


def _name(value: object) -> str | None:
    """A text that SQLite can store and compare: without NUL and lone surrogates."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    clean = str(value).encode("utf-8", "replace").decode().replace("\0", "")
    return clean[:256] or None


def _caller(event: Mapping[str, Json]) -> str | None:
    caller = mapping(event.get("caller"))
    names = [_name(caller.get(member)) for member in _CALLER_MEMBERS]
    return next(filter(None, [*names, _name(event.get("user"))]), None)


def _first_words(event: JsonObject) -> str | None:
    """The beginning of the prompt's last text, in one line; None without a text."""
    texts = [
        part.text
        for message in conversation(event)
        for part in message.parts
        if message.source == "prompt" and part.kind == "text" and part.text
    ]
    return _name(" ".join(texts[-1][:_PROMPT_CHARACTERS].split())) if texts else None


def _session(event: Mapping[str, Json]) -> str | None:
    headers = mapping(event.get("session_headers"))
    return next(filter(None, (_name(headers[name]) for name in sorted(headers))), None)


def _tokens(event: Mapping[str, Json]) -> JsonObject:
    """The upstream's figures, else the estimate."""
    if event.get("usage_source") == "estimated":
        estimate = mapping(event.get("usage_estimate"))
        return {
            "input": estimate.get("prompt_tokens"),
            "output": estimate.get("completion_tokens"),
        }
    return mapping(event.get("tokens"))


def _sum(first: Json, second: Json) -> int | None:
    numbers = [number for number in (integer(first), integer(second)) if number is not None]
    return sum(numbers) if numbers else None


def _lag_ms(enqueued_ms: int | None, end_ms: int) -> int | None:
    """Clocks of two machines may differ: never less than 0."""
    return None if enqueued_ms is None else max(0, enqueued_ms - end_ms)
