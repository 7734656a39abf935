"""The host's limit on a request body without Content-Length.

Seen on the real host: beyond the limit, the client gets an empty 500 and the app sees its client
disconnect.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, Final

from emulators.functions_host.worker_library import InvocationResult, Receive, Send

# ScriptConstants.DefaultMaxRequestBodySize (Azure/azure-functions-host).
MAX_REQUEST_BODY_BYTES: Final = 104_857_600


class LimitedBody:
    """Passes a request and its response through, until the body exceeds the limit."""

    def __init__(self, receive: Receive, send: Send, limit_bytes: int) -> None:
        self._receive = receive
        self._send = send
        self._limit_bytes = limit_bytes
        self._received_bytes = 0
        self._answering = False
        self._exceeded = False

    @property
    def failure(self) -> InvocationResult | None:
        """The invocation's failure, if the limit ended it."""
        if not self._exceeded:
            return None
        return InvocationResult(
            error=f"Request body too large. The max request body size is {self._limit_bytes} bytes."
        )

    async def receive(self) -> MutableMapping[str, Any]:
        """The request's next message; a disconnect once the body is too large."""
        if not self._exceeded:
            message = await self._receive()
            self._received_bytes += len(message.get("body", b""))
            if self._received_bytes <= self._limit_bytes:
                return message
            self._exceeded = True
            if not self._answering:
                await answer_empty(self._send, 500)
        return {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Pass on the app's response, but nothing once the body is too large: uvicorn then aborts a
        response that has started.
        """
        if not self._exceeded:
            self._answering = True
            await self._send(message)


async def answer_empty(send: Send, status: int) -> None:
    """Send a response without a body."""
    await send(
        {"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]}
    )
    await send({"type": "http.response.body", "body": b""})
