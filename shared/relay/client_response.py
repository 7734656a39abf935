"""The response to the client as ASGI messages: carries out what an exchange decided to send."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from starlette.types import Send

from shared.core.api_errors import ApiError
from shared.core.exchange.actions import (
    EndBody,
    SendBody,
    SendComment,
    SendErrorDocument,
    SendErrorFrame,
    SendErrorObject,
    SendHeaders,
    Sending,
    SendWhiteSpace,
)
from shared.core.wire.http.headers import EXCHANGE_ID_HEADER, RawHeaders
from shared.http.error_response import ErrorResponse

# Without a blank line after it: some SDKs take one for the end of an event, even if no event has
# begun, and fail on its empty data (openai-python once an event had an `id`, openai-go).
KEEP_ALIVE: Final = b": keep-alive\n"
# A JSON document may begin with it (RFC 8259, 2).
WHITE_SPACE: Final = b"\n"


class ClientResponse:
    """The response to a client. Pieces, comments and error frames take turns, however slow the
    client is.
    """

    def __init__(
        self,
        send: Send,
        exchange_id: str,
        *,
        error_frame: Callable[[bytes], bytes],
        on_keep_alive: Callable[[], None],
    ) -> None:
        """`error_frame`: makes an event of the stream of an error's JSON. `on_keep_alive`: called
        after a comment, or white space, that bridges a silence.
        """
        self.error_sent = False  # an error is the last thing that it gets in the response's body
        self._send = send
        self._exchange_id = exchange_id
        self._error_frame = error_frame
        self._on_keep_alive = on_keep_alive
        # held by a piece or a comment while a slow client keeps it waiting
        self._send_lock = asyncio.Lock()
        self._cut_off = False  # sending a piece was cancelled: the body has a hole there

    async def carry_out(self, action: Sending) -> None:
        """Send what the action says."""
        match action:
            case SendHeaders():
                await self._start(action.status, action.headers)
            case SendBody():
                await self.send_body(action.data)
            case SendComment():
                await self._send_keep_alive(KEEP_ALIVE)
            case SendWhiteSpace():
                await self._send_keep_alive(WHITE_SPACE)
            case SendErrorDocument():
                await self._send_error_document(action.error)
            case SendErrorFrame():
                await self._send_late_error(self._error_frame(action.error))
            case SendErrorObject():
                await self._send_late_error(action.error)
            case EndBody():
                await self._end_body()

    async def send_body(self, data: bytes) -> None:
        """Send a piece of the body. Called for every piece of every stream."""
        # a comment that still waits must not find itself within this piece's event
        async with self._send_lock:
            try:
                await self._send({"type": "http.response.body", "body": data, "more_body": True})
            except BaseException:
                self._cut_off = True
                raise

    async def _start(self, status: int, headers: RawHeaders) -> None:
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def _send_keep_alive(self, data: bytes) -> None:
        """Send it unless a piece waits for the client: a comment would come within its event."""
        if not self._send_lock.locked():
            async with self._send_lock:
                await self._send({"type": "http.response.body", "body": data, "more_body": True})
            self._on_keep_alive()

    async def _send_late_error(self, error: bytes) -> None:
        """Send it unless a piece was cut off on its way: the error would be read as its rest."""
        if not self._cut_off:
            await self.send_body(error)
            self.error_sent = True  # not before: a body without the error must not look whole

    async def _send_error_document(self, error: ApiError) -> None:
        response = ErrorResponse(error, {EXCHANGE_ID_HEADER: self._exchange_id})
        await self._start(response.status_code, response.raw_headers)
        body = bytes(response.body)
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def _end_body(self) -> None:
        """End the body unless a piece was cut off on its way: it must not look whole."""
        if not self._cut_off:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
