"""The proxy's own additions to a response stand between events, never inside one."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import MutableMapping
from typing import Any

import pytest

from harness.cutting import every_way
from shared.core import api_errors
from shared.core.api_errors import ApiError
from shared.core.exchange.actions import (
    Abort,
    Actions,
    CancelUpstream,
    Drain,
    EndBody,
    SendErrorDocument,
    StartKeepAlive,
)
from shared.core.exchange.early_response import EarlyResponse
from shared.core.exchange.late_error import error_frame
from shared.core.exchange.machine import ExchangeMachine
from shared.core.exchange.rules import ExchangeRules
from shared.core.wire.stream.sse import decode
from shared.errors import UpstreamInterrupted
from shared.relay.client_response import KEEP_ALIVE, WHITE_SPACE, ClientResponse

pytestmark = pytest.mark.anyio
EVENTS = [b'data: {"a":1}', b"event: x\ndata: 2", b": comment\ndata: [DONE]"]
RULES = ExchangeRules(
    error_frames=True, keep_alive=False, drain=False, drain_bytes=0, capture_required=False
)
USAGE_CHUNK = b'data: {"choices":[],"usage":{"total_tokens":1}}'


class GatedClient:
    """Takes what is sent; with `reads` cleared it is a client that reads nothing."""

    def __init__(self) -> None:
        self.messages: list[MutableMapping[str, Any]] = []
        self.reads = asyncio.Event()
        self.reads.set()

    async def send(self, message: MutableMapping[str, Any]) -> None:
        # as uvicorn: first into the connection's buffer, then wait until it drains
        self.messages.append(message)
        await self.reads.wait()

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)


class RelayedResponse:
    """A response whose exchange decides what is sent, as the relay puts them together."""

    def __init__(self, client: GatedClient) -> None:
        self.machine = ExchangeMachine("the-id", RULES)
        self.response = ClientResponse(
            client.send,
            "the-id",
            error_frame=functools.partial(error_frame, sequence_number=None),
            on_keep_alive=lambda: None,
        )
        self.machine.request_ready()

    async def piece(self, piece: bytes) -> None:
        if data := self.machine.piece(piece):
            await self.response.send_body(data)

    async def comment(self) -> None:
        await self.carry_out(self.machine.keep_alive_due())

    async def fail(self, message: str = "broken") -> None:
        """The upstream breaks."""
        error = UpstreamInterrupted(message)
        await self.carry_out(self.machine.upstream_failed(error, end_received=False))

    async def carry_out(self, actions: Actions) -> None:
        for action in actions:
            assert not isinstance(action, Drain | CancelUpstream | Abort | StartKeepAlive)
            await self.response.carry_out(action)


async def start(
    client: GatedClient, *, is_stream: bool = True, taking_out: bool = False
) -> RelayedResponse:
    relayed = RelayedResponse(client)
    headers = [(b"content-type", b"text/event-stream" if is_stream else b"application/json")]
    await relayed.carry_out(
        relayed.machine.upstream_answered(
            200, headers, is_stream=is_stream, usage_requested=taking_out
        )
    )
    return relayed


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("taking_out", [False, True])
async def test_a_comment_never_stands_within_an_event(line_end: bytes, taking_out: bool) -> None:
    """After each piece of a stream that is cut in every way, a comment is due; the events stay the
    same.
    """
    events = [*EVENTS, USAGE_CHUNK] if taking_out else EVENTS
    stream = b"".join(event.replace(b"\n", line_end) + 2 * line_end for event in events)
    for pieces in every_way(stream):
        client = GatedClient()
        relayed = await start(client, taking_out=taking_out)
        for piece in pieces:
            await relayed.piece(piece)
            await relayed.comment()
        await relayed.carry_out(relayed.machine.upstream_ended(cut_short=False))
        expected = [(event.event, event.data) for event in decode(stream)][: len(EVENTS)]
        assert [(event.event, event.data) for event in decode(client.body)] == expected
        assert KEEP_ALIVE in client.body
        without = client.body.replace(KEEP_ALIVE, b"")
        assert without == b"".join(
            event.replace(b"\n", line_end) + 2 * line_end for event in EVENTS
        )


async def test_no_comment_into_a_piece_that_is_being_sent() -> None:
    """The piece is on its way already, although sending it has not returned."""
    client = GatedClient()
    relayed = await start(client)
    client.reads.clear()
    sending = asyncio.create_task(relayed.piece(b'data: {"a":'))
    await asyncio.sleep(0)
    await asyncio.wait_for(relayed.comment(), 5)
    client.reads.set()
    await sending
    assert client.body == b'data: {"a":'


class FullClient(GatedClient):
    """One whose connection's buffer is full while `reads` is clear: as uvicorn, waits for room
    before it writes.
    """

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if not self.reads.is_set():
            await self.reads.wait()
        self.messages.append(message)


async def test_a_waiting_comment_precedes_the_next_event() -> None:
    """The piece finds room at once, since the comment, though first, has yet to wake up."""
    client = FullClient()
    relayed = await start(client)
    client.reads.clear()
    commenting = asyncio.create_task(relayed.comment())
    await asyncio.sleep(0)
    client.reads.set()
    await asyncio.wait_for(relayed.piece(b'data: {"a":'), 5)
    await asyncio.wait_for(commenting, 5)
    assert client.body == KEEP_ALIVE + b'data: {"a":'


async def test_no_comment_overtakes_a_waiting_piece() -> None:
    """The rest is known to end the event, but has not been written."""
    client = FullClient()
    relayed = await start(client)
    await relayed.piece(b'data: {"a":')
    client.reads.clear()
    sending = asyncio.create_task(relayed.piece(b"1}\n\n"))
    await asyncio.sleep(0)
    client.reads.set()
    await asyncio.wait_for(relayed.comment(), 5)
    await asyncio.wait_for(sending, 5)
    assert client.body == b'data: {"a":1}\n\n'


async def test_waiting_comment_and_piece_can_be_cancelled() -> None:
    """Both are cancelled, and neither by the other's fault."""
    client = FullClient()
    relayed = await start(client)
    client.reads.clear()
    commenting = asyncio.create_task(relayed.comment())
    await asyncio.sleep(0)
    sending = asyncio.create_task(relayed.piece(b"data: 1\n\n"))
    await asyncio.sleep(0)
    sending.cancel()
    commenting.cancel()
    results = await asyncio.gather(sending, commenting, return_exceptions=True)
    assert [type(result) for result in results] == [asyncio.CancelledError] * 2
    assert client.body == b""


