"""Records the exchange that says how a followed response ended: its capture and its envelope.

A message of the queue may come twice, and a create call may be queued twice. So the first attempt
that sees the end names the exchange in a small blob, and every later one finds that name.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol
from weakref import WeakValueDictionary

from shared.concurrency.cooperative import run_cooperatively
from shared.core.answer import without_content
from shared.core.event import answer_notes, attribution
from shared.core.exchange import failures
from shared.core.exchange.conclusion import COMPLETED
from shared.core.exchange.response_end import ResponseEnd
from shared.core.records.exchange import capture
from shared.core.records.exchange.capture import outcome_name, response_name
from shared.core.records.exchange.envelope import Envelope, Timings, bound_text, to_fields
from shared.core.records.exchange.exchange_id import started_at
from shared.core.records.exchange.unstored_body import UnstoredBody
from shared.core.records.queue.follow_up import FollowUp
from shared.core.wire.http.fetched_response import FetchedResponse
from shared.core.wire.http.headers import is_readable, kept_headers
from shared.core.wire.json.json_shape import JsonObject
from shared.core.wire.operations import spec_of
from shared.core.wire.stream import tail
from shared.core.wire.stream.tail import Tail
from shared.errors import UpstreamError

_KEPT_HEADERS: Final = frozenset(map(str.encode, attribution.RESPONSE_HEADERS))
_UNREAD: Final = Tail(finished=True, usage=None)

type Answer = FetchedResponse | UpstreamError


class FollowedCaptures(Protocol):
    """The captures. Each method raises StorageError."""

    async def put(self, name: str, parts: Sequence[bytes]) -> None:
        """Store a capture."""
        ...

    async def exists(self, name: str) -> bool:
        """Whether there is a capture of that name."""
        ...


class FollowedEnvelopes(Protocol):
    """The queue of envelopes."""

    async def put(self, envelope: Envelope) -> None:
        """Queue an envelope. Raises StorageError."""
        ...


class FollowedMarks(Protocol):
    """Keeps which exchange says how a response ended. Each method raises StorageError."""

    async def get(self, name: str) -> dict[str, Any] | None:
        """The stored object; None if there is none."""
        ...

    async def put(self, name: str, fields: Mapping[str, Any]) -> None:
        """Store an object in place of the one before."""
        ...

    async def put_if_absent(self, name: str, fields: Mapping[str, Any]) -> bool:
        """Store an object; False if there is one already."""
        ...


class ErasureLedger(Protocol):
    """The ledger, as far as it knows what was erased."""

    async def is_erased(self, exchange_id: str) -> bool:
        """Whether an operator erased the exchange. Raises StorageError."""
        ...


class FollowedExchanges:
    """Records each followed response once."""

    def __init__(
        self,
        captures: FollowedCaptures,
        envelopes: FollowedEnvelopes,
        marks: FollowedMarks,
        ledger: ErasureLedger,
        new_exchange_id: Callable[[], str],
        *,
        open_s: float,
    ) -> None:
        """`open_s`: how long reconcile takes an exchange for one that may still be recorded."""
        self._captures = captures
        self._envelopes = envelopes
        self._marks = marks
        self._ledger = ledger
        self._new_exchange_id = new_exchange_id
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._open = timedelta(seconds=open_s)

    async def record(self, follow_up: FollowUp, answer: Answer, asked_at: datetime) -> bool:
        """Store the exchange and queue its envelope; False if it was stored before, or if the
        exchange that created the response was erased. Raises StorageError. `asked_at` is when the
        upstream was asked.
        """
        # a second message of the same response may be handled at the same time
        async with self._turns.setdefault(follow_up.response_id, asyncio.Lock()):
            return await self._record(follow_up, answer, asked_at)

    async def _record(self, follow_up: FollowUp, answer: Answer, asked_at: datetime) -> bool:
        if await self._ledger.is_erased(follow_up.create_exchange_id):
            return False
        exchange_id = await self._exchange_id(follow_up.response_id, asked_at)
        if exchange_id is None:
            return False
        envelope = _envelope(follow_up, answer, asked_at, exchange_id)
        if isinstance(answer, FetchedResponse):
            parts = await _response_capture(answer, envelope)
            await self._captures.put(response_name(exchange_id), parts)
        else:
            parts = (capture.of_outcome(to_fields(envelope)),)
            await self._captures.put(outcome_name(exchange_id), parts)
        await self._envelopes.put(envelope)
        return True

    async def _exchange_id(self, response_id: str, now: datetime) -> str | None:
        """The id of the exchange to record; None if it is recorded. An earlier attempt that was
        killed before it recorded anything leaves its id to the next one, as long as the id's hour
        is not judged.
        """
        name, new = _mark_name(response_id), self._new_exchange_id()
        if await self._marks.put_if_absent(name, {"exchange_id": new}):
            return new
        earlier = _known_id((await self._marks.get(name) or {}).get("exchange_id"))
        if earlier is not None:
            if await self._is_recorded(earlier):
                return None
            if now - started_at(earlier) < self._open:
                return earlier
        await self._marks.put(name, {"exchange_id": new})
        return new

    async def _is_recorded(self, exchange_id: str) -> bool:
        """Whether a capture says how the exchange ended, so that reconcile delivers it if nothing
        else does; or it was erased.
        """
        for name in (response_name(exchange_id), outcome_name(exchange_id)):
            if await self._captures.exists(name):
                return True
        return await self._ledger.is_erased(exchange_id)


def _mark_name(response_id: str) -> str:
    digest = hashlib.sha256(response_id.encode("utf-8", "surrogatepass")).hexdigest()
    return f"followed/{digest}"


def _known_id(value: object) -> str | None:
    try:
        started_at(str(value))
    except ValueError:
        return None
    return str(value)


def _envelope(
    follow_up: FollowUp, answer: Answer, asked_at: datetime, exchange_id: str
) -> Envelope:
    if isinstance(answer, FetchedResponse):
        fetched, conclusion = answer, COMPLETED
        end = _end(answer, follow_up.operation)
    else:
        fetched, conclusion = None, failures.translate(answer).conclusion
        end = _UNREAD
    stores_bodies = follow_up.content_mode.stores_bodies
    usage = end.usage if stores_bodies else without_content.figures_of(end.usage)
    status = fetched.status if fetched else None
    size = len(fetched.body) if fetched else 0
    return Envelope(
        exchange_id=exchange_id,
        operation=follow_up.operation,
        deployment=follow_up.deployment,
        api_version=follow_up.api_version,
        method=spec_of(follow_up.operation).method,
        path=bound_text(follow_up.target_path),
        stream=False if fetched else None,
        started_at=asked_at.astimezone(UTC).isoformat(timespec="microseconds"),
        status_code=status,
        upstream_status_code=status,
        outcome=ResponseEnd(tail=end, is_stream=False, end_is_known=True).outcome(
            conclusion, upstream_status=status
        ),
        failure=conclusion.failure,
        timings=_timings(fetched),
        arrivals=((size, fetched.to_end_ms),) if fetched and size else (),
        chunk_count=int(size > 0),
        usage=usage,
        usage_source="upstream" if usage else "none",
        usage_requested=False,
        request_bytes=0,
        response_bytes=size,
        sent_bytes=size,
        request_capture=None,
        response_capture=response_name(exchange_id) if fetched else None,
        caller=follow_up.caller,
        trace_parent=follow_up.trace_parent,
        trace_state=follow_up.trace_state,
        attempts=1,
        content_mode=follow_up.content_mode,
        content_rule=follow_up.content_rule,
        create_exchange_id=follow_up.create_exchange_id,
    )


def _end(answer: FetchedResponse, operation: str) -> Tail:
    """What the answer says of its usage and of a failure; a long one is left to enrichment."""
    if not is_readable(answer.headers) or len(answer.body) > tail.TAIL_BYTES:
        return _UNREAD
    return tail.of_json(answer.body, spec_of(operation))


def _timings(answer: FetchedResponse | None) -> Timings:
    if answer is None:
        return Timings(
            to_headers_ms=None, to_first_chunk_ms=None, to_last_chunk_ms=None, to_end_ms=0.0
        )
    chunk_ms = answer.to_end_ms if answer.body else None
    return Timings(
        to_headers_ms=answer.to_headers_ms,
        to_first_chunk_ms=chunk_ms,
        to_last_chunk_ms=chunk_ms,
        to_end_ms=answer.to_end_ms,
    )


async def _response_capture(answer: FetchedResponse, envelope: Envelope) -> tuple[bytes, ...]:
    """The capture: a header, and the body if the content mode allows it."""
    headers = kept_headers(answer.headers, _KEPT_HEADERS)
    if envelope.content_mode.stores_bodies:
        return capture.of_response(answer.status, headers, to_fields(envelope), {}), answer.body
    body = UnstoredBody()
    body.feed(answer.body)
    steps = answer_notes.members_steps(body, headers, envelope)
    members: JsonObject = {**await run_cooperatively(steps), "body": asdict(body.digest())}
    return (capture.of_response(answer.status, headers, to_fields(envelope), members),)
