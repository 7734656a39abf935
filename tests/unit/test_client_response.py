"""What the proxy puts into an answer of its own: between events, never inside one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cutting import every_way
from shared.core.api_error import ApiError
from shared.core.wire.sse import decode
from shared.core.wire.usage_chunk import UsageChunkFilter
from shared.relay.client_response import KEEP_ALIVE, ClientResponse, one_line_error

pytestmark = pytest.mark.anyio
EVENTS = [b'data: {"a":1}', b"event: x\ndata: 2", b": comment\ndata: [DONE]"]
USAGE_CHUNK = b'data: {"choices":[],"usage":{"total_tokens":1}}'


class Client:
    """Takes what is sent, with a gate that a slow one keeps shut."""

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


async def begun(
    client: Client, *, is_stream: bool = True, taking_out: bool = False
) -> ClientResponse:
    answer = ClientResponse(client.send, "id")
    await answer.begin(200, [], is_stream=is_stream)
    answer.filter = UsageChunkFilter() if taking_out else None
    return answer


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("taking_out", [False, True])
async def test_a_comment_never_stands_within_an_event(line_end: bytes, taking_out: bool) -> None:
    """A comment is asked for after each piece of a stream that is cut in every way; the events stay
    what they were.
    """
    events = [*EVENTS, USAGE_CHUNK] if taking_out else EVENTS
    stream = b"".join(event.replace(b"\n", line_end) + 2 * line_end for event in events)
    for pieces in every_way(stream):
        client = Client()
        answer = await begun(client, taking_out=taking_out)
        for piece in pieces:
            await answer.piece(piece)
            await answer.comment()
        await answer.flush()
        expected = [(event.event, event.data) for event in decode(stream)][: len(EVENTS)]
        assert [(event.event, event.data) for event in decode(client.body)] == expected
        assert KEEP_ALIVE in client.body
        without = client.body.replace(KEEP_ALIVE, b"")
        assert without == b"".join(
            event.replace(b"\n", line_end) + 2 * line_end for event in EVENTS
        )


async def test_a_comment_that_falls_due_while_the_client_is_slow_keeps_out_of_the_event() -> None:
    """The piece is on its way already, although sending it has not returned."""
    client = Client()
    answer = await begun(client)
    client.reads.clear()
    sending = asyncio.create_task(answer.piece(b'data: {"a":'))
    await asyncio.sleep(0)
    await asyncio.wait_for(answer.comment(), 5)
    client.reads.set()
    await sending
    assert client.body == b'data: {"a":'


class FullClient(Client):
    """One whose connection's buffer is full while `reads` is clear: as uvicorn, waits for room
    before it writes.
    """

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if not self.reads.is_set():
            await self.reads.wait()
        self.messages.append(message)


async def test_a_comment_that_waited_for_room_goes_before_the_event_that_begins_then() -> None:
    """The piece finds room at once, since the comment, though first, has yet to wake up."""
    client = FullClient()
    answer = await begun(client)
    client.reads.clear()
    commenting = asyncio.create_task(answer.comment())
    await asyncio.sleep(0)
    client.reads.set()
    await asyncio.wait_for(answer.piece(b'data: {"a":'), 5)
    await asyncio.wait_for(commenting, 5)
    assert client.body == KEEP_ALIVE + b'data: {"a":'


async def test_a_comment_does_not_overtake_the_rest_of_an_event_that_waits_for_room() -> None:
    """The rest is known to end the event, but has not been written."""
    client = FullClient()
    answer = await begun(client)
    await answer.piece(b'data: {"a":')
    client.reads.clear()
    sending = asyncio.create_task(answer.piece(b"1}\n\n"))
    await asyncio.sleep(0)
    client.reads.set()
    await asyncio.wait_for(answer.comment(), 5)
    await asyncio.wait_for(sending, 5)
    assert client.body == b'data: {"a":1}\n\n'


async def test_a_client_that_leaves_ends_comment_and_piece_that_wait_for_room() -> None:
    """Both are cancelled, and neither by the other's fault."""
    client = FullClient()
    answer = await begun(client)
    client.reads.clear()
    commenting = asyncio.create_task(answer.comment())
    await asyncio.sleep(0)
    sending = asyncio.create_task(answer.piece(b"data: 1\n\n"))
    await asyncio.sleep(0)
    sending.cancel()
    commenting.cancel()
    results = await asyncio.gather(sending, commenting, return_exceptions=True)
    assert [type(result) for result in results] == [asyncio.CancelledError] * 2
    assert client.body == b""


