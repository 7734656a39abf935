"""Reads what storage holds of an exchange, for reconcile, replay and erasure: finds its captures,
completes the uploads that a killed instance did not finish, and rebuilds the envelope.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from shared.core.records.exchange import capture
from shared.core.records.exchange.aborted import aborted_envelope
from shared.core.records.exchange.capture import CaptureKind, capture_name, is_expired
from shared.core.records.exchange.captured_exchange import CapturedExchange
from shared.core.records.exchange.envelope import Envelope, from_fields
from shared.core.wire.json.json_shape import JsonObject
from shared.errors import CaptureExpired
from shared.ports.captures import CaptureHeaders, CutUploads

_log = logging.getLogger("fnsse.reconciliation")

MAX_CONCURRENT: Final = 16  # calls of storage: reads of headers, and puts of envelopes
_HEADER_BLOCK: Final = 0  # uploaded last: if it is there, all others are


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


async def recover_upload(captures: CutUploads, exchange: CapturedExchange) -> CapturedExchange:
    """Make captures of the uploads of an exchange whose instance was killed. Returns the exchange
    with the captures that it has now.

    No listing shows the blocks of a cut upload as long as no blob is made of them. The first
    blocks of the request are kept: they are the beginning of the prompt. Blocks of the response
    without a header are erased: without it they cannot be read. Raises CaptureError,
    StorageNotFound or StorageError.
    """
    name = capture_name(exchange.exchange_id, CaptureKind.REQUEST)
    header = await captures.header(name)
    if capture.is_partial(header):
        await _recover_request(captures, name, capture.preamble(header))
    if not await _recover_response(captures, exchange.exchange_id):
        return exchange
    return replace(exchange, kinds=exchange.kinds | {CaptureKind.RESPONSE})


async def _recover_request(captures: CutUploads, name: str, preamble: bytes) -> None:
    staged = await captures.staged_blocks(name)
    if not staged:
        return
    if _HEADER_BLOCK not in staged:
        await captures.stage(name, _HEADER_BLOCK, preamble)
    blocks = _blocks_without_gap(staged)
    await captures.commit(name, blocks)
    _log.warning("The upload of %s was cut off; %d of its blocks are kept", name, len(blocks))


async def _recover_response(captures: CutUploads, exchange_id: str) -> bool:
    """Make the response's capture if only the last call of its upload is missing. Returns whether
    it was made.
    """
    name = capture_name(exchange_id, CaptureKind.RESPONSE)
    staged = await captures.staged_blocks(name)
    is_whole = _HEADER_BLOCK in staged
    if is_whole:
        await captures.commit(name, sorted(staged))
    elif staged:
        await captures.erase(name)
    if staged:
        count = len(staged) if is_whole else 0
        _log.warning("The upload of %s was cut off; %d of its blocks are kept", name, count)
    return is_whole


def _blocks_without_gap(staged: frozenset[int]) -> list[int]:
    """The header, and the blocks before the first that is missing. Blocks are uploaded at the same
    time, so a later one may be there without an earlier one.
    """
    body = itertools.takewhile(staged.__contains__, itertools.count(_HEADER_BLOCK + 1))
    return [_HEADER_BLOCK, *body]
