"""The request's body on its way upstream: held whole if the relay must examine it, otherwise
passed on as it arrives.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Final, NamedTuple

from starlette.types import Receive

from shared.errors import BodyTooLarge, ClientDisconnected
from shared.relay.body_memory import BodyLease

_PIECE_BYTES: Final = 64 * 1024


class IncomingBody:
    """Reads the client's body once, within a limit."""

    def __init__(self, receive: Receive, content_length: str, limit_bytes: int) -> None:
        self._receive = receive
        self._limit_bytes = limit_bytes
        # None: the header is missing, or is not a number
        self.announced_bytes = int(content_length) if content_length.isdecimal() else None

    async def pieces(self) -> AsyncIterator[bytes]:
        """Raises ClientDisconnected, or BodyTooLarge as soon as that is known."""
        self._check(self.announced_bytes or 0)
        received, more = 0, True
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

    async def read(self, on_piece: Callable[[bytes], None], lease: BodyLease) -> bytearray:
        """The whole body, grown in place: joining 100 MB at the end would stop every stream for
        60 ms, and hold them twice.

        `on_piece` is given each piece, so that what has arrived stays known if the client
        disconnects. Raises ClientDisconnected, BodyTooLarge or RequestMemoryFull.
        """
        body = bytearray()
        async for piece in self.pieces():
            lease.take(len(piece))
            on_piece(piece)
            body += piece
        return body

    def _check(self, size: int) -> None:
        if size > self._limit_bytes:
            raise BodyTooLarge(self._limit_bytes)


class HeldBody:
    """A body that has arrived: it can be sent again."""

    is_whole: Final = True
    is_repeatable: Final = True

    def __init__(self, *parts: bytes | bytearray | memoryview) -> None:
        self._parts = [memoryview(part) for part in parts]
        self.size_bytes = sum(map(len, parts))
        self._being_sent = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Parts that fit into one piece are one."""
        self._being_sent = True
        try:
            if self.size_bytes <= _PIECE_BYTES:
                yield b"".join(self._parts)
                return
            for part in self._parts:
                for start in range(0, len(part), _PIECE_BYTES):
                    yield bytes(part[start : start + _PIECE_BYTES])
        finally:
            self._being_sent = False

    def drop(self) -> bool:
        """Free the bytes: the body is not sent again. False if it is being sent."""
        if not self._being_sent:
            self._parts = []
        return not self._being_sent


class PassingBody:
    """A body that goes upstream as it arrives; each piece is noted on the way.

    `on_disconnect` is called when the client disconnects within it: a response that has begun by
    then would otherwise go on, because nobody else listens to the client before its request is
    whole. (While the upstream takes no more of the body, nobody listens at all.)
    """

    is_repeatable: Final = False

    def __init__(
        self,
        incoming: IncomingBody,
        *,
        on_piece: Callable[[bytes], None],
        on_complete: Callable[[], object],
        on_disconnect: Callable[[], None],
    ) -> None:
        self.size_bytes = incoming.announced_bytes  # None: not known before its end
        self.error: ClientDisconnected | BodyTooLarge | None = None  # why it is not passed on
        self.is_whole = False  # all of it has arrived
        self._incoming = incoming
        self._on_piece = on_piece
        self._on_complete = on_complete
        self._on_disconnect = on_disconnect

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._incoming.pieces():
                self._on_piece(piece)
                yield piece
        except (ClientDisconnected, BodyTooLarge) as error:
            self.error = error
            if isinstance(error, ClientDisconnected):
                self._on_disconnect()
            raise
        self.is_whole = True
        self._on_complete()


type Body = HeldBody | PassingBody


class RequestContent(NamedTuple):
    """The request's body or bodies for the upstream."""

    body: Body
    with_usage_request: HeldBody | None = None  # the body that asks for usage, where one may

    def drop(self) -> bool:
        """Free what is held; False if it is being sent."""
        bodies = (self.body, self.with_usage_request)
        dropped = [body.drop() for body in bodies if isinstance(body, HeldBody)]
        return all(dropped)
