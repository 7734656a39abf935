"""The envelope: the small queue message about a finished exchange.

It never holds the text of a prompt or an answer, or a credential. It stays below 8 KB because every
text in it is cut to a bound when the envelope is made.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from shared.core.records.exchange.capture import of_outcome, outcome_name
from shared.core.records.exchange.digests import Digests
from shared.core.records.exchange.exchange_id import is_exchange_id
from shared.core.records.exchange.outcome import Outcome
from shared.core.wire.content_mode import ContentMode
from shared.core.wire.json import json_shape, typed_json
from shared.core.wire.json.json_shape import JsonObject
from shared.errors import EnvelopeError, WrongType

SCHEMA_VERSION: Final = 1
MAX_TEXT: Final = 256  # bytes, as JSON writes it, of any one text that a caller can choose
_LONGEST_MS: Final = 7 * 24 * 3600 * 1000.0
MAX_ARRIVALS: Final = 48

type UsageSource = Literal["upstream", "estimated", "none"]
# who queued an envelope again: enrichment after a failure, reconcile, or an operator
type Requeue = Literal["retry", "reconcile", "requeue"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Timings:
    """Milliseconds from the request's first byte, not rounded. None: it never happened."""

    to_headers_ms: float | None
    to_first_chunk_ms: float | None
    to_last_chunk_ms: float | None
    to_end_ms: float  # the exchange's end: the last byte, or the moment at which it broke


