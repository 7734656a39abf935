"""Reads the stored captures of an exchange, also those that its envelope does not name."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from shared.core.records.exchange.capture import (
    ReadableCapture,
    is_erased,
    is_expired,
    is_partial,
    request_name,
    response_name,
)
from shared.core.records.exchange.envelope import Envelope
from shared.core.wire.content_mode import ContentMode

type ReadCapture = Callable[[str | None], Awaitable[ReadableCapture | None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredExchange:
    """An exchange as storage has it."""

    envelope: Envelope  # names the captures that are there
    request: ReadableCapture | None
    response: ReadableCapture | None

    @property
    def is_erased(self) -> bool:
        """Whether a body was erased, because the event had been accepted. The mark alone does not
        prove that: somebody else may have put it there.
        """
        captures = [side for side in (self.request, self.response) if side]
        redacts = self.envelope.content_mode is ContentMode.REDACTED
        return redacts and any(is_erased(side.header) for side in captures)

    @property
    def lacks_capture(self) -> bool:
        """Whether a capture that the envelope names is not there."""
        return (self.envelope.request_capture is not None and self.request is None) or (
            self.envelope.response_capture is not None and self.response is None
        )

    @property
    def is_expired(self) -> bool:
        """Whether the captures' retention is over. The mark alone does not prove that: somebody
        else may have put it there.
        """
        captures = [side for side in (self.request, self.response) if side]
        expires = self.envelope.retention_days is not None
        return expires and any(is_expired(side.header) for side in captures)


async def read_stored(read_capture: ReadCapture, envelope: Envelope) -> StoredExchange:
    """Both captures of an exchange. Raises what `read_capture` raises.

    A capture that the envelope does not name is looked for as well. The recorder names the captures
    that storage acknowledged. But the response to a put may be lost, and so may the response to the
    question whether it was carried out.
    """
    exchange_id = envelope.exchange_id
    likely_request = request_name(exchange_id) if envelope.request_bytes else None
    likely_response = response_name(exchange_id) if envelope.response_bytes else None
    (request_at, request), (response_at, response) = await asyncio.gather(
        _read(read_capture, envelope.request_capture, likely_request),
        _read(read_capture, envelope.response_capture, likely_response),
    )
    return StoredExchange(
        envelope=replace(envelope, request_capture=request_at, response_capture=response_at),
        request=request,
        response=response,
    )


async def _read(
    read_capture: ReadCapture, name: str | None, likely_name: str | None
) -> tuple[str | None, ReadableCapture | None]:
    """The capture, and its name for the envelope. `likely_name` is that of a capture which the
    envelope does not name; None if there was no body.
    """
    if name is not None or likely_name is None:
        return name, await read_capture(name)
    capture = await read_capture(likely_name)
    if capture is None or is_partial(capture.header):  # a placeholder says less than the envelope
        return None, None
    return likely_name, capture
