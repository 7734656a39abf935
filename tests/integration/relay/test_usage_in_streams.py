"""Usage in streams: asked for on the caller's behalf, taken out again, and nothing else about
request or answer changed.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import uuid
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from harness.stand_in_process import StandIn, running
from shared.core.records.exchange.outcome import Outcome
from shared.core.wire.stream.sse import decode
from tests.integration.support.exchanges import DEADLINE_S
from tests.integration.support.served_relay import API_VERSION, ServedRelay, serve_relay
from tests.integration.support.tiny_server import Connection, TinyServer, serving

pytestmark = pytest.mark.anyio
MESSAGES: list[Any] = [{"role": "user", "content": "hello there \u00fc"}]
STREAM = {"messages": MESSAGES, "stream": True}
ADDED = b'"stream_options":{"include_usage":true},'


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandIn]:
    with running() as started:
        yield started


class RelayedExchange:
    """One request through the relay: the client's response, and the upstream's record of it."""

    def __init__(self, response: httpx.Response, seen: list[dict[str, Any]]) -> None:
        self.response = response
        self.bodies = [
            (exchange["request_body"] or "").encode() for exchange in seen
        ]  # a large one is known by its digest alone
        self.sha256 = [exchange["request_sha256"] for exchange in seen]
        self.written = base64.b64decode(seen[-1]["response_body_base64"] or "")


async def send(
    relay: ServedRelay,
    stand_in: StandIn,
    body: object,
    *,
    directives: str = "",
    operation: str = "chat/completions",
    target: str = "",
    api_version: str = API_VERSION,
) -> RelayedExchange:
    """Send a body (bytes unchanged, anything else as JSON) to a deployment of its own."""
    tag = uuid.uuid4().hex
    path = target or f"/openai/deployments/gpt-{tag}/{operation}?api-version={api_version}"
    headers = {
        "content-type": "application/json",
        "x-stand-in": directives,
        "x-ms-client-request-id": tag,
    }
    async with httpx.AsyncClient(base_url=relay.url, timeout=DEADLINE_S) as client:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        response = await client.post(path, content=content, headers=headers)
        record = await client.get(
            f"{stand_in.url}/_stand_in/exchanges",
            params={"header": f"x-ms-client-request-id:{tag}"},
        )
    return RelayedExchange(response, record.json())


def without_usage_chunk(stream: bytes) -> bytes:
    """The same stream; its lines end in LF."""
    events = stream.split(b"\n\n")
    return b"\n\n".join(event for event in events if b'"usage":{' not in event.replace(b" ", b""))


@pytest.mark.parametrize(
    "directives",
    ["", "cut=1", "cut=2;comments", "byte_at_a_time;chunks=3", "content_size=200000;chunks=2"],
)
@pytest.mark.parametrize("operation", ["chat/completions", "completions"])
async def test_only_the_usage_chunk_is_missing(
    stand_in: StandIn, operation: str, directives: str
) -> None:
    """The addition is all that the request has more, the chunk all that the response has less; the
    capture keeps it.
    """
    body = {"prompt": "hello", "stream": True} if operation == "completions" else STREAM
    async with serve_relay(stand_in) as relay:
        done = await send(relay, stand_in, body, directives=directives, operation=operation)
        envelope = await relay.envelope()
        assert await relay.captured_body() == done.written
    assert done.bodies == [b"{" + ADDED + json.dumps(body).encode()[1:]]
    assert done.response.content == without_usage_chunk(done.written)
    assert len(done.response.content) < len(done.written)
    assert (envelope.usage_requested, envelope.outcome, envelope.usage_source) == (
        True,
        Outcome.COMPLETED,
        "upstream",
    )
    assert envelope.usage is not None
    last = [json.loads(event.data) for event in decode(done.written) if event.data != "[DONE]"][-1]
    assert envelope.usage == last["usage"]


@pytest.mark.parametrize("line_ends", ["crlf", "cr"])
async def test_other_line_ends_are_understood(stand_in: StandIn, line_ends: str) -> None:
    """The usage chunk is found, and the others keep their bytes."""
    async with serve_relay(stand_in) as relay:
        done = await send(relay, stand_in, STREAM, directives=f"{line_ends};cut=3")
    blank = b"\r\n\r\n" if line_ends == "crlf" else b"\r\r"
    expected_events = [
        event for event in done.written.split(blank) if b'"usage":{' not in event.replace(b" ", b"")
    ]
    assert done.response.content == blank.join(expected_events)
    assert len(done.response.content) < len(done.written)


async def test_a_caller_who_requests_usage_gets_all_as_it_was(stand_in: StandIn) -> None:
    """Request and answer byte for byte."""
    body = json.dumps(
        {**STREAM, "stream_options": {"include_usage": True, "x": 1}}, indent=1
    ).encode()
    async with serve_relay(stand_in) as relay:
        done = await send(relay, stand_in, body)
        envelope = await relay.envelope()
    assert done.bodies == [body]
    assert done.response.content == done.written
    assert b'"total_tokens"' in done.response.content
    assert (envelope.usage_requested, envelope.usage is not None) == (False, True)


async def test_switched_off_nothing_is_touched(stand_in: StandIn) -> None:
    """ASK_FOR_USAGE=false."""
    body = json.dumps(STREAM).encode()
    async with serve_relay(stand_in, ask_for_usage=False) as relay:
        done = await send(relay, stand_in, body)
        envelope = await relay.envelope()
    assert (done.bodies, done.response.content) == ([body], done.written)
    assert (envelope.usage_source, envelope.usage, envelope.outcome) == (
        "none",
        None,
        Outcome.COMPLETED,
    )


async def test_a_refused_usage_request_is_hidden(stand_in: StandIn) -> None:
    """The upstream answers the addition 400. The call is sent again as it came, and answered as if
    nothing had been; the next one does not ask.
    """
    async with serve_relay(stand_in) as relay:
        target = f"/openai/deployments/refusing-{uuid.uuid4().hex}/chat/completions?api-version={API_VERSION}"
        first = await send(
            relay, stand_in, STREAM, directives="refuse_stream_options", target=target
        )
        envelope = await relay.envelope()
        second = await send(
            relay, stand_in, STREAM, directives="refuse_stream_options", target=target
        )
        elsewhere = await send(relay, stand_in, STREAM)
    plain = json.dumps(STREAM).encode()
    assert first.bodies == [b"{" + ADDED + plain[1:], plain]
    assert (first.response.status_code, first.response.content) == (200, first.written)
    assert (envelope.usage_requested, envelope.outcome, envelope.upstream_status_code) == (
        False,
        Outcome.COMPLETED,
        200,
    )
    assert (second.bodies, second.response.status_code) == ([plain], 200)
    assert elsewhere.bodies[0].startswith(b"{" + ADDED)


async def test_a_callers_own_mistake_comes_back_as_it_is(stand_in: StandIn) -> None:
    """A 400 about something else: one call, the upstream's words."""
    async with serve_relay(stand_in) as relay:
        done = await send(relay, stand_in, STREAM, directives="status=400")
        envelope = await relay.envelope()
    assert len(done.bodies) == 1
    assert (done.response.status_code, done.response.content) == (400, done.written)
    assert envelope.outcome is Outcome.UPSTREAM_ERROR


