"""Byte identity of responses: the client reads exactly what the upstream wrote, in whatever pieces
it came.
"""

from __future__ import annotations

import zlib

import pytest

from harness import upstream_record
from harness.chat import Chat, content_of
from harness.event_log import EventLog
from local.stack import Stack
from tests.e2e.conftest import on_embedded_alone

LAYOUTS = [
    "",
    "cut=1",
    "cut=2; crlf",
    "cut=3; comments; bom",
    "byte_at_a_time; chunks=3",
    "cr",
    "content_size=200000",
]


@pytest.mark.parametrize("directives", LAYOUTS)
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_a_response_arrives_as_it_was_written(
    stack: Stack, directives: str, *, stream: bool
) -> None:
    """Status, body and framing; a stream is `text/event-stream` and ends with its terminator."""
    chat = Chat(stream=stream, directives=directives, headers=(("accept-encoding", "gzip"),))
    response = chat.ask(stack)
    upstream_request = upstream_record.only_request(stack, deployment=chat.deployment)
    assert (response.status, response.whole, upstream_request.ended) == (200, True, "finished")
    assert len(response.body) > 300
    assert response.body == upstream_request.response_body
    assert response.header("content-type") == (
        "text/event-stream" if stream else "application/json"
    )
    if stream:
        assert not response.header("content-length")


@on_embedded_alone
@pytest.mark.parametrize(
    "directives", ["cut=4", "byte_at_a_time; chunks=3", "crlf", "cr; bom; comments"]
)
def test_the_event_is_the_same_however_the_stream_was_cut(
    stack: Stack, events: EventLog, directives: str
) -> None:
    """Cuts inside characters, lines and events, other line ends and comments change nothing in the
    content.
    """
    chunks = "chunks=3" if "chunks" in directives else "chunks=20"
    plain = Chat(stream=True, directives=chunks).ask(stack)
    laid_out = Chat(stream=True, directives=directives).ask(stack)
    event = events.one(exchange_id=laid_out.exchange_id)
    assert (
        event["content"]
        == content_of(plain.body)
        == events.one(exchange_id=plain.exchange_id)["content"]
    )
    assert event["usage"] is not None
    assert event["outcome"] == "completed"


def test_a_compressed_response_stays_compressed(stack: Stack, events: EventLog) -> None:
    """Nothing decompresses on the way: the client's own decoder gets the upstream's bytes, and
    enrichment can read them too.
    """
    chat = Chat(directives="gzip", headers=(("accept-encoding", "gzip"),))
    response = chat.ask(stack)
    assert response.header("content-encoding") == "gzip"
    assert (
        response.body
        == upstream_record.only_request(stack, deployment=chat.deployment).response_body
    )
    content = content_of(zlib.decompress(response.body, wbits=31))
    assert events.one(exchange_id=response.exchange_id)["content"] == content


def test_a_stream_is_requested_uncompressed(stack: Stack) -> None:
    """The proxy requests streams without compression, because it may have to add a comment or an
    error between two events.
    """
    chat = Chat(stream=True, directives="gzip", headers=(("accept-encoding", "gzip"),))
    assert chat.ask(stack).header("content-encoding") == ""
    assert upstream_record.only_request(stack, deployment=chat.deployment).all(
        "accept-encoding"
    ) == ["identity"]


def test_only_encodings_that_enrichment_can_decode_are_requested(stack: Stack) -> None:
    """The client's accept-encoding is narrowed to what enrichment can decode."""
    chat = Chat(headers=(("accept-encoding", "br, zstd, gzip;q=0.5"),))
    assert chat.ask(stack).status == 200
    assert upstream_record.only_request(stack, deployment=chat.deployment).all(
        "accept-encoding"
    ) == ["gzip;q=0.5"]