async def test_no_comment_into_a_document() -> None:
    """A document, and a stream with a content coding."""
    client = GatedClient()
    relayed = await start(client, is_stream=False)
    await relayed.comment()
    assert client.body == b""


async def test_an_early_response_is_a_stream_with_a_comment() -> None:
    """200, SSE, the exchange's id, and a first sign of life at once."""
    client = GatedClient()
    relayed = RelayedResponse(client)
    await relayed.carry_out(relayed.machine.early_response_due(EarlyResponse.STREAM))
    assert client.messages[0]["status"] == 200
    assert dict(client.messages[0]["headers"]) == {
        b"content-type": b"text/event-stream",
        b"cache-control": b"no-cache",
        b"x-exchange-id": b"the-id",
    }
    assert (client.body, relayed.machine.answered_status) == (KEEP_ALIVE, 200)
    await relayed.comment()
    assert client.body == KEEP_ALIVE * 2


async def test_an_early_document_is_json_after_white_space() -> None:
    """White space until its first byte, and none after it."""
    client = GatedClient()
    relayed = RelayedResponse(client)
    await relayed.carry_out(relayed.machine.early_response_due(EarlyResponse.DOCUMENT))
    await relayed.comment()
    assert dict(client.messages[0]["headers"])[b"content-type"] == b"application/json"
    assert client.body == WHITE_SPACE * 2
    assert json.loads(client.body + b"{}") == {}
    json_type = [(b"content-type", b"application/json")]
    await relayed.carry_out(
        relayed.machine.upstream_answered(200, json_type, is_stream=False, usage_requested=False)
    )
    await relayed.piece(b"{")
    await relayed.comment()
    assert client.body == WHITE_SPACE * 2 + b"{"


@pytest.mark.parametrize("rest", [b"", b"\n\n"], ids=["within an event", "after it"])
async def test_an_error_frame_follows_whole_events_only(rest: bytes) -> None:
    """Within an event nothing can be reported: the half of it would become a whole one."""
    client = GatedClient()
    relayed = await start(client)
    await relayed.piece(b"data: 1\n\ndata: 2")
    await relayed.piece(rest)
    await relayed.fail()
    data = b"data: 1\n\ndata: 2" + rest
    frame = b"data: " + api_errors.upstream_interrupted("broken").body() + b"\n\n"
    assert client.body == (data + frame if rest else data)
    assert relayed.response.error_sent is bool(rest)


async def test_half_a_filtered_event_is_dropped_for_the_error() -> None:
    """The client could do nothing with it."""
    client = GatedClient()
    relayed = await start(client, taking_out=True)
    await relayed.piece(b"data: 1\n\ndata: 2")
    await relayed.fail()
    assert client.body.startswith(b'data: 1\n\ndata: {"error":')


async def test_after_a_piece_that_was_cut_off_nothing_is_sent() -> None:
    """The client did not get the end of an event: a frame would be read as its rest, and the body
    must not look whole.
    """
    client = FullClient()
    relayed = await start(client)
    await relayed.piece(b'data: {"a":')
    client.reads.clear()
    sending = asyncio.create_task(relayed.piece(b"1}\n\n"))
    await asyncio.sleep(0)
    sending.cancel()
    await asyncio.wait({sending})
    client.reads.set()
    await relayed.fail()
    await relayed.response.carry_out(EndBody())
    assert (client.body, relayed.response.error_sent) == (b'data: {"a":', False)
    assert client.messages[-1]["more_body"]


async def test_an_error_document_is_the_whole_response() -> None:
    """It has Azure's shape, its length, the exchange's id and the body's end."""
    client = GatedClient()
    relayed = RelayedResponse(client)
    await relayed.response.carry_out(
        SendErrorDocument(ApiError(status=504, code="upstream_timeout", message="too long"))
    )
    headers = dict(client.messages[0]["headers"])
    assert client.messages[0]["status"] == 504
    assert (headers[b"content-length"], headers[b"x-exchange-id"]) == (
        str(len(client.body)).encode(),
        b"the-id",
    )
    assert json.loads(client.body)["error"]["code"] == "upstream_timeout"
    assert [message.get("more_body") for message in client.messages] == [None, False]