@pytest.mark.parametrize(
    "api_version", ["2024-02-01", "2024-06-01", "2024-05-01-preview", "2024-08-01-preview"]
)
async def test_an_old_api_version_gets_no_usage_request(
    stand_in: StandIn, api_version: str
) -> None:
    """The proxy does not try whether the upstream refuses it."""
    async with serve_relay(stand_in) as relay:
        done = await send(relay, stand_in, STREAM, api_version=api_version)
    assert done.bodies == [json.dumps(STREAM).encode()]
    assert (done.response.status_code, done.response.content) == (200, done.written)


async def test_usage_is_requested_on_v1_routes(stand_in: StandIn) -> None:
    """The proxy asks for usage on the v1 routes in every year's api-version, because they all know
    the option.
    """
    async with serve_relay(stand_in) as relay:
        done = await send(
            relay, stand_in, {**STREAM, "model": "gpt-4o"}, target="/openai/v1/chat/completions"
        )
        envelope = await relay.envelope()
    assert done.bodies[0].startswith(b"{" + ADDED)
    assert done.response.content == without_usage_chunk(done.written)
    assert envelope.deployment == "gpt-4o"


SHAPES: list[tuple[str, bytes]] = [
    ("chat/completions", json.dumps({"messages": MESSAGES}).encode()),
    (
        "chat/completions",
        json.dumps({**STREAM, "data_sources": [{"type": "azure_search"}]}).encode(),
    ),
    ("chat/completions", json.dumps({**STREAM, "stream": False}).encode()),
    ("chat/completions", b'{"stream": true, "stream": false, "messages": []}\n'),
    ("chat/completions", b'{"stream": true, "messages": [}'),
    ("chat/completions", b"[1, 2]"),
    ("chat/completions", b""),
    ("chat/completions", b"\xef\xbb\xbf" + json.dumps(STREAM).encode()),
    ("chat/completions", json.dumps(STREAM).encode("utf-16")),
    ("chat/completions", b"\x00\xff\xfe not JSON \r\n" * 100),
    ("responses", json.dumps({"model": "gpt-4o", "input": "hello", "stream": True}).encode()),
    (
        "responses",
        json.dumps(
            {"model": "gpt-4o", "input": "hello", "stream": True, "stream_options": {}}
        ).encode(),
    ),
    ("embeddings", json.dumps({"input": ["a", "b"], "stream": True}).encode()),
    ("images/generations", json.dumps({"prompt": "a", "stream": True}).encode()),
    ("audio/speech", json.dumps({"input": "a", "stream": True}).encode()),
    ("whatever/comes/next", json.dumps(STREAM).encode()),
    ("whatever/comes/next", bytes(range(256)) * 300),
]


