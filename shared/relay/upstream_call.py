"""The call of the upstream on behalf of an exchange.

If the proxy may ask for usage, the request carries that addition (`stream_options`). An upstream
that rejects the addition is called once more, with the request as it came.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Final

from shared.core.wire.http import body_start, forwarding
from shared.core.wire.http.content_coding import MAX_SMALL_BYTES, ContentDecoder
from shared.core.wire.http.headers import (
    event_stream_announced,
    header,
    is_readable,
    names_event_stream,
)
from shared.core.wire.request import usage_request
from shared.errors import ExchangeStateError, UpstreamError
from shared.ports.upstream import UpstreamClient, UpstreamResponse
from shared.relay.exchange_observation import ExchangeObservation
from shared.relay.request_body import Body, RequestContent

_EXAMINED_BYTES: Final = 64 * 1024  # of an error body that may be about the addition
REMEMBER_S: Final = 3600.0  # a deployment may be upgraded
MAX_DEPLOYMENTS: Final = 1000  # a caller can invent them


class StreamOptionsSupport:
    """Remembers for a limited time which deployments reject `stream_options`."""

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        remember_s: float = REMEMBER_S,
        max_deployments: int = MAX_DEPLOYMENTS,
    ) -> None:
        self._clock = clock
        self._remember_s = remember_s
        self._max_deployments = max_deployments
        self.unsupported_until: dict[tuple[str | None, str | None], float] = {}

    def mark_unsupported(self, observation: ExchangeObservation) -> None:
        """Remember that this exchange's deployment rejects them."""
        if len(self.unsupported_until) >= self._max_deployments:
            self.unsupported_until.clear()
        self.unsupported_until[_deployment(observation)] = self._clock() + self._remember_s

    def may_be_sent(self, observation: ExchangeObservation) -> bool:
        """Whether this exchange's deployment is not known to reject them."""
        return self.unsupported_until.get(_deployment(observation), 0.0) <= self._clock()


class UpstreamCall:
    """The upstream's response to one exchange: `open` it, iterate over its `pieces`, close it."""

    def __init__(
        self,
        client: UpstreamClient,
        stream_options: StreamOptionsSupport,
        observation: ExchangeObservation,
        target: bytes,
    ) -> None:
        self._client = client
        self._stream_options = stream_options
        self._observation = observation
        self._target = target
        self._response: UpstreamResponse | None = None
        self._first_pieces: list[bytes] = []  # the pieces of the body that are read already
        self._rest: AsyncIterator[bytes] | None = None  # the pieces after them

    async def open(self, content: RequestContent) -> UpstreamResponse:
        """Returns when status and headers have come. Raises UpstreamError."""
        if content.with_usage_request is None or not self._stream_options.may_be_sent(
            self._observation
        ):
            return await self._send(content.body)
        response = await self._send(content.with_usage_request)
        if response.status < 400 or not await self._rejects_stream_options(response):
            self._observation.request.usage_requested = True
            return response
        await response.aclose()
        self._first_pieces, self._rest = [], None
        response = await self._send(content.body)
        # otherwise it may have been something of the caller's own that was rejected
        if response.status < 300:
            self._stream_options.mark_unsupported(self._observation)
        return response

    async def is_event_stream(self, response: UpstreamResponse) -> bool:
        """Whether the response is a stream of events. If its content type does not say so, but the
        request asks for a stream, its first bytes decide.
        """
        headers = response.headers
        announced = event_stream_announced(headers)
        may_be = self._observation.request.stream_requested and response.status < 300
        if not announced and may_be and is_readable(headers):
            return await self._begins_stream(response)
        return names_event_stream(headers) if announced is None else announced

    def pieces(self) -> AsyncIterator[bytes]:
        """The response's body. Raises UpstreamError."""
        if self._response is None:
            raise ExchangeStateError("the pieces of a call that is not open")
        # As direct as can be: each generator in between costs every piece of every stream.
        if self._rest is None:
            return self._response.pieces()
        return self._examined_and(self._rest)

    async def aclose(self) -> None:
        """Give the connection back to the pool, or close it if the body has not ended."""
        if self._response is not None:
            await self._response.aclose()

    async def _examined_and(self, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        for piece in self._first_pieces:
            yield piece
        async for piece in rest:
            yield piece

    async def _send(self, body: Body) -> UpstreamResponse:
        observation = self._observation
        credential = await self._client.credential_headers()
        headers = forwarding.request_headers(
            observation.start.headers,
            credential,
            uncoded=bool(observation.request.stream_requested),
        )
        self._response = await self._client.send(
            observation.start.method,
            self._target,
            headers,
            body,
            on_attempt=observation.request.count_attempt,
        )
        return self._response

    async def _rejects_stream_options(self, response: UpstreamResponse) -> bool:
        try:
            while sum(map(len, self._first_pieces)) < _EXAMINED_BYTES and await self._examine(
                response
            ):
                pass
        except UpstreamError as error:  # the status has come, and counts
            self._rest = _failing(error)
        coding = header(response.headers, b"content-encoding")
        decoder = ContentDecoder(coding, MAX_SMALL_BYTES)
        error_body = b"".join(decoder.decode(self._first_pieces))
        return usage_request.rejects_stream_options(response.status, error_body)

    async def _begins_stream(self, response: UpstreamResponse) -> bool:
        """Whether the first bytes of the body, as many as it takes, begin a stream of events."""
        try:
            while (is_stream := body_start.is_event_stream(b"".join(self._first_pieces))) is None:
                if not await self._examine(response):
                    break
        except UpstreamError as error:
            self._rest = _failing(error)  # after the bytes that came
            return False
        return bool(is_stream)

    async def _examine(self, response: UpstreamResponse) -> bool:
        """Read a piece of the body ahead of `pieces`; False if there is none. Raises
        UpstreamError.
        """
        if self._rest is None:
            self._rest = response.pieces()
        piece = await anext(self._rest, None)
        if piece is not None:
            self._first_pieces.append(piece)
        return piece is not None


async def _failing(error: UpstreamError) -> AsyncIterator[bytes]:
    """The rest of a body that broke off."""
    raise error
    yield b""  # an iterator


def _deployment(observation: ExchangeObservation) -> tuple[str | None, str | None]:
    return (
        observation.start.operation.deployment or observation.request.model,
        observation.start.api_version,
    )
