"""Many streams at once."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import Final

import aiohttp

from harness import envelope_queue, upstream_record
from harness.chat import Chat, content_of
from harness.event_log import EventLog
from local.stack import Stack

STREAMS: Final = 100


@dataclass(frozen=True, kw_only=True)
class StreamObservation:
    """The stream that one client got."""

    exchange_id: str
    body: bytes


async def read_one(session: aiohttp.ClientSession, chat: Chat) -> StreamObservation:
    """StreamObservation one stream to its end. aiohttp raises if the end is missing."""
    async with session.post(chat.target, data=chat.body, headers=chat.all_headers) as response:
        assert response.status == 200
        return StreamObservation(
            exchange_id=response.headers["x-exchange-id"], body=await response.read()
        )


async def read_all(stack: Stack, chats: list[Chat]) -> list[StreamObservation]:
    """All streams side by side."""
    connector, timeout = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(
        stack.proxy_url, connector=connector, timeout=timeout
    ) as session:
        return await asyncio.gather(*(read_one(session, chat) for chat in chats))


def test_a_hundred_streams_at_once(stack: Stack, events: EventLog) -> None:
    """All of them complete, byte for byte, and each has exactly one event with its own content."""
    chats = [
        Chat(stream=True, directives="chunk_ms=20; chunks=30", prompt=f"question {number}")
        for number in range(STREAMS)
    ]
    reads = asyncio.run(read_all(stack, chats))
    assert len({read.exchange_id for read in reads}) == STREAMS
    for chat, read in zip(chats, reads, strict=True):
        upstream_request = upstream_record.only_request(stack, deployment=chat.deployment)
        assert (
            hashlib.sha256(read.body).digest()
            == hashlib.sha256(upstream_request.response_body).digest()
        )
    events.all_of([read.exchange_id for read in reads])
    envelope_queue.wait_until_empty(stack)
    arrived = {
        event["exchange_id"]: event for event in events.all_of([read.exchange_id for read in reads])
    }
    counts = Counter(
        {read.exchange_id: events.count(exchange_id=read.exchange_id) for read in reads}
    )
    assert set(counts.values()) == {1}
    for chat, read in zip(chats, reads, strict=True):
        event = arrived[read.exchange_id]
        assert (event["outcome"], event["deployment"], event["prompt"]) == (
            "completed",
            chat.deployment,
            chat.messages,
        )
        assert event["content"] == content_of(read.body)
