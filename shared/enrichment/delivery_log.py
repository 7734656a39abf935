"""Writes a log line for each group of events that the Event Hub accepted together. Alerts and the
workbook read these lines.

A line for each exchange would cost as much as the request telemetry that the host writes anyway. A
line for each group costs less the more there is to do. It holds counts and times, never a text that
a caller chose.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Sequence
from typing import Final

from shared.core.records.exchange.envelope import Envelope
from shared.core.records.exchange.outcome import Outcome
from shared.core.wire.json.json_shape import JsonObject

_log = logging.getLogger("fnsse.delivery")

PREFIX: Final = "Delivered"  # infra/queries/*.kql find the line by it
_BROKEN: Final = frozenset({Outcome.UPSTREAM_INTERRUPTED, Outcome.TIMED_OUT, Outcome.ABORTED})


class DeliveryLog:
    """Collects the envelopes of accepted events, and writes a line for each group."""

    def __init__(self) -> None:
        self._group: list[Envelope] = []

    async def accepted(self, envelope: Envelope) -> None:
        """The Event Hub has accepted this exchange's event. The first of a group writes the line
        for all of them.

        Those who share a send are woken within one turn of the event loop, so after a pause of one
        turn all of them are here. The line is written within an invocation, where the host files
        it; the line of a callback would be lost.
        """
        self._group.append(envelope)
        if len(self._group) > 1:
            return
        try:
            await asyncio.sleep(0)
        finally:
            # also if this invocation is cancelled: the others rely on its line
            group, self._group = self._group, []
            _log.info("%s %s", PREFIX, json.dumps(summarize(group)))


def summarize(group: Sequence[Envelope]) -> JsonObject:
    """The figures of a group of delivered exchanges.

    `events` counts all of them; everything else leaves out the replayed ones. `failed` counts those
    that a failure ended (of the upstream, the relay or the instance), `throttled` those answered
    429. A caller's own mistake or disconnect is neither. `first_chunk_ms` lists when the first
    chunk of each stream came.
    """
    live = [envelope for envelope in group if not envelope.replayed]
    return {
        "events": len(group),
        "replayed": len(group) - len(live),
        "failed": sum(map(_is_failure, live)),
        "throttled": sum(_status(envelope) == 429 for envelope in live),
        "outcomes": dict(Counter(envelope.outcome.value for envelope in live)),
        "first_chunk_ms": [
            round(envelope.timings.to_first_chunk_ms)
            for envelope in live
            if envelope.stream and envelope.timings.to_first_chunk_ms is not None
        ],
    }


def _status(envelope: Envelope) -> int | None:
    """The upstream's status. The client's differs if the client was answered early."""
    return (
        envelope.status_code
        if envelope.upstream_status_code is None
        else envelope.upstream_status_code
    )


def _is_failure(envelope: Envelope) -> bool:
    status = _status(envelope)
    if envelope.outcome in _BROKEN or (status is not None and status >= 500):
        return True
    # No response at all, or an error inside a 200. A 4xx is the caller's mistake.
    unanswered = envelope.upstream_status_code is None or envelope.upstream_status_code < 400
    return envelope.outcome is Outcome.UPSTREAM_ERROR and unanswered
