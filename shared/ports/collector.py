"""The collector of spans and metrics. No method waits or raises."""

from __future__ import annotations

from typing import Protocol

from shared.core.telemetry.metrics import MetricPoint
from shared.core.telemetry.spans import Trace


class CollectorExport(Protocol):
    """Exports spans and points of metrics."""

    def export(self, trace: Trace) -> None:
        """Export the spans of a trace, and the event with prompt and answer if it has one. What the
        settings switch off is not exported.
        """
        ...

    def add(self, point: MetricPoint) -> None:
        """Add a point to its metric, unless the settings switch metrics off."""
        ...
