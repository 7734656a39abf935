"""The loads of a round of the benchmark."""

from __future__ import annotations

from dataclasses import dataclass

from bench.job import Job


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The loads of a round, and how many rounds there are."""

    rounds: int = 2
    streams: int = 100  # all begin at once
    chunks: int = 100  # of each stream, `[DONE]` included
    # of the load with short streams, which separates the cost of a chunk from that of a stream
    few_chunks: int = 10
    chunk_ms: int = 20
    calls: int = 300  # non-streaming
    connections: int = 20  # that make them
    alone: int = 60  # short streams one after the other, with a pause, for the time to first byte
    pause_ms: int = 20
    # False: the queue trigger is off; relay, captures and envelopes remain
    enrichment: bool = True

    def long_streams(self, port: int) -> Job:
        return self._streams_at_once(port, self.chunks)

    def short_streams(self, port: int) -> Job:
        return self._streams_at_once(port, self.few_chunks)

    def plain_calls(self, port: int) -> Job:
        return Job(port=port, count=self.calls, connections=self.connections, chunks=None)

    def one_by_one(self, port: int) -> Job:
        return Job(
            port=port,
            count=self.alone,
            connections=1,
            chunks=self.few_chunks,
            pause_ms=self.pause_ms,
        )

    def _streams_at_once(self, port: int, chunks: int) -> Job:
        return Job(
            port=port,
            count=self.streams,
            connections=self.streams,
            chunks=chunks,
            chunk_ms=self.chunk_ms,
        )
