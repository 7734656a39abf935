"""The response to the client: status, headers, pieces, and the few things that the proxy may put in
of its own.

Comments and error frames go between SSE events, never inside one, and neither is part of the
capture.
"""

from __future__ import annotations

import asyncio
import json
from typing import Final

from starlette.types import Send

from shared.concurrency.cooperative import run_cooperatively
from shared.core.api_error import ApiError
from shared.core.wire.headers import RawHeaders
from shared.core.wire.held_end import HeldEnd
from shared.core.wire.sse import EVENT_STREAM
from shared.core.wire.stream_end import ends_event
from shared.core.wire.usage_chunk import SLICE_BYTES, UsageChunkFilter

KEEP_ALIVE: Final = b": keep-alive\n\n"
_JSON: Final = (b"content-type", b"application/json")
_SSE: Final = (b"content-type", EVENT_STREAM.encode())


class ClientResponse:
    """One response. `begun` says that its status line has left; after that only a stream can still
    be told anything.
    """

    def __init__(self, send: Send, exchange_id: str, *, holds_end: bool = False) -> None:
        self.begun = False
        self.chunked = False  # no Content-Length tells the client where its end is
        self.is_stream = False  # SSE without a content coding: comments and frames may be put in
        self.told = False  # an error frame is the last thing that the client gets
        self.filter: UsageChunkFilter | None = None
        self._end: HeldEnd | None = HeldEnd() if holds_end else None
        # held by a piece or a comment while a slow client keeps it waiting
        self._turn = asyncio.Lock()
        self._send = send
        self._exchange_id = exchange_id
        # the last bytes sent, as many as an event can end with (LONGEST_EVENT_END)
        self._ending = b"\n\n"

    async def begin(self, status: int, headers: RawHeaders, *, is_stream: bool) -> None:
        """Status line and headers."""
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        self.begun = True
        self.chunked = all(name != b"content-length" for name, _ in headers)
        self.is_stream = is_stream

    async def begin_early(self) -> None:
        """200 and a first comment for a stream whose upstream has not answered yet."""
        identity = (b"x-exchange-id", self._exchange_id.encode())
        await self.begin(200, [_SSE, (b"cache-control", b"no-cache"), identity], is_stream=True)
        await self.comment()

    async def piece(self, piece: bytes) -> None:
        """A piece of the upstream's body."""
        if self.filter is not None:
            # more than a chunk: what came while the loop or the client was slow
            long = len(piece) > SLICE_BYTES
            piece = (
                await run_cooperatively(self.filter.feed_steps(piece))
                if long
                else self.filter.feed(piece)
            )
        if self._end is not None:
            piece = self._end.feed(piece, is_stream=self.is_stream)
        if not piece:
            return
        # Before it is sent: a comment may become due while a slow client keeps this piece waiting.
        self._ending = piece[-4:] if len(piece) >= 4 else (self._ending + piece)[-4:]
        # a comment that still waits must not find itself within this piece's event
        async with self._turn:
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    async def flush(self) -> None:
        """What the filter still holds."""
        rest = self.filter.flush() if self.filter is not None else b""
        if rest:
            self.filter = None
            await self.piece(rest)

    async def comment(self) -> None:
        """A comment, unless an event is under way. SSE parsers ignore it; load balancers see a
        living connection.
        """
        if not self.is_stream or not self._between_events or self._turn.locked():
            return
        async with self._turn:
            await self._send({"type": "http.response.body", "body": KEEP_ALIVE, "more_body": True})

    async def error_document(self, error: ApiError) -> None:
        """The whole answer is this error."""
        body = error.body()
        length, identity = str(len(body)).encode(), self._exchange_id.encode()
        headers = [_JSON, (b"content-length", length), (b"x-exchange-id", identity)]
        await self.begin(error.status, headers, is_stream=False)
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def error_frame(self, error: bytes) -> None:
        """`data: {"error": …}`: what an OpenAI SDK raises as an error in the midst of a stream.
        `error` is JSON.

        Within an event there is no telling: ended there, it would be read as a whole one, and fail
        in the SDK's JSON parser. The connection's end without the body's end, which SDKs raise as a
        connection error, says it better.
        """
        if self.is_stream and self._between_events:
            await self._send(
                {
                    "type": "http.response.body",
                    "body": b"data: " + error + b"\n\n",
                    "more_body": True,
                }
            )
            self.told = True  # not before: a body without the frame must not look whole

    @property
    def held_bytes(self) -> int:
        """How much of the answer is held until its capture is stored."""
        return len(self._end.held) if self._end is not None else 0

    async def release_end(self) -> None:
        """Send what was held until the answer's capture was stored."""
        held, self._end = (self._end.held if self._end is not None else b""), None
        if held:
            await self.piece(held)

    async def end(self) -> None:
        """The end of a chunked body."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    @property
    def _between_events(self) -> bool:
        return ends_event(self._ending)


def one_line_error(body: bytes) -> bytes:
    """An upstream's error body as JSON of one line, in the shape `{"error": …}`."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("error"), (dict, str)):
        text = body[:2048].decode("utf-8", "replace")
        document = {"error": {"code": "upstream_error", "message": text, "type": "upstream_error"}}
    return json.dumps(document, separators=(",", ":")).encode()
