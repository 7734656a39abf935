"""One call of the upstream on behalf of an exchange: with the proxy's addition where it may be
made, and once more without it where the upstream refuses it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Final, Protocol

import httpx

from shared.core.wire import forwarding, usage_request
from shared.core.wire.headers import RawHeaders
from shared.relay.exchange_record import ExchangeRecord
from shared.relay.request_body import Body, HeldBody

_REFUSAL_BYTES: Final = 64 * 1024  # of an error body that is looked at
_REFUSED_FOR_S: Final = 3600  # an upstream that refused the addition is asked again after this
_REFUSALS_KEPT: Final = 1000


class UpstreamCalls(Protocol):
    """What the relay needs of the upstream; see shared.adapters.upstream.Upstream."""

    async def credential_headers(self) -> RawHeaders:
        """The header that authenticates the proxy."""
        ...

    async def open(
        self, method: str, target: bytes, headers: RawHeaders, body: Body
    ) -> httpx.Response:
        """Status and headers. Raises UpstreamError."""
        ...

    def pieces(self, response: httpx.Response) -> AsyncIterator[bytes]:
        """The body. Raises UpstreamError."""
        ...


class StreamOptionsSupport:
    """Which deployments refused the addition lately."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: dict[tuple[str | None, str | None], float] = {}

    def add(self, exchange: ExchangeRecord) -> None:
        """This exchange's deployment refused."""
        if len(self._until) >= _REFUSALS_KEPT:
            self._until.clear()
        self._until[_key(exchange)] = self._clock() + _REFUSED_FOR_S

    def __contains__(self, exchange: ExchangeRecord) -> bool:
        return self._until.get(_key(exchange), 0.0) > self._clock()


class UpstreamCall:
    """The upstream's answer to one exchange."""

    def __init__(
        self,
        calls: UpstreamCalls,
        refusals: StreamOptionsSupport,
        exchange: ExchangeRecord,
        target: bytes,
    ) -> None:
        self._calls = calls
        self._refusals = refusals
        self._exchange = exchange
        self._target = target
        self._response: httpx.Response | None = None
        self._looked_at: list[bytes] = []
        self._rest: AsyncIterator[bytes] | None = None

    async def open(self, body: Body, asking: HeldBody | None) -> httpx.Response:
        """Status and headers. `asking` is the body with the addition; raises UpstreamError."""
        if asking is not None and self._exchange not in self._refusals:
            response = await self._send(asking)
            if response.status_code != 400 or not await self._refuses(response):
                self._exchange.usage_requested = True
                return response
            await response.aclose()
            self._looked_at, self._rest = [], None
            response = await self._send(body)
            # otherwise it may have been something of the caller's own that was refused
            if response.status_code < 300:
                self._refusals.add(self._exchange)
            return response
        return await self._send(body)

    def pieces(self) -> AsyncIterator[bytes]:
        """The answer's body."""
        if self._response is None:
            raise RuntimeError("open() comes first")
        # As direct as can be: each generator in between costs every chunk of every stream.
        return (
            self._calls.pieces(self._response)
            if self._rest is None
            else self._after_look(self._rest)
        )

    async def _after_look(self, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        for piece in self._looked_at:
            yield piece
        async for piece in rest:
            yield piece

    async def aclose(self) -> None:
        """Done with it: the connection goes back to the pool, or is closed where the answer has not
        ended.
        """
        if self._response is not None:
            await self._response.aclose()

    async def _send(self, body: Body) -> httpx.Response:
        exchange = self._exchange
        own = await self._calls.credential_headers()
        headers = forwarding.request_headers(
            exchange.request_headers, own, uncoded=exchange.stream_requested
        )
        self._response = await self._calls.open(exchange.method, self._target, headers, body)
        return self._response

    async def _refuses(self, response: httpx.Response) -> bool:
        self._rest = self._calls.pieces(response)
        seen = b""
        async for piece in self._rest:
            self._looked_at.append(piece)
            seen += piece
            if len(seen) > _REFUSAL_BYTES:
                break
        return usage_request.is_refusal(seen)


def _key(exchange: ExchangeRecord) -> tuple[str | None, str | None]:
    return exchange.operation.deployment or exchange.requested_model, exchange.api_version