@pytest.mark.parametrize(
    ("operation", "body"),
    SHAPES,
    ids=[f"{number}-{shape[0]}" for number, shape in enumerate(SHAPES)],
)
async def test_every_other_body_goes_up_as_it_came(
    stand_in: StandIn, operation: str, body: bytes
) -> None:
    """Its response comes down as it was written."""
    async with serve_relay(stand_in) as relay:
        target = f"/openai/v1/{operation}" if operation == "responses" else ""
        done = await send(relay, stand_in, body, operation=operation, target=target)
        assert await relay.captured_body() == done.written
    assert done.sha256 == [hashlib.sha256(body).hexdigest()]
    assert done.response.content == done.written


async def test_disconnect_after_the_last_frame(stand_in: StandIn) -> None:
    """[DONE] has come, the body's end has not: completed, with usage."""
    async with (
        serve_relay(stand_in) as relay,
        httpx.AsyncClient(base_url=relay.url, timeout=DEADLINE_S) as client,
    ):
        target = f"/openai/deployments/gpt/chat/completions?api-version={API_VERSION}"
        async with client.stream(
            "POST", target, json=STREAM, headers={"x-stand-in": "chunk_ms=1"}
        ) as response:
            async for piece in response.aiter_raw():
                if piece.endswith(b"[DONE]\n\n"):
                    break
        envelope = await relay.envelope()
    assert (envelope.outcome, envelope.usage is not None) == (Outcome.COMPLETED, True)


TEXT = b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
STOP = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE_CHUNK = b'data: {"choices":[],"usage":{"total_tokens":3}}\n\n'
DONE = b"data: [DONE]\n\n"


async def send_with_length(
    connection: Connection, *, first: bytes, size: int, rest: bytes = b"", going_on: asyncio.Event
) -> None:
    """An upstream whose stream says its length, and breaks off where less comes."""
    await connection.request()
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n" % size
    )
    await connection.say(head + first)
    await asyncio.wait_for(going_on.wait(), DEADLINE_S)
    await connection.say(rest)


async def through(
    server: TinyServer, going_on: asyncio.Event, until: bytes, **interventions: Any
) -> tuple[httpx.Response, Any]:
    """(the response, its envelope); the upstream goes on when the client has read `until`."""
    async with (
        serve_relay(server, **interventions) as relay,
        httpx.AsyncClient(base_url=relay.url, timeout=DEADLINE_S) as client,
    ):
        target = f"/openai/deployments/gpt/chat/completions?api-version={API_VERSION}"
        async with client.stream("POST", target, json=STREAM) as response:
            received_bytes = b""
            async for piece in response.aiter_raw():
                received_bytes += piece
                if until in received_bytes:
                    going_on.set()
        return httpx.Response(
            response.status_code, headers=response.headers, content=received_bytes
        ), await relay.envelope()


