"""The stand-in's bytes on the wire: layout, pace, endings, and its record of them."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from harness.stand_in_process import (
    ASK,
    CHAT,
    DEADLINE_S,
    STREAM,
    WITH_USAGE,
    StandIn,
    chunks,
    events,
    request_bytes,
    running,
)


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandIn]:
    """One stand-in for all tests of this module."""
    with running() as process:
        yield process


# Bytes, pace and endings


@pytest.mark.parametrize("layout", ["byte_at_a_time; chunks=2", "cut=7", "gzip", "chunked"])
def test_layout_changes_pieces_not_bytes(stand_in: StandIn, layout: str) -> None:
    """The caller reads the bytes that the record holds, which are those of the plain response."""
    few = "chunks=2" if "chunks=2" in layout else ""
    response = stand_in.post(body=STREAM, directives=layout, tag=f"layout-{layout}")
    recorded = stand_in.exchange(f"tag:layout-{layout}")
    written = base64.b64decode(str(recorded["response_body_base64"]))
    assert response.content == (gzip.decompress(written) if layout == "gzip" else written)
    assert response.content == stand_in.post(body=STREAM, directives=few).content
    assert hashlib.sha256(written).hexdigest() == recorded["response_sha256"]


@pytest.mark.parametrize(("layout", "end"), [("crlf", b"\r\n\r\n"), ("cr", b"\r\r")])
def test_lines_may_end_differently(stand_in: StandIn, layout: str, end: bytes) -> None:
    """CRLF or CR instead of LF, and the events are the same."""
    plain = stand_in.post(body=STREAM).content
    assert stand_in.post(body=STREAM, directives=layout).content.replace(end, b"\n\n") == plain


def test_the_pace_is_kept(stand_in: StandIn) -> None:
    """300 ms before the first piece, 300 ms between the others, as the recording and the caller
    both see it.
    """
    began = time.monotonic()
    with httpx.stream(
        "POST",
        stand_in.url + CHAT,
        json=STREAM,
        headers={
            "api-key": "any",
            "x-stand-in": "first_chunk_ms=300; chunk_ms=300; chunks=3",
            "tag": "pace",
        },
        timeout=DEADLINE_S,
    ) as response:
        arrivals = [time.monotonic() for _ in response.iter_raw()]
    recorded = stand_in.exchange("tag:pace")
    written = recorded["write_times"]
    assert isinstance(written, list)
    assert len(written) == len(arrivals) == 1 + 1 + 3 + 1 + 1
    # No piece before its time.
    assert all(at - began >= 0.3 * number for number, at in enumerate(written, start=1))
    assert arrivals[0] < written[1]


def test_headers_can_be_late(stand_in: StandIn) -> None:
    """headers_ms delays the status line."""
    began = time.monotonic()
    stand_in.post(directives="headers_ms=150")
    assert time.monotonic() - began >= 0.15


@pytest.mark.parametrize("body", [STREAM, ASK])
def test_a_reset_is_a_reset_and_what_came_before_arrives(stand_in: StandIn, body: object) -> None:
    """The caller reads N pieces, then gets ECONNRESET."""
    directives = "reset_after=3; content_size=4000"
    with closing(socket.create_connection(("127.0.0.1", stand_in.port), DEADLINE_S)) as caller:
        caller.sendall(request_bytes(json.dumps(body).encode(), directives, tag="reset"))
        received: list[bytes] = []
        with pytest.raises(ConnectionResetError):
            received.extend(iter(lambda: caller.recv(65536), b""))
    recorded = stand_in.exchange("x-tag:reset")
    assert (recorded["ended"], recorded["writes"]) == ("reset_on_purpose", 3)
    last = base64.b64decode(str(recorded["response_body_base64"]))[-50:]
    assert last in b"".join(received)


def test_a_reset_before_headers_sends_nothing(stand_in: StandIn) -> None:
    """The client gets no byte of a response."""
    with closing(socket.create_connection(("127.0.0.1", stand_in.port), DEADLINE_S)) as caller:
        caller.sendall(request_bytes(b"{}", "reset_before_headers"))
        with pytest.raises(ConnectionResetError):
            caller.recv(1)


def test_an_early_end_lacks_finish_and_done(stand_in: StandIn) -> None:
    """end_after ends the body as HTTP wants it, after N events; no_finish leaves out all that ends
    a stream.
    """
    assert len(events(stand_in.post(body=STREAM, directives="end_after=4").content)) == 4
    unfinished = stand_in.post(body=WITH_USAGE, directives="no_finish")
    assert b'"finish_reason":"stop"' not in unfinished.content
    assert b"[DONE]" not in unfinished.content


def test_a_close_leaves_the_body_unfinished(stand_in: StandIn) -> None:
    """close_after sends FIN without the last chunk, end_after of a document too."""
    for body, directives in ((STREAM, "close_after=2"), (ASK, "end_after=2")):
        with pytest.raises(httpx.RemoteProtocolError):
            stand_in.post(body=body, directives=directives)


@pytest.mark.parametrize(("directives", "writes"), [("silence", 0), ("silence_after=2", 2)])
def test_silence_lasts_until_the_client_disconnects(
    stand_in: StandIn, directives: str, writes: int
) -> None:
    """The caller's own timeout ends it, and the recording says that the peer closed."""
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(
            stand_in.url + CHAT,
            json=STREAM,
            headers={"api-key": "any", "x-stand-in": directives, "tag": directives},
            timeout=httpx.Timeout(DEADLINE_S, read=1.5),
        )
    recorded = stand_in.exchange(f"tag:{directives}")
    assert (recorded["ended"], recorded["writes"]) == ("peer_closed", writes)


