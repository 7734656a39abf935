"""A collector in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.core.telemetry.metrics import MetricPoint
from shared.core.telemetry.spans import Trace


@dataclass
class MemoryCollector:
    """Holds what is exported."""

    points: list[MetricPoint] = field(default_factory=list)
    traces: list[Trace] = field(default_factory=list)

    def export(self, trace: Trace) -> None:
        self.traces.append(trace)

    def add(self, point: MetricPoint) -> None:
        self.points.append(point)
