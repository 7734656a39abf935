"""The envelope: the small queue message about a finished exchange. Never prompt or answer text,
never a credential.

It stays below 8 KB because every text in it is cut to a bound when it is made.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from shared.core.records.exchange_id import started_at
from shared.core.records.outcome import Outcome
from shared.errors import EnvelopeError

SCHEMA_VERSION: Final = 1
MAX_TEXT: Final = 256  # bytes, as JSON writes it, of any one text that a caller can choose
_LONGEST_MS: Final = 7 * 24 * 3600 * 1000.0
MAX_ARRIVALS: Final = 48

type UsageSource = Literal["upstream", "estimated", "none"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Timings:
    """Milliseconds from the request's first byte, raw. None: it never came to that."""

    to_headers_ms: float | None
    to_first_chunk_ms: float | None
    to_last_chunk_ms: float | None
    to_end_ms: float  # the exchange's end: the last byte, or the moment at which it broke


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """Why an exchange did not complete, in the proxy's words. What the upstream said of an error is
    in the capture.
    """

    code: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Who called, as APIM's policy says in headers that it overrides. None: not said."""

    subscription: str | None = None
    product: str | None = None
    user: str | None = None
    request_id: str | None = None
    api: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """See the module's docstring."""

    schema_version: int = SCHEMA_VERSION
    exchange_id: str
    operation: str  # "chat.completions"
    deployment: str | None
    api_version: str | None
    stream: bool | None  # the answer was an SSE stream; None: there was no answer to tell by
    started_at: str  # UTC, ISO 8601 with offset
    status_code: int | None  # what the client was answered; None: it left before
    upstream_status_code: int | None  # differs where the client was answered early; None: no answer
    outcome: Outcome
    failure: Failure | None
    timings: Timings
    # [bytes received so far, ms since the start] for the first pieces of the answer: what lets
    # enrichment say when the first token came, although nothing was parsed on the way.
    arrivals: tuple[tuple[int, float], ...]
    chunk_count: int  # pieces of the body as the network delivered them
    usage: dict[str, Any] | None  # the upstream's object as it came
    usage_source: UsageSource
    # the proxy asked for usage on the caller's behalf, and took its chunk out of the answer
    usage_requested: bool
    request_bytes: int
    response_bytes: int  # of the upstream's body, as received
    # how much of it was handed to the client: less where it left and the rest was drained
    sent_bytes: int
    request_capture: str | None  # blob names; None: not stored
    response_capture: str | None
    caller: Caller
    trace_parent: str | None  # W3C traceparent of the request
    replayed: bool = False  # delivered again on purpose


_NAMES: Final = tuple(field.name for field in fields(Envelope))
_TYPES: Final = {
    "operation": str,
    "deployment": str | None,
    "api_version": str | None,
    "stream": bool | None,
    "started_at": str,
    "status_code": int | None,
    "upstream_status_code": int | None,
    "chunk_count": int,
    "usage": dict | None,
    "request_bytes": int,
    "response_bytes": int,
    "sent_bytes": int,
    "request_capture": str | None,
    "response_capture": str | None,
    "trace_parent": str | None,
}


def bound_text(text: str | None) -> str | None:
    """A text that a caller chose, cut where JSON would need more than MAX_TEXT bytes for it; None
    stays None.

    Characters are no measure: JSON writes one beyond ASCII in six bytes, or in twelve.
    """
    if text is None or _written_bytes(text) <= MAX_TEXT:
        return text
    ends = itertools.accumulate(map(_written_bytes, text[:MAX_TEXT]))
    return text[: sum(end <= MAX_TEXT for end in ends)]


def mark_replayed(envelope: Envelope) -> Envelope:
    """The same exchange, to be delivered again on purpose."""
    return replace(envelope, replayed=True)


def dump(envelope: Envelope) -> str:
    """The envelope as JSON."""
    return json.dumps(to_fields(envelope), separators=(",", ":"), ensure_ascii=True)


def to_fields(envelope: Envelope) -> dict[str, Any]:
    """The envelope as JSON's types, tuples included. A fifth of the CPU of asdict(), which copies
    all arrivals one by one.
    """
    return {
        **{name: getattr(envelope, name) for name in _NAMES},
        "failure": asdict(envelope.failure) if envelope.failure else None,
        "timings": asdict(envelope.timings),
        "caller": asdict(envelope.caller),
    }


def load(text: str | bytes) -> Envelope:
    """The envelope of a queue message. Raises EnvelopeError, without repeating the text, for
    anything else.
    """
    try:
        members = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise EnvelopeError(f"not an envelope: {type(error).__name__}") from None
    return from_fields(members)


def from_fields(members: Any) -> Envelope:
    """The envelope of a JSON object, as a response capture holds one. Raises EnvelopeError."""
    try:
        if members["schema_version"] != SCHEMA_VERSION:
            raise EnvelopeError(
                f"an envelope of schema version {SCHEMA_VERSION} is expected; deploy one version only"
            )
        envelope = Envelope(
            **members
            | {
                "outcome": Outcome(members["outcome"]),
                "failure": Failure(**members["failure"]) if members["failure"] else None,
                "timings": Timings(**members["timings"]),
                "arrivals": tuple((int(end), float(ms)) for end, ms in members["arrivals"]),
                "caller": Caller(**members["caller"]),
            }
        )
        started_at(envelope.exchange_id)
        _check_types(envelope)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise EnvelopeError(f"not an envelope: {type(error).__name__}") from None
    return envelope


def _check_types(envelope: Envelope) -> None:
    """What the event is computed from must be what it claims to be. Raises TypeError, ValueError or
    OverflowError.
    """
    wrong = [
        name for name, types in _TYPES.items() if not isinstance(getattr(envelope, name), types)
    ]
    if wrong:
        raise TypeError(wrong[0])
    start = datetime.fromisoformat(envelope.started_at)
    if start.tzinfo is None:
        raise ValueError("started_at")
    start + timedelta(milliseconds=_LONGEST_MS)  # which no calendar may be too short for
    times = [*asdict(envelope.timings).values(), *(at_ms for _, at_ms in envelope.arrivals)]
    if (
        not all(time is None or 0 <= time <= _LONGEST_MS for time in times)
        or envelope.timings.to_end_ms is None
    ):
        raise ValueError("timings")


def _written_bytes(text: str) -> int:
    return len(json.dumps(text)) - 2  # without the quotes
