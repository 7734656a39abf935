"""The times of an exchange, from its first byte on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from shared.core.records.exchange import piece_times
from shared.core.records.exchange.exchange_id import started_at
from shared.core.wire.json.json_shape import Json, JsonObject, integer, items, mapping, text

# Keys of the event, in the order in which they happen.
_MARKS: Final = {
    "headers": "time_to_headers_ms",
    "first chunk": "time_to_first_chunk_ms",
    "first token": "time_to_first_token_ms",
    "last byte": "latency_ms",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """A moment of the exchange, in milliseconds after the request's first byte."""

    name: str
    at_ms: float
    exact_ms: int = 1  # how exactly the time is known

    def to_json(self) -> JsonObject:
        """The mark as a JSON object."""
        return {"name": self.name, "at_ms": self.at_ms, "exact_ms": self.exact_ms}


@dataclass(frozen=True, kw_only=True, slots=True)
class PieceArrival:
    """A piece of the answer's body, as the network delivered it."""

    end: int  # bytes of the body, this piece included
    at_ms: float


def start_of(event: Mapping[str, Json]) -> datetime:
    """The request's first byte, to the millisecond. The event must have a row."""
    ended = datetime.fromisoformat(text(event.get("timestamp"))).replace(tzinfo=UTC)
    latency = integer(event.get("latency_ms"))
    if latency is None:
        return started_at(text(event.get("exchange_id")))
    return ended - timedelta(milliseconds=latency)


def timeline(
    event: Mapping[str, Json],
    *,
    header: Mapping[str, object] | None,
    recorded_at: datetime | None,
    delivered_at: datetime | None,
) -> JsonObject:
    """`{start, marks, chunks, chunk_count}`; marks in the order of their times.

    `header`: of the response capture; None if it could not be read, and `chunks` is null then.
    `recorded_at`: when that capture was stored, to the second. `delivered_at`: when the Event Hub
    took the event.
    """
    start = start_of(event)
    marks = [Mark(name="request", at_ms=0), *_event_marks(event)]
    if recorded_at is not None:
        marks.append(Mark(name="recorded", at_ms=_since(start, recorded_at), exact_ms=1000))
    if delivered_at is not None:
        marks.append(Mark(name="delivered", at_ms=_since(start, delivered_at)))
    chunks: list[Json] | None = None
    if header is not None:
        chunks = [[arrival.at_ms, arrival.end] for arrival in arrivals(header)]
        marks.extend(_keep_alives(header))
    return {
        "start": start.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "marks": [mark.to_json() for mark in sorted(marks, key=lambda mark: mark.at_ms)],
        "chunks": chunks,
        "chunk_count": integer(event.get("chunk_count")),
    }


def _event_marks(event: Mapping[str, Json]) -> Iterator[Mark]:
    for name, key in _MARKS.items():
        at_ms = integer(event.get(key))
        if at_ms is not None:
            yield Mark(name=name, at_ms=at_ms)


def _since(start: datetime, moment: datetime) -> float:
    return max(0, round((moment - start).total_seconds() * 1000))


def _keep_alives(header: Mapping[str, object]) -> Iterator[Mark]:
    for at_ms in items(header.get("keep_alives_ms")):
        if isinstance(at_ms, int | float):
            yield Mark(name="keep-alive", at_ms=at_ms)


def arrivals(header: Mapping[str, object]) -> tuple[PieceArrival, ...]:
    """The first pieces of the answer: those of the header, or else of its envelope."""
    pairs = piece_times.read(header) or _of_envelope(header)
    return tuple(PieceArrival(end=end, at_ms=round(float(at_ms), 3)) for end, at_ms in pairs)


def _of_envelope(header: Mapping[str, object]) -> Iterator[piece_times.Arrival]:
    pairs = (items(pair) for pair in items(_envelope(header).get("arrivals")))
    for end, at_ms in (pair for pair in pairs if len(pair) == 2):
        if isinstance(end, int) and isinstance(at_ms, int | float):
            yield end, at_ms


def last_chunk_ms(header: Mapping[str, object]) -> float | None:
    """When the last piece of the answer came; None if none came."""
    at_ms = mapping(_envelope(header).get("timings")).get("to_last_chunk_ms")
    return round(float(at_ms), 3) if isinstance(at_ms, int | float) else None


def _envelope(header: Mapping[str, object]) -> JsonObject:
    return mapping(header.get("envelope"))
