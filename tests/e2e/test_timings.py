"""The client never pays for the logging, and the event's timings say what happened."""

from __future__ import annotations

from harness import upstream_record
from harness.chat import Chat
from harness.event_log import EventLog
from harness.http_client import ReceivedResponse
from harness.upstream_record import UpstreamRequest
from local.stack import Stack

ROUNDED_MS = 2


def arrivals(upstream_request: UpstreamRequest, response: ReceivedResponse) -> list[float]:
    """The times at which the client had the last byte of each piece that the upstream wrote."""
    arrived, written, read = [], 0, 0
    sizes = [len(event) + 2 for event in upstream_request.response_body.split(b"\n\n")[:-1]]
    pieces = iter(response.pieces)
    at = 0.0
    for size in sizes:
        written += size
        while read < written:
            piece = next(pieces)
            read, at = read + len(piece.data), piece.at
        arrived.append(at)
    return arrived


def test_the_events_timings_are_those_of_the_exchange(stack: Stack, events: EventLog) -> None:
    """300 ms of silence, then a chunk every 20 ms: time to first chunk, streaming duration, and
    latency as their exact sum.

    The proxy stands between upstream and client, so what those two saw bounds each figure, however
    busy the machine is.
    """
    chat = Chat(stream=True, directives="first_chunk_ms=300; chunk_ms=20")
    with chat.begin(stack) as call:
        response = call.rest()
        sent_at = call.sent_at
    upstream_request = upstream_record.only_request(stack, deployment=chat.deployment)
    event = events.one(exchange_id=response.exchange_id)
    first_ms, streaming_ms = event["time_to_first_chunk_ms"], event["streaming_duration_ms"]
    first_write, last_write = upstream_request.write_times[0], upstream_request.write_times[-1]
    first_read, last_read = response.pieces[0].at, response.pieces[-1].at
    assert (
        300 - ROUNDED_MS
        <= (first_write - upstream_request.started_at) * 1000
        <= first_ms + ROUNDED_MS
    )
    assert first_ms - ROUNDED_MS <= (first_read - sent_at) * 1000
    assert (
        (last_write - first_read) * 1000 - ROUNDED_MS
        <= streaming_ms
        <= (last_read - first_write) * 1000 + ROUNDED_MS
    )
    assert event["latency_ms"] == first_ms + streaming_ms


def test_latency_includes_the_upstreams_silence(stack: Stack, events: EventLog) -> None:
    """Without a stream there is one figure, from the request's first byte to the response's
    last.
    """
    with Chat(directives="headers_ms=300").begin(stack) as call:
        response = call.rest()
        longest_ms = (response.ended_at - call.sent_at) * 1000
    event = events.one(exchange_id=response.exchange_id)
    assert 300 - ROUNDED_MS <= event["latency_ms"] <= longest_ms + ROUNDED_MS
    assert "time_to_first_chunk_ms" not in event


def test_each_chunk_is_sent_on_before_the_next_one_comes(stack: Stack) -> None:
    """At a chunk every 20 ms the client has the first chunk, and most of the others, before the
    upstream writes the next one.

    The machine may be busy with something else for a moment, which is not the relay's doing: one
    stream of ten is enough.
    """
    streams = []
    for _ in range(10):
        chat = Chat(stream=True, directives="first_chunk_ms=300; chunk_ms=20")
        response = chat.ask(stack)
        upstream_request = upstream_record.only_request(stack, deployment=chat.deployment)
        next_writes = upstream_request.write_times[1:]
        in_time = [
            at < next_at
            for at, next_at in zip(arrivals(upstream_request, response), next_writes, strict=False)
        ]
        if in_time[0] and sum(in_time) > len(in_time) / 2:
            return
        streams.append(in_time)
    raise AssertionError(f"which chunks arrived before the next one was written: {streams}")


def test_the_first_chunk_does_not_wait_for_a_second(stack: Stack) -> None:
    """It reaches the client although the upstream never writes another one."""
    chat = Chat(stream=True, directives="silence_after=1")
    with chat.begin(stack) as call:
        first = call.piece()
        upstream_request = upstream_record.only_request(
            stack, deployment=chat.deployment, ended=False
        )
    assert first is not None
    assert first.data == upstream_request.response_body
    assert (upstream_request.ended, len(upstream_request.write_times)) == ("open", 1)
