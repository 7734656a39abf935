"""CAPTURE_POLICY=required: nothing goes upstream, and no response ends, before its
capture is stored.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from harness.cutting import every_way
from harness.waiting import poll_until_async
from shared.core.records.exchange.outcome import Outcome
from shared.core.wire.json.json_shape import mapping
from tests.integration.support.exchanges import (
    ASK,
    CHAT,
    DEADLINE_S,
    DONE,
    STOP,
    TEXT,
    UNTOUCHED,
    MemoryQueue,
    MemoryStore,
    RelayClient,
    RelaySetup,
    document,
    relay_setup,
    sse,
)
from tests.integration.support.served_relay import serve_relay
from tests.integration.support.tiny_server import OK, Connection, serving

pytestmark = pytest.mark.anyio

AUDIO = "/openai/deployments/whisper/audio/transcriptions"


async def is_over(running: asyncio.Task[None]) -> bool:
    """Whether the exchange is over once all that can run has run."""
    for _ in range(50):
        await asyncio.sleep(0)
    return running.done()


async def wait_for_end(running: asyncio.Task[None]) -> None:
    await asyncio.wait_for(running, DEADLINE_S)


def failing_responses(setup: RelaySetup) -> None:
    """Make the store refuse every response capture from now on."""
    stored = setup.store.put

    async def put(name: str, parts: Sequence[bytes]) -> None:
        setup.store.failing = name.endswith(".response")
        await stored(name, parts)

    setup.store.put = put  # type: ignore[method-assign]


def gate_of(setup: RelaySetup) -> asyncio.Event:
    assert setup.store.gate is not None
    return setup.store.gate


@pytest.mark.parametrize("path", ["/openai/deployments/gpt-4o/chat/completions", AUDIO])
async def test_the_request_is_stored_first(path: str) -> None:
    """Nothing of it goes upstream before that."""
    setup = relay_setup(
        document(b"{}"), store=MemoryStore(gate=asyncio.Event()), capture_required=True
    )
    client = RelayClient(setup.relay, ASK, path=path)
    running = client.start()
    assert not await is_over(running)
    assert not setup.upstream.requests
    gate_of(setup).set()
    await wait_for_end(running)
    assert [body for _, body in setup.upstream.requests] == [ASK]
    assert client.body == b"{}"
    await setup.wait_until_recorded()


async def test_a_request_that_cannot_be_stored_is_rejected() -> None:
    setup = relay_setup(document(b"{}"), store=MemoryStore(failing=True), capture_required=True)
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert client.status == 503
    assert json.loads(client.body)["error"]["code"] == "capture_unavailable"
    assert not setup.upstream.requests
    assert (await setup.envelope()).outcome is Outcome.REJECTED


async def test_a_request_without_room_in_memory_is_rejected() -> None:
    setup = relay_setup(document(b"{}"), capture_required=True, capture_memory_bytes=10)
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert client.status == 503
    assert not setup.upstream.requests
    await setup.wait_until_recorded()


async def test_the_end_of_a_stream_is_held_back() -> None:
    """The client gets it when the capture is stored."""
    setup = relay_setup(sse(TEXT, STOP, DONE), capture_required=True)
    client = RelayClient(setup.relay, ASK)
    stored = setup.store.put

    async def hold_responses(name: str, parts: Sequence[bytes]) -> None:
        if name.endswith(".response"):
            await gate.wait()
        await stored(name, parts)

    gate = asyncio.Event()
    setup.store.put = hold_responses  # type: ignore[method-assign]
    running = client.start()
    await client.until_body(TEXT + STOP)
    assert not await is_over(running)
    assert client.body == TEXT + STOP, "all but [DONE] passes at once"
    gate.set()
    await wait_for_end(running)
    assert (client.body, client.ended) == (TEXT + STOP + DONE, True)
    assert [blob.body for blob in setup.store.captures(".response")] == [TEXT + STOP + DONE]
    assert (await setup.envelope()).outcome is Outcome.COMPLETED


async def test_however_the_network_cuts_the_bytes_are_the_same() -> None:
    whole = TEXT + STOP + DONE
    for pieces in every_way(whole):
        setup = relay_setup(sse(*pieces), capture_required=True)
        client = RelayClient(setup.relay, ASK)
        await client.run()
        assert (client.body, client.ended) == (whole, True)
        await setup.wait_until_recorded()


async def test_the_last_byte_of_a_document_is_held_back() -> None:
    """The client gets it when the capture is stored."""
    setup = relay_setup(document(b'{"a": 1}'), capture_required=True)
    client = RelayClient(setup.relay, ASK)
    await client.run()
    bodies = [message["body"] for message in client.messages[1:]]
    assert bodies == [b'{"a": 1', b"}", b""]
    await setup.wait_until_recorded()


@pytest.mark.parametrize("error_frames", [True, False])
async def test_an_unstored_stream_never_looks_complete(error_frames: bool) -> None:
    """Its capture could not be stored."""
    interventions = replace(UNTOUCHED, error_frames=error_frames)
    setup = relay_setup(sse(TEXT, STOP, DONE), capture_required=True, interventions=interventions)
    failing_responses(setup)
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert client.body.startswith(TEXT + STOP)
    last = client.body.removeprefix(TEXT + STOP)
    if error_frames:
        assert json.loads(last.removeprefix(b"data: "))["error"]["code"] == "capture_unavailable"
    else:
        assert last == b""
    assert client.ended is error_frames, "without a frame, the connection breaks"
    envelope = await setup.envelope()
    assert envelope.outcome is Outcome.REJECTED
    assert envelope.failure is not None
    assert envelope.failure.code == "capture_unavailable"


async def test_a_document_whose_capture_fails_breaks_off() -> None:
    setup = relay_setup(document(b'{"a": 1}'), capture_required=True)
    failing_responses(setup)
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert client.body == b'{"a": 1'
    assert not client.ended
    await setup.wait_until_recorded()


async def test_a_failing_queue_costs_the_client_nothing() -> None:
    """The captures are what counts: reconcile finds the envelope in one."""
    setup = relay_setup(
        sse(TEXT, STOP, DONE), capture_required=True, envelopes=MemoryQueue(failing=True)
    )
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert (client.body, client.ended) == (TEXT + STOP + DONE, True)
    await setup.wait_until_recorded()
    (response,) = setup.store.captures(".response")
    assert mapping(response.header["envelope"])["outcome"] == "completed"


async def test_disconnect_with_captures_required_is_recorded() -> None:
    setup = relay_setup(sse(TEXT, asyncio.Event()), capture_required=True)
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(TEXT)
    client.disconnect()
    await wait_for_end(running)
    assert (await setup.envelope()).outcome is Outcome.CLIENT_DISCONNECTED


RESPONSES = "/openai/v1/responses"
LAST = b'event: response.completed\ndata: {"type": "response.completed", "response": {"usage": {"total_tokens": 7}}}\n\n'


@pytest.mark.parametrize("cancelled", [False, True], ids=["reported", "cancelled"])
@pytest.mark.parametrize(
    ("path", "sent", "held", "outcome"),
    [
        (RESPONSES, b'data: {"type": "response.created"}\n\n', LAST, Outcome.CLIENT_DISCONNECTED),
        (RESPONSES, b'{"object": "response"', b"}", Outcome.CLIENT_DISCONNECTED),
        (CHAT, TEXT, DONE, Outcome.CLIENT_DISCONNECTED),
        # as with `best_effort`, a client that disconnects after the last choice has all of it
        (CHAT, TEXT + STOP, DONE, Outcome.COMPLETED),
    ],
    ids=["last event", "last byte", "[DONE] alone", "[DONE]"],
)
async def test_disconnect_while_the_end_is_held_back(
    path: str, sent: bytes, held: bytes, outcome: Outcome, *, cancelled: bool
) -> None:
    """The event holds the disconnect and the bytes sent; the capture holds the whole response, and
    its usage counts.
    """
    response = document(sent + held) if held == b"}" else sse(sent, held)
    store = MemoryStore(gate=asyncio.Event())
    setup = relay_setup(response, store=store, capture_required=True)
    client = RelayClient(setup.relay, ASK, path=path)
    running = client.start()
    gate_of(setup).set()
    await asyncio.wait_for(store.stored.wait(), DEADLINE_S)
    gate_of(setup).clear()
    await client.until_body(sent)
    assert not await is_over(running)
    if cancelled:
        running.cancel()
    else:
        await client.disconnect_and_be_noticed()
    await asyncio.wait({running}, timeout=DEADLINE_S)
    assert (running.done(), client.body, client.ended) == (True, sent, False)
    gate_of(setup).set()
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.sent_bytes, envelope.response_bytes) == (
        outcome,
        len(sent),
        len(sent + held),
    )
    assert envelope.usage == ({"total_tokens": 7} if held == LAST else None)
    assert [blob.body for blob in setup.store.captures(".response")] == [sent + held]
    assert envelope.response_capture is not None


async def test_disconnect_of_a_real_connection() -> None:
    """The end is held back: uvicorn reports the disconnect although nothing is sent."""

    class HoldingStore(MemoryStore):
        async def put(self, name: str, parts: Sequence[bytes]) -> None:
            if name.endswith(".response"):
                await may_store.wait()
            await super().put(name, parts)

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.say(OK)
        await connection.closed_by_client()

    may_store = asyncio.Event()
    async with (
        serving(script) as upstream,
        serve_relay(upstream, store=HoldingStore(), limits={"capture_required": True}) as relay,
    ):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", int(relay.url.rpartition(":")[2])
        )
        writer.write(f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{{}}".encode())
        assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\no"), DEADLINE_S)).startswith(
            b"HTTP/1.1 200"
        )
        writer.close()
        await writer.wait_closed()
        await poll_until_async(
            lambda: all("run_asgi" not in repr(task) for task in asyncio.all_tasks()),
            "the app's task has ended",
        )
        may_store.set()
        assert (await relay.envelope()).outcome is Outcome.CLIENT_DISCONNECTED


async def test_best_effort_does_not_wait() -> None:
    """The request goes upstream while its capture is stored."""
    setup = relay_setup(document(b"{}"), store=MemoryStore(gate=asyncio.Event()))
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert client.body == b"{}"
    gate_of(setup).set()
    await setup.wait_until_recorded()


@pytest.mark.parametrize("path", ["/openai/deployments/gpt-4o/chat/completions", AUDIO])
async def test_disconnect_while_the_request_is_stored(
    path: str,
) -> None:
    """Its capture is stored to the end, and its event says that it disconnected; nothing goes
    upstream.
    """
    setup = relay_setup(
        document(b"{}"),
        store=MemoryStore(gate=asyncio.Event()),
        capture_required=True,
        recording_wait_s=0.01,
    )
    client = RelayClient(setup.relay, ASK, path=path)
    running = client.start()
    assert not await is_over(running)
    await client.disconnect_and_be_noticed()
    await wait_for_end(running)
    gate_of(setup).set()
    envelope = await setup.envelope()
    assert (envelope.outcome, envelope.status_code) == (Outcome.CLIENT_DISCONNECTED, None)
    assert [blob.body for blob in setup.store.captures(".request")] == [ASK]
    assert envelope.request_capture is not None
    assert not setup.upstream.requests


@pytest.mark.parametrize("of_request", [True, False], ids=["request", "answer"])
async def test_a_cancelled_response_is_recorded(*, of_request: bool) -> None:
    """The Functions host cancels a response when the client disconnects, and the exchange is
    recorded in every state.
    """
    store = MemoryStore(gate=asyncio.Event())
    setup = relay_setup(
        sse(TEXT, STOP, DONE), store=store, capture_required=True, recording_wait_s=0.01
    )
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    if not of_request:
        gate_of(setup).set()
        await asyncio.wait_for(store.stored.wait(), DEADLINE_S)
        gate_of(setup).clear()
    assert not await is_over(running)
    running.cancel()
    await asyncio.wait({running}, timeout=DEADLINE_S)
    gate_of(setup).set()
    envelope = await setup.envelope()
    assert envelope.request_capture is not None
    assert envelope.outcome is (Outcome.CLIENT_DISCONNECTED if of_request else Outcome.COMPLETED)
    assert (envelope.response_capture is None) is of_request
