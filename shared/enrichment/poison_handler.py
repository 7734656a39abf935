"""What is done about an envelope that enrichment failed on as often as the queue tries."""

from __future__ import annotations

import logging
from typing import Final, Protocol

from shared.adapters.captures import Captures
from shared.adapters.json_blobs import JsonBlobs
from shared.adapters.ledger import Ledger
from shared.core.records import poison
from shared.core.records.capture import of_outcome, response_name
from shared.core.records.envelope import Envelope, load, to_fields
from shared.errors import EnvelopeError, StorageError

_log = logging.getLogger("fnsse.poison")

_DIED: Final = "assembly_failed"
_REFUSED: Final = "refused"


class Builds(Protocol):
    """Enrichment, as far as it is needed here."""

    async def undeliverable_reason(self, envelope: Envelope) -> str | None:
        """Why no event can be built; None where it can. Raises StorageError."""
        ...


class PoisonHandler:
    """Takes the messages of the poison queue. One per worker."""

    def __init__(
        self, enrichment: Builds, captures: Captures, ledger: Ledger, json_blobs: JsonBlobs
    ) -> None:
        self._enrichment = enrichment
        self._captures = captures
        self._ledger = ledger
        self._json_blobs = json_blobs

    async def handle(self, message: bytes) -> None:
        """Returns when the message's fate is sealed. Raises StorageError; the queue then brings it
        again.
        """
        try:
            envelope = load(message)
        except EnvelopeError as error:
            _log.error("A message of the envelope queue is discarded: %s", error)
            return
        blocked_reason, failures = await self._examined(envelope)
        match poison.decide(envelope, blocked_reason, failures):
            case poison.ListFailedReplay():
                _log.error(
                    "The replay of exchange %s was given up by the queue; it is listed as dead-lettered",
                    envelope.exchange_id,
                )
                await self._ledger.list_failed_replay(envelope.exchange_id)
            case poison.DeadLetter(reason=reason):
                await self._dead_letter(envelope.exchange_id, reason)
            case poison.LeaveToReconcile():
                _log.warning(
                    "Exchange %s was given up by the queue%s; reconcile delivers it",
                    envelope.exchange_id,
                    _of(blocked_reason),
                )
            case poison.StoreOutcome():
                _log.warning(
                    "Exchange %s was given up by the queue%s; it is stored for reconcile",
                    envelope.exchange_id,
                    _of(blocked_reason),
                )
                await self._captures.put_if_absent(
                    response_name(envelope.exchange_id), of_outcome(to_fields(envelope))
                )

    async def _dead_letter(self, exchange_id: str, reason: str) -> None:
        if await self._ledger.dead_letter(exchange_id, reason):
            _log.error(
                "Exchange %s can never be delivered and is dead-lettered (%s)", exchange_id, reason
            )
        await self._json_blobs.delete(poison.failure_count_name(exchange_id))

    async def _examined(self, envelope: Envelope) -> tuple[str | None, int]:
        """Why no event can be built of it, or why the Event Hub does not take it, and how often
        that was found.

        It is counted before it is tried: what kills the worker must not do so for ever.
        """
        if envelope.replayed:
            return None, 0
        name = poison.failure_count_name(envelope.exchange_id)
        try:
            failures = int((await self._json_blobs.get(name) or {}).get("failures", 0)) + 1
            if failures > poison.MAX_FAILURES:
                return _DIED, failures
            await self._json_blobs.put(name, {"failures": failures})
            blocked_reason = await self._enrichment.undeliverable_reason(envelope)
            if blocked_reason is None and await self._ledger.take_event_refusal(
                envelope.exchange_id
            ):
                blocked_reason = _REFUSED
            if blocked_reason is None:
                await self._forget_one(name, failures)
        except StorageError:
            return None, 0  # storage is down, which is reason enough
        return blocked_reason, failures

    async def _forget_one(self, name: str, failures: int) -> None:
        if failures > 1:
            await self._json_blobs.put(name, {"failures": failures - 1})
        else:
            await self._json_blobs.delete(name)


def _of(blocked_reason: str | None) -> str:
    return f" ({blocked_reason})" if blocked_reason else ""
