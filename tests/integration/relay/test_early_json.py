"""A JSON response that takes long is kept alive with white space: EARLY_JSON_RESPONSE_AFTER_S."""

from __future__ import annotations

import asyncio
import gzip
import json
from dataclasses import replace

import httpx
import pytest

from shared.core.records.exchange.envelope import Envelope
from shared.core.records.exchange.outcome import Outcome
from shared.relay.relay_context import RelayContext
from tests.integration.support.exchanges import (
    DEADLINE_S,
    UNTOUCHED,
    MemoryQueue,
    RelayClient,
    document,
    relay_setup,
    sse,
)

pytestmark = pytest.mark.anyio

EARLY_JSON = replace(UNTOUCHED, keep_alive_s=0.05, early_json_response_after_s=0.05)
ASK = b'{"messages": []}'
COMPLETION = b'{"choices": [{"message": {"content": "hello"}}], "usage": {"total_tokens": 3}}'
EMBEDDINGS = "/openai/deployments/e/embeddings"


async def test_white_space_comes_until_the_response_does() -> None:
    """It is in no capture, and the event knows nothing of it."""
    answering = asyncio.Event()
    setup = relay_setup(answering, document(COMPLETION), interventions=EARLY_JSON)
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(b"\n\n\n")
    assert client.status == 200
    assert client.headers.items() >= {"content-type": "application/json"}.items()
    assert "content-length" not in client.headers
    answering.set()
    await asyncio.wait_for(running, DEADLINE_S)
    assert (client.body.strip(b"\n"), client.ended) == (COMPLETION, True)
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.status_code, envelope.upstream_status_code) == (
        Outcome.COMPLETED,
        200,
        200,
    )
    assert envelope.usage == {"total_tokens": 3}
    assert (envelope.response_bytes, envelope.chunk_count) == (len(COMPLETION), 1)
    assert [blob.body for blob in setup.store.captures(".response")] == [COMPLETION]


async def test_a_coded_response_is_decoded() -> None:
    """The headers that the client has read name no coding. The capture holds the response as it
    came.
    """
    answering, coded = asyncio.Event(), gzip.compress(COMPLETION)
    answer = document(coded, content_encoding="gzip")
    setup = relay_setup(answering, answer, interventions=EARLY_JSON)
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(b"\n")
    answering.set()
    await asyncio.wait_for(running, DEADLINE_S)
    assert client.body.strip(b"\n") == COMPLETION
    assert [blob.body for blob in setup.store.captures(".response")] == [coded]
    assert (await setup.envelope()).outcome is Outcome.COMPLETED


async def test_an_error_of_the_upstream_is_reported_in_the_200() -> None:
    """The event has both statuses, and its outcome is that of the upstream's."""
    answering = asyncio.Event()
    refusal = b'{"error": {"code": "429", "message": "slow down"}}'
    answer = document(refusal, status=429, retry_after="7")
    setup = relay_setup(answering, answer, interventions=EARLY_JSON)
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(b"\n")
    answering.set()
    await asyncio.wait_for(running, DEADLINE_S)
    assert json.loads(client.body) == {
        "error": {"status": 429, "code": "429", "message": "slow down"}
    }
    assert client.ended
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.status_code, envelope.upstream_status_code) == (
        Outcome.UPSTREAM_ERROR,
        200,
        429,
    )
    assert [blob.body for blob in setup.store.captures(".response")] == [refusal]


async def test_a_failure_is_reported_in_the_200() -> None:
    answering = asyncio.Event()
    broken = httpx.RemoteProtocolError("x")
    setup = relay_setup(answering, broken, interventions=EARLY_JSON)
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(b"\n")
    answering.set()
    await asyncio.wait_for(running, DEADLINE_S)
    error = json.loads(client.body)["error"]
    assert (error["code"], error["status"], client.ended) == ("upstream_unreachable", 502, True)
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.upstream_status_code) == (Outcome.UPSTREAM_ERROR, None)


async def test_an_unrequested_stream_is_an_error() -> None:
    """It held its own end, but the client got nothing of it."""
    answering = asyncio.Event()
    setup = relay_setup(answering, sse(b"data: [DONE]\n\n"), interventions=EARLY_JSON)
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(b"\n")
    answering.set()
    await asyncio.wait_for(running, DEADLINE_S)
    assert json.loads(client.body)["error"]["code"] == "upstream_interrupted"
    assert (await setup.envelope()).outcome is Outcome.UPSTREAM_INTERRUPTED


async def test_a_document_that_breaks_off_is_cut_off() -> None:
    """Bytes of it are with the client: no error can follow, and no end."""
    answering = asyncio.Event()
    answer = document(COMPLETION)
    answer.stream = sse(COMPLETION[:9], httpx.RemoteProtocolError("x")).stream
    setup = relay_setup(answering, answer, interventions=EARLY_JSON)
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(b"\n")
    answering.set()
    await asyncio.wait_for(running, DEADLINE_S)
    assert (client.body.strip(b"\n"), client.ended) == (COMPLETION[:9], False)
    assert (await setup.envelope()).outcome is Outcome.UPSTREAM_INTERRUPTED


async def test_disconnect_after_white_space() -> None:
    """It ends the call."""
    setup = relay_setup(asyncio.Event(), interventions=EARLY_JSON)
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(b"\n")
    client.disconnect()
    await asyncio.wait_for(running, DEADLINE_S)
    assert setup.upstream.cancelled
    assert (await setup.envelope()).outcome is Outcome.CLIENT_DISCONNECTED


