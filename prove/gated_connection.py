"""One connection of the app to storage, moved byte for byte through a gate.

Requests pass unchanged, because their signatures cover method, path and headers. Without pipelining
a response belongs to the request before it.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from typing import Final, Protocol

from prove.receipts import ReceiptReader
from prove.request_faults import FaultAction

_PIECE_BYTES: Final = 65_536
_FINISHES_WITHIN_S: Final = 2.0
_UNAVAILABLE: Final = (
    b"HTTP/1.1 503 Server Busy\r\nx-ms-error-code: ServerBusy\r\ncontent-length: 0\r\n"
    b"connection: close\r\n\r\n"
)


class Observer(Protocol):
    """Observes the requests and responses of a gate's connections."""

    moving: asyncio.Event  # clear: no byte of a request moves
    receipts: dict[str, str]
    acknowledged: dict[str, float]
    watched: re.Pattern[bytes] | None

    def action_for(self, data: bytes) -> FaultAction | None:
        """The action for the request that begins with `data`; None: it passes."""
        ...


async def let_finish(storage: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
    """Let storage finish what it was sent, then close. Azurite never frees the place (of 100) of an
    upload whose connection is broken while it stores it.
    """
    reader, writer = storage
    try:
        async with asyncio.timeout(_FINISHES_WITHIN_S):
            writer.write_eof()
            while await reader.read(_PIECE_BYTES):
                pass
    except (OSError, TimeoutError):
        pass
    finally:
        writer.transport.abort()


class GatedConnection:
    """Both directions of a connection."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._receipts = ReceiptReader(observer.receipts)
        self._unanswered: deque[str] = deque()  # names of watched requests without a response yet
        self._dropping = False  # the response under way must not arrive

    async def run(
        self,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        storage: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        """Move bytes until either side closes, or a fault does."""
        directions = [
            asyncio.ensure_future(self._move_requests(client[0], client[1], storage[1])),
            asyncio.ensure_future(self._move_responses(storage[0], client[1])),
        ]
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for direction in directions:
                direction.cancel()
            await asyncio.gather(*directions, return_exceptions=True)

    async def _move_requests(
        self,
        reader: asyncio.StreamReader,
        response: asyncio.StreamWriter,
        writer: asyncio.StreamWriter,
    ) -> None:
        while data := await reader.read(_PIECE_BYTES):
            await self._observer.moving.wait()
            if reader.at_eof() or reader.exception() is not None:
                return  # its client has given it up meanwhile
            match self._observer.action_for(data):
                case FaultAction.RESET:
                    return
                case FaultAction.STALL:
                    await asyncio.Event().wait()  # until the connection is cut
                case FaultAction.UNAVAILABLE:
                    response.write(_UNAVAILABLE)
                    while await reader.read(_PIECE_BYTES):
                        pass  # until the client has read the response and closes
                    return
                case FaultAction.DROP_RESPONSE:
                    self._dropping = True
            self._watch_request(data)
            writer.write(data)
            await writer.drain()

    async def _move_responses(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(_PIECE_BYTES):
            if self._dropping:
                return
            self._receipts.feed(data)
            self._watch_response(data)
            writer.write(data)
            await writer.drain()

    def _watch_request(self, data: bytes) -> None:
        watched = self._observer.watched
        if watched is not None and (match := watched.match(data)):
            self._unanswered.append(match[1].decode())

    def _watch_response(self, data: bytes) -> None:
        if self._unanswered and data.startswith(b"HTTP/1.1 "):
            name = self._unanswered.popleft()
            if data.startswith(b"HTTP/1.1 201"):
                self._observer.acknowledged.setdefault(name, time.monotonic())
