"""The times of an event, from the envelope's raw ones."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.core.records.envelope import Envelope


def parts(envelope: Envelope, *, stream: bool) -> tuple[int, int | None, int | None]:
    """(latency, time to first chunk, streaming duration), ms. A stream that never began has waited
    all the time.
    """
    timings = envelope.timings
    if not stream:
        return round(timings.to_end_ms), None, None
    first_ms = round(
        timings.to_end_ms if timings.to_first_chunk_ms is None else timings.to_first_chunk_ms
    )
    last_ms = round(timings.to_last_chunk_ms) if timings.to_last_chunk_ms is not None else first_ms
    streaming_ms = max(last_ms - first_ms, 0)
    return first_ms + streaming_ms, first_ms, streaming_ms


def arrival_ms(envelope: Envelope, offset: int | None) -> int | None:
    """When the answer's first `offset` bytes were there. None: unknown, since the envelope keeps
    the first pieces only.
    """
    if offset is None:
        return None
    return rounded(
        next((at_ms for received, at_ms in envelope.arrivals if received >= offset), None)
    )


def end(envelope: Envelope) -> datetime:
    """The exchange's end, UTC, without offset."""
    start = datetime.fromisoformat(envelope.started_at).replace(tzinfo=None)
    return start + timedelta(milliseconds=envelope.timings.to_end_ms)


def rounded(ms: float | None) -> int | None:
    """Whole milliseconds."""
    return None if ms is None else round(ms)
