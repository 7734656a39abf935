"""Recovers the uploads that a killed instance did not finish: their blocks, which no listing shows
as long as no blob is made of them.
"""

from __future__ import annotations

import itertools
import logging
from dataclasses import replace
from typing import Final

from shared.core.records.exchange import capture
from shared.core.records.exchange.capture import CaptureKind, capture_name
from shared.core.records.exchange.captured_exchange import CapturedExchange
from shared.ports.captures import CutUploads

_log = logging.getLogger("fnsse.reconciliation")

_HEADER_BLOCK: Final = 0  # uploaded last: if it is there, all others are


async def recover_upload(captures: CutUploads, exchange: CapturedExchange) -> CapturedExchange:
    """Make captures of the uploads of an exchange whose instance was killed. Returns the exchange
    with the captures that it has now.

    The first blocks of the request are kept: they are the beginning of the prompt. Blocks of the
    response without a header are erased: without it they cannot be read. Raises CaptureError,
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
    staged = await captures.staged(name)
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
    staged = await captures.staged(name)
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
