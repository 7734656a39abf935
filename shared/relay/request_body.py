"""The request's body on its way upstream: held whole if the relay must examine it, otherwise
passed on as it arrives.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final, NamedTuple, Protocol

from starlette.types import Receive

from shared.core.wire.http.headers import RawHeaders, header
from shared.errors import BodyTooLarge, ClientDisconnected
from shared.relay.body_memory import BodyLease

_PIECE_BYTES: Final = 64 * 1024


def announced_bytes(headers: RawHeaders) -> int | None:
    """The size of a request's body by its Content-Length; None if that is missing, or not a
    number.
    """
    content_length = header(headers, b"content-length")
    return int(content_length) if content_length.isdecimal() else None


class BodyListener(Protocol):
    """Takes note of a body as it arrives."""

    def piece_arrived(self, piece: bytes) -> None:
        """A piece has arrived. Called before it goes on, so that it stays known if the client
        disconnects.
        """

    def body_passed_on(self) -> None:
        """All of a body that is passed on has arrived, and the last piece was taken."""

    def client_disconnected(self) -> None:
        """The client has disconnected within a body that is passed on. A response that has begun
        would otherwise go on, because nobody else listens to the client before its request is
        whole. (While the upstream takes no more of the body, nobody listens at all.)
        """


class IncomingBody:
    """The client's body, which can be read once. It is passed on as it arrives, or held first."""

    is_repeatable: Final = False

    def __init__(
        self, receive: Receive, size_bytes: int | None, limit_bytes: int, listener: BodyListener
    ) -> None:
        """`size_bytes`: as the client announces it; None: not known before the end."""
        self.size_bytes = size_bytes
        self.is_whole = False  # all of it was passed on
        self.error: ClientDisconnected | BodyTooLarge | None = None  # why it was not passed on
        self._receive = receive
        self._limit_bytes = limit_bytes
        self._listener = listener

    async def read(self, lease: BodyLease) -> bytearray:
        """The whole body, grown in place: joining 100 MB at the end would stop every stream for
        60 ms, and hold them twice.

        Raises ClientDisconnected, BodyTooLarge or RequestMemoryFull.
        """
        body = bytearray()
        async for piece in self._pieces():
            lease.take(len(piece))
            self._listener.piece_arrived(piece)
            body += piece
        return body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The body as it arrives, to be passed on. Raises ClientDisconnected or BodyTooLarge."""
        try:
            async for piece in self._pieces():
                self._listener.piece_arrived(piece)
                yield piece
        except (ClientDisconnected, BodyTooLarge) as error:
            self.error = error
            if isinstance(error, ClientDisconnected):
                self._listener.client_disconnected()
            raise
        self.is_whole = True
        self._listener.body_passed_on()

    async def _pieces(self) -> AsyncIterator[bytes]:
        """Raises ClientDisconnected, or BodyTooLarge as soon as that is known."""
        self._check(self.size_bytes or 0)
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


type Body = HeldBody | IncomingBody


class RequestContent(NamedTuple):
    """The request's body or bodies for the upstream."""

    body: Body
    with_usage_request: HeldBody | None = None  # the body that asks for usage, where one may

    def drop(self) -> bool:
        """Free what is held; False if it is being sent."""
        bodies = (self.body, self.with_usage_request)
        dropped = [body.drop() for body in bodies if isinstance(body, HeldBody)]
        return all(dropped)