async def test_no_comment_into_what_is_no_readable_stream() -> None:
    """A document, and a stream with a content coding."""
    client = Client()
    answer = await begun(client, is_stream=False)
    await answer.comment()
    assert client.body == b""


async def test_an_early_answer_is_a_stream_with_a_comment() -> None:
    """200, SSE, the exchange's id, and a first sign of life at once."""
    client = Client()
    answer = ClientResponse(client.send, "the-id")
    await answer.begin_early()
    assert client.messages[0]["status"] == 200
    assert dict(client.messages[0]["headers"]) == {
        b"content-type": b"text/event-stream",
        b"cache-control": b"no-cache",
        b"x-exchange-id": b"the-id",
    }
    assert (client.body, answer.begun, answer.is_stream) == (KEEP_ALIVE, True, True)


async def test_an_error_frame_follows_whole_events_only() -> None:
    """Within an event there is no telling: the half of it would become a whole one."""
    client = Client()
    answer = await begun(client)
    await answer.piece(b"data: 1\n\ndata: 2")
    await answer.error_frame(b"{}")
    assert (client.body, answer.told) == (b"data: 1\n\ndata: 2", False)
    await answer.piece(b"\n\n")
    await answer.error_frame(b'{"error":{}}')
    assert (client.body, answer.told) == (b'data: 1\n\ndata: 2\n\ndata: {"error":{}}\n\n', True)


async def test_half_an_event_that_waits_for_the_filter_gives_way_to_the_error() -> None:
    """The client could do nothing with it."""
    client = Client()
    answer = await begun(client, taking_out=True)
    await answer.piece(b"data: 1\n\ndata: 2")
    await answer.error_frame(b'{"error":{}}')
    assert client.body == b'data: 1\n\ndata: {"error":{}}\n\n'


async def test_an_error_document_is_the_whole_answer() -> None:
    """In Azure's shape, with its length, the exchange's id and the body's end."""
    client = Client()
    answer = ClientResponse(client.send, "the-id")
    await answer.error_document(ApiError(status=504, code="upstream_timeout", message="too long"))
    headers = dict(client.messages[0]["headers"])
    assert client.messages[0]["status"] == 504
    assert (headers[b"content-length"], headers[b"x-exchange-id"]) == (
        str(len(client.body)).encode(),
        b"the-id",
    )
    assert json.loads(client.body)["error"]["code"] == "upstream_timeout"
    assert [message.get("more_body") for message in client.messages] == [None, False]


@pytest.mark.parametrize(
    "error",
    [
        {"error": {"code": "429", "message": "Slow\ndown \u2028\u00e9"}},
        {"error": "no"},
        {"error": {}, "more": [1]},
    ],
    ids=str,
)
def test_an_error_body_becomes_one_line(error: object) -> None:
    """What the upstream said, with whatever white space it had."""
    for indent in (None, 2):
        line = one_line_error(json.dumps(error, indent=indent, ensure_ascii=False).encode())
        assert json.loads(line) == error
        assert b"\n" not in line


@given(st.binary(max_size=3000))
def test_any_error_body_becomes_an_error_of_one_line(body: bytes) -> None:
    """HTML, nothing at all, bytes that are no text: all of them raise in an SDK."""
    line = one_line_error(body)
    assert json.loads(line)["error"] is not None
    assert b"\n" not in line
    assert b"\r" not in line


@pytest.mark.parametrize(
    "body", [b"<html>Bad gateway</html>", b'{"message":"no access"}', b"", b'{"error":null}']
)
def test_another_body_is_quoted(body: bytes) -> None:
    """Gateways have shapes of their own."""
    error = json.loads(one_line_error(body))["error"]
    assert (error["code"], error["message"]) == ("upstream_error", body.decode())
