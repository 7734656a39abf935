"""Requests that no SDK sends: each reaches the upstream byte for byte, and its exchange is recorded
and described.
"""

from __future__ import annotations

import asyncio
import gzip
import json

import pytest

from harness.schema import valid
from shared.core.event import builder, shape
from shared.core.records.exchange import envelope as envelopes
from shared.core.records.exchange.capture import load
from shared.core.records.exchange.outcome import Outcome
from tests.integration.support.exchanges import RelayClient, relay_setup, sse
from tests.integration.support.served_relay import AS_SHIPPED, serve_relay
from tests.integration.support.tiny_server import OK, Connection, serving

pytestmark = pytest.mark.anyio
CHAT = "/openai/deployments/gpt-4o/chat/completions"
STREAM = b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
AS_THEY_CAME = {
    "nothing": b"",
    "a BOM": b'\xef\xbb\xbf{"messages":["a"],"stream":true}',
    "UTF-16": '{"messages":["a"],"stream":true}'.encode("utf-16"),
    "compressed": gzip.compress(b'{"messages":["a"],"stream":true}'),
    "a stream in words": b'{"messages":["a"],"stream":"true"}',
    "no stream after all": b'{"messages":["a"],"stream":true,"stream":false}',
    "nested a hundred thousand deep": b'{"messages":'
    + b"[" * 100_000
    + b"]" * 100_000
    + b',"stream":true}',
    "never closed": b"[" * 100_000,
    "something behind it": b'{"messages":["a"],"stream":true}\x00',
    "an array": b'[{"stream":true}]',
    "null": b"null",
    "a name of a megabyte": b'{"' + b"n" * 2**20 + b'":1,"stream":true}',
}
ASKED_FOR_USAGE = {
    "a stream after all": b'{"messages":["a"],"stream":false,"stream":true}',
    "numbers that are none": b'{"messages":["a"],"n":NaN,"top_p":1e999,"seed":-Infinity,"stream":true}',
    "an escaped name": b'{"messages":["a"],"str\\u0065am":true}',
    "half a surrogate": b'{"messages":["\\ud800"],"model":"\\ud800","stream":true}',
    "bytes that are no UTF-8": b'{"messages":["\xff\xfe"],"stream":true}',
    "spaces": b' \r\n\t{ "messages" : [ "a" ] , "stream" :\ttrue } \n',
}


async def relay(body: bytes, *pieces: bytes) -> bytes:
    """The body that the upstream got, after a check that the exchange passed, was captured, and
    gives a valid event.
    """
    setup = relay_setup(sse(STREAM), interventions=AS_SHIPPED, request_body_bytes=2 * 2**20)
    headers = {"content-type": "application/json", "content-length": str(len(body))}
    if body.startswith(b"\x1f\x8b"):
        headers["content-encoding"] = "gzip"
    client = RelayClient(setup.relay, *(pieces or (body,)), headers=headers, path=CHAT)
    await client.run()
    assert (client.body, client.ended) == (STREAM, True)
    envelope = await setup.envelope()
    assert envelopes.load(envelopes.dump(envelope)) == envelope
    assert envelope.outcome is Outcome.COMPLETED
    request, response = (
        load(setup.store.blobs[name or ""])
        for name in (envelope.request_capture, envelope.response_capture)
    )
    assert (request.body, response.body) == (body, STREAM)
    valid(json.loads(shape.dump(builder.build(envelope, request, response, None))))
    return setup.upstream.requests[0][1]


@pytest.mark.parametrize("body", AS_THEY_CAME.values(), ids=AS_THEY_CAME)
async def test_other_bodies_are_sent_as_they_came(body: bytes) -> None:
    """The upstream gets other bodies unchanged, and reports what is wrong with them."""
    assert await relay(body) == body
    assert await relay(body, body[:3], body[3:]) == body


@pytest.mark.parametrize("body", ASKED_FOR_USAGE.values(), ids=ASKED_FOR_USAGE)
async def test_an_odd_request_gets_the_addition_alone(body: bytes) -> None:
    """The proxy changes nothing else, not even the caller's mistakes."""
    added = b'"stream_options":{"include_usage":true},'
    response = await relay(body)
    assert response.count(added) == 1
    assert response.replace(added, b"") == body


async def answers(connection: Connection) -> None:
    """The responses to `HEAD`, 204 and 304: lengths and types of a body that is not there."""
    while True:
        head = await connection.head()
        status = (
            b"204 No Content"
            if b"/204" in head
            else b"304 Not Modified"
            if b"/304" in head
            else b"200 OK"
        )
        length = b"" if b"/204" in head else b"Content-Length: 77\r\n"
        await connection.say(
            b"HTTP/1.1 " + status + b"\r\nContent-Type: text/event-stream\r\n" + length + b"\r\n"
        )


@pytest.mark.parametrize(
    ("method", "path", "status"), [("HEAD", "x", 200), ("GET", "204", 204), ("GET", "304", 304)]
)
async def test_a_response_without_a_body_is_whole(method: str, path: str, status: int) -> None:
    """The relay does not wait for a body that the headers announce if the status or method excludes
    one.
    """
    async with serving(answers) as upstream, serve_relay(upstream) as relay:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", int(relay.url.rpartition(":")[2])
        )
        writer.write(
            f"{method} /openai/{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode()
        )
        async with asyncio.timeout(20):
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        envelope = await relay.envelope()
    assert (head.split(b" ")[1], body) == (str(status).encode(), b"")
    assert head.lower().count(b"x-exchange-id: " + envelope.exchange_id.encode()) == 1
    assert (envelope.outcome, envelope.status_code, envelope.response_bytes) == (
        Outcome.COMPLETED,
        status,
        0,
    )


async def test_headers_as_large_as_the_server_takes_them_pass() -> None:
    """One header of 60 KB, two thousand small ones, and bytes that are not text all pass."""
    heads: list[bytes] = []

    async def script(connection: Connection) -> None:
        heads.append(await connection.head())
        await connection.say(OK)

    many = b"".join(b"x-%d: 1\r\n" % number for number in range(2000))
    async with serving(script) as upstream, serve_relay(upstream) as relay:
        for headers in (
            b"x-large: " + b"a" * 60_000 + b"\r\n",
            many,
            b"user-agent: \xf0\x9f\x90\x8e\r\nx-apim-user-id: \xff\r\n",
        ):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", int(relay.url.rpartition(":")[2])
            )
            writer.write(
                b"GET /openai/x HTTP/1.1\r\nhost: x\r\n" + headers + b"connection: close\r\n\r\n"
            )
            async with asyncio.timeout(20):
                response = await reader.read()
            writer.close()
            assert response.startswith(b"HTTP/1.1 200")
            await relay.all_recorded()
    assert len(heads[0]) > 60_000
    assert heads[1].lower().count(b"\r\nx-") >= 2000
    assert [envelope.outcome for envelope in relay.envelopes.queued] == [Outcome.COMPLETED] * 3