def test_errors_inside_a_200_come_nested_or_flat(stand_in: StandIn) -> None:
    """The error comes after two content chunks, and nothing follows."""
    nested = events(stand_in.post(body=STREAM, directives="error_in_200").content)
    flat = events(stand_in.post(body=STREAM, directives="error_in_200=flat; error_after=0").content)
    assert "error" in nested[-1]  # type: ignore[operator]
    assert (len(nested), len(flat)) == (1 + 1 + 2 + 1, 1 + 1 + 1)
    assert "message" in flat[-1]  # type: ignore[operator]


def test_the_asynchronous_filter_reports_apart_and_late(stand_in: StandIn) -> None:
    """Chunks without delta, with growing offsets, one of them after the finish chunk."""
    answer_chunks = chunks(stand_in.post(body=STREAM, directives="async_filter").content)
    choices = [chunk["choices"][0] for chunk in answer_chunks if chunk["choices"]]  # type: ignore[index]
    reports = [choice["content_filter_offsets"] for choice in choices if "delta" not in choice]
    assert len(reports) == 3
    assert [report["start_offset"] for report in reports[1:]] == [
        report["end_offset"] for report in reports[:-1]
    ]
    assert "delta" not in choices[-1]
    assert choices[-2]["finish_reason"] == "stop"


def test_the_recording_has_the_request_as_it_arrived(stand_in: StandIn) -> None:
    """Raw target, header case, order and repetitions, and the body's digest."""
    body = json.dumps(ASK).encode()
    with closing(
        http.client.HTTPConnection("127.0.0.1", stand_in.port, timeout=DEADLINE_S)
    ) as connection:
        connection.putrequest("POST", CHAT + "&x=%2f", skip_host=True, skip_accept_encoding=True)
        for name, value in (("hOsT", "x"), ("X-Twice", "1"), ("Api-Key", "k"), ("x-twice", "2")):
            connection.putheader(name, value)
        connection.putheader("content-length", str(len(body)))
        connection.endheaders(body)
        connection.getresponse().read()
    recorded = stand_in.exchange("x-twice:2")
    assert recorded["headers"] == [
        ["hOsT", "x"],
        ["X-Twice", "1"],
        ["Api-Key", "k"],
        ["x-twice", "2"],
        ["content-length", str(len(body))],
    ]
    assert recorded["query"] == "api-version=2024-10-21&x=%2f"
    assert recorded["request_sha256"] == hashlib.sha256(body).hexdigest()
    assert recorded["request_body"] == body.decode()


