"""Records the end of a followed response as an exchange of its own: its capture and its envelope.

A message of the queue may come twice, and a create call may be queued twice. So the first attempt
that sees the end writes the exchange's id to a small blob, where every later one finds it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol
from weakref import WeakValueDictionary

from shared.concurrency.cooperative import run_cooperatively
from shared.core.event import answer_notes
from shared.core.records.exchange import capture, captured_headers
from shared.core.records.exchange.capture import outcome_name, response_name
from shared.core.records.exchange.envelope import Envelope, outcome_blob, to_fields
from shared.core.records.exchange.exchange_id import is_exchange_id, started_at
from shared.core.records.exchange.id_hash import hash_id
from shared.core.records.exchange.unstored_body import UnstoredBody
from shared.core.records.queue.follow_up import FollowUp
from shared.core.wire.http.fetched_response import FetchedResponse
from shared.core.wire.json.json_shape import JsonObject
from shared.following import followed_envelope
from shared.following.followed_envelope import FetchResult
from shared.ports.blobs import JsonStore
from shared.ports.captures import CaptureHeaders, CaptureSink
from shared.ports.ledger import ErasedExchanges
from shared.ports.queues import EnvelopeSink


class FollowedCaptures(CaptureHeaders, CaptureSink, Protocol):
    """Stores captures, and knows which are stored."""


class FollowedExchanges:
    """Records each followed response once."""

    def __init__(
        self,
        *,
        captures: FollowedCaptures,
        envelopes: EnvelopeSink,
        marks: JsonStore,
        erased_exchanges: ErasedExchanges,
        new_exchange_id: Callable[[], str],
        open_s: float,
    ) -> None:
        """`open_s`: for so long after its start, reconcile expects that an exchange may still be
        recorded.
        """
        self._captures = captures
        self._envelopes = envelopes
        self._marks = marks
        self._erased_exchanges = erased_exchanges
        self._new_exchange_id = new_exchange_id
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._open = timedelta(seconds=open_s)

    async def record(self, follow_up: FollowUp, result: FetchResult, polled_at: datetime) -> bool:
        """Store the exchange and queue its envelope; False if it was stored before, or if the
        exchange that created the response was erased. Raises StorageError. `polled_at` is when the
        response was polled.
        """
        # a second message of the same response may be handled at the same time
        async with self._turns.setdefault(follow_up.response_id, asyncio.Lock()):
            return await self._record(follow_up, result, polled_at)

    async def _record(self, follow_up: FollowUp, result: FetchResult, polled_at: datetime) -> bool:
        if await self._erased_exchanges.is_erased(follow_up.create_exchange_id):
            return False
        exchange_id = await self._exchange_id(follow_up.response_id, polled_at)
        if exchange_id is None:
            return False
        envelope = followed_envelope.build(follow_up, result, polled_at, exchange_id)
        if isinstance(result, FetchedResponse):
            parts = await _response_capture(result, envelope)
            await self._captures.put(response_name(exchange_id), parts)
        else:
            name, data = outcome_blob(envelope)
            await self._captures.put(name, (data,))
        await self._envelopes.put(envelope)
        return True

    async def _exchange_id(self, response_id: str, now: datetime) -> str | None:
        """The id of the exchange to record; None if it is recorded.

        If an earlier attempt was killed before it recorded anything, the next one takes over its
        id, as long as reconcile has not judged the id's hour.
        """
        name, new = _mark_name(response_id), self._new_exchange_id()
        if await self._marks.put_if_absent(name, {"exchange_id": new}):
            return new
        earlier = (await self._marks.get(name) or {}).get("exchange_id")
        if is_exchange_id(earlier):
            if await self._is_recorded(earlier):
                return None
            if now - started_at(earlier) < self._open:
                return earlier
        await self._marks.put(name, {"exchange_id": new})
        return new

    async def _is_recorded(self, exchange_id: str) -> bool:
        """Whether the exchange needs no recording: a capture says how it ended, so that reconcile
        delivers it if nothing else does, or it was erased.
        """
        for name in (response_name(exchange_id), outcome_name(exchange_id)):
            if await self._captures.exists(name):
                return True
        return await self._erased_exchanges.is_erased(exchange_id)


def _mark_name(response_id: str) -> str:
    return f"followed/{hash_id(response_id)}"


async def _response_capture(response: FetchedResponse, envelope: Envelope) -> tuple[bytes, ...]:
    """The parts of the capture: a header, and the body if the content mode allows it."""
    headers = captured_headers.of_response(response.headers)
    if envelope.content_mode.stores_bodies:
        return capture.of_response(response.status, headers, to_fields(envelope), {}), response.body
    body = UnstoredBody()
    body.feed(response.body)
    steps = answer_notes.members_steps(body, headers, envelope)
    members: JsonObject = {**await run_cooperatively(steps), **body.header_members()}
    return (capture.of_response(response.status, headers, to_fields(envelope), members),)