# The timings of an exchange that has no response, and whose end is not known.
NO_TIMINGS: Final = Timings(
    to_headers_ms=None, to_first_chunk_ms=None, to_last_chunk_ms=None, to_end_ms=0.0
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """The failure that ended an exchange, as the proxy reports it. The upstream's own errors are in
    the capture.
    """

    code: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """The caller, as API Management's policy reports it in headers that it overrides. None: not
    given.
    """

    subscription: str | None = None
    product: str | None = None
    user: str | None = None
    request_id: str | None = None
    api: str | None = None
    team: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """A finished exchange: identity, outcome, timings, usage, sizes, captures and caller."""

    schema_version: int = SCHEMA_VERSION
    exchange_id: str
    operation: str  # "chat.completions"
    deployment: str | None
    api_version: str | None
    method: str | None = None  # None: an envelope older than this field
    path: str | None = None  # as sent upstream, without the query
    stream: bool | None  # the response was an SSE stream; None: there was no response
    started_at: str  # UTC, ISO 8601 with offset
    status_code: int | None  # as sent to the client; None: it disconnected before
    upstream_status_code: int | None  # differs if the client was answered early; None: no response
    outcome: Outcome
    failure: Failure | None
    timings: Timings
    # (bytes received so far, ms since the start) for the first pieces of the response: enrichment
    # finds the time of the first token from them, although nothing is parsed while relaying.
    arrivals: tuple[tuple[int, float], ...]
    chunk_count: int  # pieces of the body as the network delivered them
    usage: JsonObject | None  # the upstream's object as it came
    usage_source: UsageSource
    # the proxy requested usage on the caller's behalf, and dropped its chunk from the response
    usage_requested: bool
    request_bytes: int
    response_bytes: int  # of the upstream's body, as received
    # how much of it was sent to the client: less if the client disconnected
    sent_bytes: int
    request_capture: str | None  # blob names; None: not stored
    response_capture: str | None
    # SHA-256 of the captured bodies, in hexadecimal, as the relay moved them; None: not known
    request_sha256: str | None = None
    response_sha256: str | None = None
    caller: Caller
    trace_parent: str | None  # W3C traceparent of the request
    trace_state: str | None = None  # W3C tracestate of the request
    # requests sent upstream: more than one if the relay repeated its own; None: not known
    attempts: int | None = None
    replayed: bool = False  # delivered again, on an operator's request
    # no capture says how the exchange ended: enrichment stores that before it sends the event
    outcome_pending: bool = False
    content_mode: ContentMode = ContentMode.FULL
    content_rule: str | None = None  # what set the mode; None: an envelope older than this field
    # after how many days its captures are erased, by a content rule; None: by none
    retention_days: int | None = None
    # ms from the start until the recorder had stored the captures; None: not known
    recorded_ms: float | None = None
    requeued: Requeue | None = None  # None: the recorder queued it, or a replay
    # the ledger's digests of its first delivery, if it is delivered again; None: it has none
    first_delivery: Digests | None = None
    # the exchange that created the response which the app followed; None: it followed none
    create_exchange_id: str | None = None

    @property
    def is_in_response_capture(self) -> bool:
        """Whether the response capture holds this envelope."""
        return self.response_capture is not None and not self.outcome_pending


def bound_text(text: str | None) -> str | None:
    """The beginning of a text that takes at most MAX_TEXT bytes in JSON; None stays None.

    Counting characters would not do: JSON writes one beyond ASCII in six bytes, or in twelve.
    """
    if text is None or _written_bytes(text) <= MAX_TEXT:
        return text
    ends = itertools.accumulate(map(_written_bytes, text[:MAX_TEXT]))
    return text[: sum(end <= MAX_TEXT for end in ends)]


def mark_replayed(envelope: Envelope, first_delivery: Digests | None = None) -> Envelope:
    """The envelope of an exchange that is delivered again on an operator's request."""
    return replace(envelope, replayed=True, first_delivery=first_delivery)


def mark_requeued(
    envelope: Envelope, requeue: Requeue, first_delivery: Digests | None = None
) -> Envelope:
    """The envelope of an exchange that is queued again. `first_delivery`: see the field."""
    return replace(
        envelope, requeued=requeue, first_delivery=first_delivery or envelope.first_delivery
    )


def dump(envelope: Envelope) -> str:
    """The envelope as JSON."""
    return json.dumps(to_fields(envelope), separators=(",", ":"), ensure_ascii=True)


def to_fields(envelope: Envelope) -> dict[str, object]:
    """The envelope as types that `json` writes.

    It takes a fifth of the CPU of `asdict(envelope)`, which copies every arrival.
    """
    return {field.name: _plain(getattr(envelope, field.name)) for field in fields(envelope)}


def load(text: str | bytes) -> Envelope:
    """The envelope in a queue message. Raises EnvelopeError, which never quotes the message."""
    return from_fields(json_shape.parse(text))


def from_fields(value: object) -> Envelope:
    """The envelope in a JSON object, such as a response capture holds. Raises EnvelopeError."""
    if json_shape.mapping(value).get("schema_version", SCHEMA_VERSION) != SCHEMA_VERSION:
        raise EnvelopeError(
            f"an envelope of schema version {SCHEMA_VERSION} is expected; deploy one version only"
        )
    try:
        envelope = typed_json.read(Envelope, value)
        _check_values(envelope)
    except (WrongType, ValueError, OverflowError) as error:
        reason = str(error) if isinstance(error, WrongType) else "a value out of range"
        raise EnvelopeError(f"not an envelope: {reason}") from None
    return envelope


def outcome_blob(envelope: Envelope) -> tuple[str, bytes]:
    """The name of the envelope's outcome capture, and the capture. Its envelope's outcome is not
    pending: once this is stored, a capture says how the exchange ended.
    """
    members = to_fields(replace(envelope, outcome_pending=False))
    return outcome_name(envelope.exchange_id), of_outcome(members)


def _check_values(envelope: Envelope) -> None:
    """An event must be computable from the envelope. Raises ValueError or OverflowError."""
    if not is_exchange_id(envelope.exchange_id):
        raise ValueError("not an exchange id")
    start = datetime.fromisoformat(envelope.started_at)
    if start.tzinfo is None:
        raise ValueError("started_at has no offset")
    start + timedelta(milliseconds=_LONGEST_MS)  # overflows at the end of the calendar
    times = [
        *asdict(envelope.timings).values(),
        *(at_ms for _, at_ms in envelope.arrivals),
        envelope.recorded_ms,
    ]
    if not all(time is None or 0 <= time <= _LONGEST_MS for time in times):
        raise ValueError("a time is out of range")


def _plain(value: object) -> object:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def _written_bytes(text: str) -> int:
    return len(json.dumps(text)) - 2  # without the quotes
