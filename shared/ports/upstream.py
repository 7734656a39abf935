"""The upstream, Azure OpenAI."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Protocol

from shared.core.wire.http.fetched_response import FetchedResponse
from shared.core.wire.http.headers import RawHeaders


class RequestBodySource(Protocol):
    """A request body."""

    @property
    def size_bytes(self) -> int | None:
        """The size; None if it is not known before the end."""
        ...

    @property
    def is_repeatable(self) -> bool:
        """Whether the body can be sent again, because all of it has arrived."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Its bytes, in pieces."""
        ...


class UpstreamResponse(Protocol):
    """A response of the upstream whose status and headers have come."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> RawHeaders:
        """The headers that may be passed on."""
        ...

    def pieces(self) -> AsyncIterator[bytes]:
        """The body as the network delivers it, without empty pieces. Raises UpstreamTimeout or
        UpstreamInterrupted.
        """
        ...

    async def aclose(self) -> None:
        """Give the connection back to the pool, or close it if the body has not ended."""
        ...


class UpstreamClient(Protocol):
    """Sends the requests of clients."""

    async def credential_headers(self) -> RawHeaders:
        """The header that authenticates the proxy; may fetch a token first. Raises
        UpstreamUnreachable.
        """
        ...

    async def send(
        self,
        method: str,
        target: bytes,
        headers: RawHeaders,
        body: RequestBodySource,
        *,
        on_attempt: Callable[[], None],
    ) -> UpstreamResponse:
        """Returns when status and headers have come; the caller closes the response. `target` is
        path and query, sent as they are. `on_attempt` is called before each attempt. Raises
        UpstreamUnreachable or UpstreamTimeout.
        """
        ...


class ResponseFetcher(Protocol):
    """Fetches responses of the proxy's own calls."""

    async def get(self, target: bytes) -> FetchedResponse:
        """The whole response to a GET of a path and query. Raises UpstreamError, also if it takes
        too long or is too large.
        """
        ...