class LostClient(RelayClient):
    """A client to which nothing can be sent, which the server notices when the test says so."""

    def __init__(self, relay: RelayContext) -> None:
        super().__init__(relay, ASK)
        self.sending = asyncio.Event()
        self.noticed = asyncio.Event()

    async def _send(self, message: object) -> None:
        self.sending.set()
        await self.noticed.wait()
        raise OSError("no connection")


async def test_a_call_has_ended_before_its_exchange_is_recorded() -> None:
    """The early response cannot be sent. The call, which is cancelled, takes a while to end, and
    fails. The fixture `no_asyncio_error` looks for an exception that nobody retrieved.
    """
    order: list[str] = []

    class OrderedEnvelopes(MemoryQueue):
        async def put(self, envelope: Envelope) -> None:
            order.append("recorded")
            await super().put(envelope)

    async def upstream(_request: httpx.Request) -> httpx.Response:
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(50):
                await asyncio.sleep(0)
            order.append("ended")
            raise httpx.ReadError("the connection is closed")

    setup = relay_setup(
        transport=httpx.MockTransport(upstream),
        envelopes=OrderedEnvelopes(),
        interventions=EARLY_JSON,
    )
    client = LostClient(setup.relay)
    client.noticed.set()
    with pytest.raises(OSError, match="no connection"):
        await client.run()
    await setup.envelope()
    assert order == ["ended", "recorded"]


async def test_a_failed_call_is_no_error_of_asyncio() -> None:
    """It fails while the early response is sent, and then that fails as well."""
    answering = asyncio.Event()
    setup = relay_setup(answering, httpx.ConnectError("x"), interventions=EARLY_JSON)
    client = LostClient(setup.relay)
    running = client.start()
    await asyncio.wait_for(client.sending.wait(), DEADLINE_S)
    answering.set()
    for _ in range(50):  # steps of the event loop, in which the call fails
        await asyncio.sleep(0)
    client.noticed.set()
    with pytest.raises(OSError, match="no connection"):
        await asyncio.wait_for(running, DEADLINE_S)
    assert (await setup.envelope()).outcome is not Outcome.COMPLETED


async def test_a_passing_body_is_whole_first() -> None:
    """Embeddings are not held. A client that still writes may not read a response."""
    answering = asyncio.Event()
    setup = relay_setup(answering, document(b"{}"), interventions=EARLY_JSON)
    headers = {"content-length": "9", "content-type": "application/json"}
    client = RelayClient(setup.relay, b'{"input":', headers=headers, path=EMBEDDINGS)
    running = client.start()
    await client.until_body(b"\n")
    answering.set()
    await asyncio.wait_for(running, DEADLINE_S)
    assert client.body.strip(b"\n") == b"{}"


async def answered_late(client: RelayClient, answering: asyncio.Event) -> None:
    """The exchange, whose upstream answers after several times the 0.05 s of EARLY_JSON."""
    running = client.start()
    await asyncio.sleep(0.2)
    assert not client.messages
    answering.set()
    await asyncio.wait_for(running, DEADLINE_S)


async def test_an_unfinished_body_is_not_answered_early() -> None:
    """A client that still writes may not read a response."""
    answering = asyncio.Event()
    setup = relay_setup(answering, document(b"{}", status=429), interventions=EARLY_JSON)
    headers = {"content-length": "99", "content-type": "application/json"}
    client = RelayClient(setup.relay, b'{"input":', headers=headers, path=EMBEDDINGS)
    client.body_is_whole = False
    running = client.start()
    await asyncio.sleep(0.2)  # several times the 0.05 s of EARLY_JSON
    assert not client.messages
    client.disconnect()
    await asyncio.wait_for(running, DEADLINE_S)


@pytest.mark.parametrize(
    ("path", "content_type", "coding", "body"),
    [
        ("/openai/deployments/t/audio/speech", "application/json", "", b'{"input": "x"}'),
        ("/openai/deployments/i/images/edits", "multipart/form-data; boundary=b", "", b"--b--"),
        ("/openai/v1/files", "application/json", "", b"{}"),
        ("/openai/deployments/g/chat/completions", "application/json", "br", b"\x0b\x02coded"),
        ("/openai/deployments/g/chat/completions", "application/json", "", b'{"stream": 1}'),
    ],
    ids=["sound", "a form", "an unknown operation", "an unknown coding", "a strange stream"],
)
async def test_what_may_not_be_answered_in_json_waits(
    path: str, content_type: str, coding: str, body: bytes
) -> None:
    """Its status is the upstream's."""
    answering = asyncio.Event()
    setup = relay_setup(answering, document(b"{}", status=429), interventions=EARLY_JSON)
    headers = {"content-length": str(len(body)), "content-type": content_type}
    coded = {"content-encoding": coding} if coding else {}
    client = RelayClient(setup.relay, body, headers=headers | coded, path=path)
    await answered_late(client, answering)
    assert (client.status, client.body) == (429, b"{}")


async def test_a_response_in_time_is_the_upstreams() -> None:
    """Its status, headers and length."""
    interventions = replace(EARLY_JSON, early_json_response_after_s=DEADLINE_S)
    answer = document(b"{}", status=429, retry_after="7")
    setup = relay_setup(answer, interventions=interventions)
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert (client.status, client.headers["retry-after"], client.body) == (429, "7", b"{}")
    assert client.headers["content-length"] == "2"