def test_a_large_prompt_does_not_hold_up_other_streams(stand_in: StandIn) -> None:
    """While 21 MB of JSON are being read, a paced stream goes on."""
    large = json.dumps({"messages": [{"role": "user", "content": "two words"}] * 500_000}).encode()

    async def both() -> int:
        async with httpx.AsyncClient(
            base_url=stand_in.url, headers={"api-key": "any"}, timeout=DEADLINE_S
        ) as client:
            headers = {
                "x-stand-in": "chunk_ms=20; silence_after=1000; chunks=1000",
                "tag": "beside",
            }
            async with client.stream("POST", CHAT, json=STREAM, headers=headers):
                response = await client.post(CHAT, content=large, headers={"tag": "large"})
                return int(response.json()["usage"]["prompt_tokens"])

    assert asyncio.run(both()) == 500_000 * (2 + 4)
    reading, beside = stand_in.exchange("tag:large"), stand_in.exchange("tag:beside")
    began, over = reading["request_complete_at"], reading["headers_written_at"]
    written = beside["write_times"]
    assert isinstance(written, list)
    assert isinstance(began, float)
    assert isinstance(over, float)
    assert len([at for at in written if began < at < over]) >= (over - began) / 0.1


def test_pipelined_requests_are_answered_in_order(
    stand_in: StandIn,
) -> None:
    """Pipelined requests are answered in order whatever their paths hold. Two requests in one
    write, the first with characters in its path that should have been encoded.
    """
    head = b" HTTP/1.1\r\nhost: x\r\napi-key: k\r\n"
    both = (
        b"GET /openai/v1//%E9%2f|{}^<>;=[]~`'"
        + head
        + b"\r\nGET /openai/v1/b"
        + head
        + b"connection: close\r\n\r\n"
    )
    with closing(socket.create_connection(("127.0.0.1", stand_in.port), DEADLINE_S)) as caller:
        caller.sendall(both)
        received = b"".join(iter(lambda: caller.recv(65536), b"")).decode()
    paths = [part.partition('"')[0] for part in received.split('"path":"')[1:]]
    assert paths == ["/openai/v1//%E9%2f|{}^<>;=[]~`'", "/openai/v1/b"]


def test_malformed_http_gets_a_400_and_a_closed_connection(stand_in: StandIn) -> None:
    """A broken request is answered once."""
    with closing(socket.create_connection(("127.0.0.1", stand_in.port), DEADLINE_S)) as caller:
        caller.sendall(b"nonsense\r\n\r\n")
        received = b"".join(iter(lambda: caller.recv(65536), b""))
    assert received.startswith(b"HTTP/1.1 400 ")


def test_an_upgrade_to_another_protocol_is_ignored(stand_in: StandIn) -> None:
    """RFC 9110, 7.8: the request is answered as any other."""
    head, _, body = request_bytes(json.dumps(ASK).encode(), "").partition(b"\r\n\r\n")
    upgrade = (
        b"\r\nconnection: Upgrade, HTTP2-Settings\r\nhttp2-settings: AAEA\r\nupgrade: h2c\r\n\r\n"
    )
    with closing(socket.create_connection(("127.0.0.1", stand_in.port), DEADLINE_S)) as caller:
        caller.sendall(head + upgrade + body)
        assert caller.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_caller_that_waits_for_100_continue_gets_it(stand_in: StandIn) -> None:
    """The interim answer comes before the body was sent."""
    body = json.dumps(ASK).encode()
    head, _, _ = request_bytes(body, "").partition(b"\r\n\r\n")
    with closing(socket.create_connection(("127.0.0.1", stand_in.port), DEADLINE_S)) as caller:
        caller.sendall(head + b"\r\nexpect: 100-continue\r\n\r\n")
        assert caller.recv(65536).startswith(b"HTTP/1.1 100 ")
        caller.sendall(body)
        assert caller.recv(65536).startswith(b"HTTP/1.1 200 ")
