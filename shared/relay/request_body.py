"""The request's body on its way up: held whole where the relay must look at it, otherwise passed on
as it comes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Final

from starlette.types import Receive

from shared.errors import BodyTooLarge, ClientDisconnected

_PIECE_BYTES: Final = 64 * 1024
# with its headers less than what aiohttp writes without waiting for the socket
_SHORT_BYTES: Final = 32 * 1024


class IncomingBody:
    """Reads the client's body once, within a limit."""

    def __init__(self, receive: Receive, announced: str, limit_bytes: int) -> None:
        self._receive = receive
        self._limit_bytes = limit_bytes
        # its Content-Length
        self.announced_bytes = int(announced) if announced.isdecimal() else None

    async def pieces(self) -> AsyncIterator[bytes]:
        """Raises ClientDisconnected, or BodyTooLarge as soon as that is known."""
        received, more = self.announced_bytes or 0, True
        self._check(received)
        received = 0
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnected
            piece: bytes = message.get("body", b"")
            received += len(piece)
            self._check(received)
            more = message.get("more_body", False)
            if piece:
                yield piece

    async def whole(self, note: Callable[[bytes], None]) -> bytearray:
        """All of it, grown in place: joined at its end, 100 MB would stop every stream for 60 ms,
        and be held twice.

        `note` is given each piece, so that what came stays known where the client leaves.
        """
        body = bytearray()
        async for piece in self.pieces():
            note(piece)
            body += piece
        return body

    def _check(self, size: int) -> None:
        if size > self._limit_bytes:
            raise BodyTooLarge(self._limit_bytes)


class HeldBody:
    """A body that is there: it can be sent again. In pieces, so that a stalled write is noticed at
    each of them.
    """

    def __init__(self, *parts: bytes | bytearray | memoryview) -> None:
        self._parts = [memoryview(part) for part in parts]
        self.size_bytes: int | None = sum(map(len, parts))

    def in_one_piece(self) -> bytes | None:
        """All of it; None where it is too long for that."""
        return b"".join(self._parts) if (self.size_bytes or 0) <= _SHORT_BYTES else None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            for start in range(0, len(part), _PIECE_BYTES):
                yield bytes(part[start : start + _PIECE_BYTES])


class PassingBody:
    """A body that goes up as it comes; each piece is noted on the way.

    `left` is called when the client leaves within it: an answer that has begun by then would
    otherwise go on, because nobody else listens to the client before its request is whole. (While
    the upstream takes no more of the body, nobody does at all.)
    """

    def __init__(
        self,
        incoming: IncomingBody,
        *,
        note: Callable[[bytes], None],
        whole: Callable[[], object],
        left: Callable[[], None],
    ) -> None:
        self.size_bytes = incoming.announced_bytes
        self.problem: ClientDisconnected | BodyTooLarge | None = (
            None  # why it could not be passed on
        )
        self._incoming = incoming
        self._note = note
        self._whole = whole
        self._left = left

    def in_one_piece(self) -> bytes | None:
        """Nobody knows it yet."""
        return None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._incoming.pieces():
                self._note(piece)
                yield piece
        except (ClientDisconnected, BodyTooLarge) as problem:
            self.problem = problem
            if isinstance(problem, ClientDisconnected):
                self._left()
            raise
        self._whole()


type Body = HeldBody | PassingBody
