"""Rebuilds the envelope of an exchange that is delivered again from its captures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shared.core.records.exchange.aborted import aborted_envelope
from shared.core.records.exchange.capture import CaptureKind, capture_name, is_expired
from shared.core.records.exchange.captured_exchange import CapturedExchange
from shared.core.records.exchange.envelope import Envelope, from_fields
from shared.core.wire.json.json_shape import JsonObject
from shared.errors import CaptureExpired
from shared.ports.captures import CaptureHeaders

MAX_CONCURRENT: Final = 16  # calls of storage: reads of headers, and puts of envelopes


async def rebuild_envelope(captures: CaptureHeaders, exchange: CapturedExchange) -> Envelope:
    """The envelope that a capture holds, or the envelope of an aborted exchange if none does.

    Raises CaptureError, EnvelopeError, CaptureExpired, StorageNotFound or StorageError.
    """
    for kind in (CaptureKind.OUTCOME, CaptureKind.RESPONSE):
        if kind in exchange.kinds:
            header = await _unexpired_header(captures, exchange.exchange_id, kind)
            return from_fields(header.get("envelope"))
    header = await _unexpired_header(captures, exchange.exchange_id, CaptureKind.REQUEST)
    return aborted_envelope(exchange.exchange_id, header)


async def _unexpired_header(
    captures: CaptureHeaders, exchange_id: str, kind: CaptureKind
) -> JsonObject:
    header = await captures.header(capture_name(exchange_id, kind))
    if is_expired(header):
        raise CaptureExpired("the capture's retention is over")
    return header


async def find_exchange(captures: CaptureHeaders, exchange_id: str) -> CapturedExchange:
    """The exchange with its captures that are stored. There may be none. Raises StorageError."""
    kinds = [kind for kind in CaptureKind if await captures.exists(capture_name(exchange_id, kind))]
    return CapturedExchange(exchange_id=exchange_id, kinds=frozenset(kinds))


async def whole_exchanges(
    captures: CaptureHeaders, exchanges: Sequence[CapturedExchange], *, first: bool, last: bool
) -> list[CapturedExchange]:
    """The exchanges of a page with all their captures. The captures of the exchanges at its edges
    may be on two pages; such an exchange counts to the page of its last capture. Raises
    StorageError.

    `first`, `last`: whether it is the first page, or the last one.
    """
    edges = ({0} if not first else set()) | ({len(exchanges) - 1} if not last else set())
    whole = []
    for place, listed in enumerate(exchanges):
        exchange = listed
        if place in edges:
            exchange = await find_exchange(captures, listed.exchange_id)
            if not exchange.kinds or max(exchange.kinds) not in listed.kinds:
                continue  # it was erased since, or belongs to the next page
        whole.append(exchange)
    return whole
