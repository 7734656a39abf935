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
from typing import Final

from shared.core.records.delivery.delivery_summary import summarize
from shared.core.records.exchange.envelope import Envelope

_log = logging.getLogger("fnsse.delivery")

PREFIX: Final = "Delivered"  # infra/queries/*.kql find the line by it


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