@pytest.mark.parametrize(
    ("first", "rest", "missing", "until", "expected"),
    [
        (TEXT, STOP + USAGE_CHUNK + DONE, 0, TEXT, TEXT + STOP + DONE),
        (TEXT, STOP + DONE, 0, b": keep-alive\n", TEXT + STOP + DONE),
        (TEXT, b"", 100, TEXT, TEXT),
    ],
    ids=["the usage chunk is taken out", "a comment is put in", "an error frame is put in"],
)
async def test_a_stream_with_a_length_is_well_formed(
    first: bytes, rest: bytes, missing: int, until: bytes, expected: bytes
) -> None:
    """The proxy removes a stream's Content-Length: with it, an added or removed event would leave
    the client waiting, or truncate the body.
    """
    going_on = asyncio.Event()
    size = len(first + rest) + missing
    script = partial(send_with_length, first=first, size=size, rest=rest, going_on=going_on)
    async with serving(script) as server:
        response, envelope = await through(
            server, going_on, until, keep_alive_s=0.05 if b"keep" in until else 0
        )
    assert response.headers["transfer-encoding"] == "chunked"
    received, _, frame = response.content.replace(b": keep-alive\n", b"").partition(
        b'data: {"error"'
    )
    assert received == expected
    assert (until in response.content, bool(frame)) == (True, missing > 0)
    assert "content-length" not in {
        name for name, value in response.headers.items() if value == str(size)
    }
    assert envelope.outcome is (Outcome.UPSTREAM_INTERRUPTED if missing else Outcome.COMPLETED)


async def disconnect_early(relay: ServedRelay, directives: str) -> None:
    """A client that disconnects after the first content chunks."""
    async with httpx.AsyncClient(base_url=relay.url, timeout=DEADLINE_S) as client:
        target = f"/openai/deployments/gpt/chat/completions?api-version={API_VERSION}"
        async with client.stream(
            "POST", target, json=STREAM, headers={"x-stand-in": directives}
        ) as response:
            received_bytes = b""
            async for piece in response.aiter_raw():
                received_bytes += piece
                if received_bytes.count(b"\n\n") >= 4:
                    return


async def test_without_draining_a_disconnect_ends_the_call(stand_in: StandIn) -> None:
    """No usage, and nothing is generated in vain."""
    async with serve_relay(stand_in) as relay:
        await disconnect_early(relay, "chunk_ms=20;chunks=200")
        envelope = await relay.envelope()
    assert (envelope.outcome, envelope.usage, envelope.usage_source) == (
        Outcome.CLIENT_DISCONNECTED,
        None,
        "none",
    )
    assert envelope.sent_bytes == envelope.response_bytes


async def test_draining_gets_the_exact_usage(stand_in: StandIn) -> None:
    """The proxy reads the rest for its usage; the bytes sent and the time of the disconnect stay
    the same.
    """
    async with serve_relay(
        stand_in, limits={"drain_s": DEADLINE_S, "drain_bytes": 10_000_000}
    ) as relay:
        began_at = asyncio.get_running_loop().time()
        await disconnect_early(relay, "chunk_ms=10;chunks=300")
        envelope = await relay.envelope()
        drained_ms = (asyncio.get_running_loop().time() - began_at) * 1000
        captured = await relay.captured_body()
    assert captured.endswith(b"[DONE]\n\n")
    assert (envelope.outcome, envelope.usage_source) == (Outcome.CLIENT_DISCONNECTED, "upstream")
    assert envelope.usage is not None
    assert envelope.usage["completion_tokens"] == 300
    assert 0 < envelope.sent_bytes < envelope.response_bytes == len(captured)
    to_last_chunk_ms, to_end_ms = envelope.timings.to_last_chunk_ms, envelope.timings.to_end_ms
    assert to_last_chunk_ms is not None
    # the end is the disconnect, about a chunk after the last one; some 290 were drained after it
    assert to_end_ms - to_last_chunk_ms < drained_ms - to_end_ms
    assert envelope.failure is None


async def test_draining_is_capped_in_bytes(stand_in: StandIn) -> None:
    """The upstream's connection is closed at the limit. The last piece is not cut, and on a busy
    machine many chunks come in one.
    """
    async with serve_relay(stand_in, limits={"drain_s": DEADLINE_S, "drain_bytes": 4000}) as relay:
        await disconnect_early(relay, "chunk_ms=10;chunks=2000")
        envelope = await relay.envelope()
    assert (envelope.outcome, envelope.usage) == (Outcome.CLIENT_DISCONNECTED, None)
    assert envelope.response_bytes - envelope.sent_bytes <= 4000 + 65_536


async def test_draining_is_capped_in_time(stand_in: StandIn) -> None:
    """The model may go on for any time."""
    async with serve_relay(stand_in, limits={"drain_s": 1, "drain_bytes": 10_000_000}) as relay:
        await disconnect_early(relay, "chunk_ms=20;chunks=1000")
        envelope = await relay.envelope()
    assert (envelope.outcome, envelope.usage) == (Outcome.CLIENT_DISCONNECTED, None)
    assert envelope.response_bytes > envelope.sent_bytes
