"""A streamed response that is certain to close its source."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send


class ClosingResponse(StreamingResponse):
    """Closes the source of its content in every case.

    The content cannot do that: if the client disconnects before the first byte, the generator has
    not begun, and no `finally` of it runs. If it disconnects later, it may wait for the garbage
    collector.
    """

    def __init__(
        self,
        content: AsyncIterator[bytes],
        close: Callable[[], Awaitable[object]],
        *,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
    ) -> None:
        """`close` is called once, when nothing reads from the content any more."""
        super().__init__(content, status_code, headers, media_type)
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response, and close its source."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._close()
