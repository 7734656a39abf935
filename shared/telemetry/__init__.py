"""Telemetry: the spans and metrics of delivered exchanges, on their way to a collector.

In: what enrichment reports of each accepted event. Out: traces and points of metrics, handed to an
exporter that has its own thread. Nothing here delays or fails a delivery: what waits is bounded,
and what does not fit is dropped and counted.

`telemetry` takes the reports and decides which delivery of an exchange counts; `backlog` measures
what waits.

May import: shared.core, shared.ports, shared.errors. No adapter and no other use case.
"""
