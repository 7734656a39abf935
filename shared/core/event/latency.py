"""The times of an event, computed from the envelope's raw timings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core.records.exchange.envelope import Envelope, Timings
from shared.core.records.exchange.piece_times import Arrival


@dataclass(frozen=True, kw_only=True, slots=True)
class EventTimes:
    """The times of an event as it publishes them, in whole milliseconds."""

    latency_ms: int
    time_to_first_chunk_ms: int | None  # None: not a stream
    streaming_duration_ms: int | None  # None: not a stream
    time_to_headers_ms: int | None
    time_to_first_token_ms: int | None
    timestamp: str


def event_times(
    envelope: Envelope,
    arrivals: Sequence[Arrival],
    *,
    stream: bool,
    first_token_end: int | None,
) -> EventTimes:
    """The times of an exchange.

    `arrivals` are those of the response's first pieces. `first_token_end` is the number of bytes of
    the response up to and including its first generated content. The latency of a stream is the sum
    of its two rounded parts, so that consumers can rely on it.
    """
    timings = envelope.timings
    first_ms, streaming_ms = stream_timings(timings) if stream else (None, None)
    return EventTimes(
        latency_ms=round(timings.to_end_ms)
        if first_ms is None or streaming_ms is None
        else first_ms + streaming_ms,
        time_to_first_chunk_ms=first_ms,
        streaming_duration_ms=streaming_ms,
        time_to_headers_ms=_whole_ms(timings.to_headers_ms),
        time_to_first_token_ms=_arrival_ms(arrivals, first_token_end),
        timestamp=ended_at(envelope).isoformat(timespec="microseconds"),
    )


def stream_timings(timings: Timings) -> tuple[int, int]:
    """Milliseconds to the first chunk, and from the first to the last.

    A stream that never began spent all its time waiting for the first chunk.
    """
    first = timings.to_end_ms if timings.to_first_chunk_ms is None else timings.to_first_chunk_ms
    last = first if timings.to_last_chunk_ms is None else timings.to_last_chunk_ms
    return round(first), max(round(last) - round(first), 0)


def ended_at(envelope: Envelope) -> datetime:
    """The end of the exchange, UTC, without offset."""
    start = datetime.fromisoformat(envelope.started_at).replace(tzinfo=None)
    return start + timedelta(milliseconds=envelope.timings.to_end_ms)


def _arrival_ms(arrivals: Sequence[Arrival], size_bytes: int | None) -> int | None:
    """The time at which `size_bytes` of the response had arrived; None if it is not known."""
    if size_bytes is None:
        return None
    later = (at_ms for received, at_ms in arrivals if received >= size_bytes)
    return _whole_ms(next(later, None))


def _whole_ms(ms: float | None) -> int | None:
    return None if ms is None else round(ms)
