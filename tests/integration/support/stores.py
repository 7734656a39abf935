"""The ports of enrichment in memory: a class for each port, and one that holds them all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.schema import valid
from shared.core.event.usage_claim import Claim
from shared.core.records.delivery.dead_letter import DeadLetterReason
from shared.core.records.exchange import capture
from shared.core.records.exchange.capture import Capture
from shared.core.records.exchange.digests import AcceptedEvent, Digests
from shared.core.records.queue.follow_up import FollowUp
from shared.enrichment.event_delivery import DeliveryTelemetry, EventDelivery
from shared.enrichment.event_preparation import EventAssembler, EventPreparation
from shared.ports.blobs import UsageClaimStore
from tests.integration.support.event_deliveries import AllCaptures, event_delivery


@dataclass
class MemoryCaptures:
    """Captures. `failure` is raised by every call that reads or stores one, `erase_failure` by
    those that erase a body.
    """

    stored: dict[str | None, Capture] = field(default_factory=dict)
    outcomes: dict[str, bytes] = field(default_factory=dict)
    failure: Exception | None = None
    erase_failure: Exception | None = None

    async def put(self, name: str, parts: Sequence[bytes]) -> None:
        raise NotImplementedError

    async def put_if_absent(self, name: str, data: bytes) -> None:
        if self.failure:
            raise self.failure
        self.outcomes.setdefault(name, data)

    async def get(self, name: str | None) -> Capture | None:
        if self.failure:
            raise self.failure
        return self.stored.get(name)

    async def erase(self, name: str) -> bool:
        return self.outcomes.pop(name, None) is not None

    async def erase_body(self, name: str) -> None:
        if failure := self.failure or self.erase_failure:
            raise failure
        if name in self.outcomes:
            outcome = capture.load(self.outcomes[name])
            self.outcomes[name] = capture.without_body(outcome.header)
        if name in self.stored:
            self.stored[name] = capture.load(capture.without_body(self.stored[name].header))


def _open_gate() -> asyncio.Event:
    gate = asyncio.Event()
    gate.set()
    return gate


@dataclass
class FakeEventHub:
    """Accepts valid events while its gate is open; raises `failure` if it is set. `on_accepted` is
    called with each accepted event, as the adapter calls the ledger.
    """

    gate: asyncio.Event = field(default_factory=_open_gate)
    failure: Exception | None = None
    on_accepted: Callable[[Sequence[AcceptedEvent]], Awaitable[None]] | None = None
    limit: int = 1_000_000
    sent: list[tuple[bytes, str]] = field(default_factory=list)  # with the message's id

    async def limit_bytes(self) -> int:
        return self.limit

    async def send(self, body: bytes, message_id: str, digests: Digests) -> None:
        await self.gate.wait()
        if self.failure:
            raise self.failure
        valid(json.loads(body))
        self.sent.append((body, message_id))
        if self.on_accepted is not None:
            await self.on_accepted([AcceptedEvent(exchange_id=message_id, digests=digests)])

    @property
    def events(self) -> list[dict[str, Any]]:
        """The accepted events, in their order."""
        return [json.loads(body) for body, _ in self.sent]


@dataclass
class MemoryLedger:
    """The exchanges whose acceptance enrichment noted by itself, without an event."""

    accepted: list[str] = field(default_factory=list)

    async def append_deliveries(self, events: Sequence[AcceptedEvent]) -> None:
        self.accepted += [event.exchange_id for event in events]


@dataclass
class MemoryDeadLetters:
    """Dead letters with their reasons, and rejections by the Event Hub."""

    entries: list[tuple[str, DeadLetterReason]] = field(default_factory=list)
    rejections: list[str] = field(default_factory=list)

    async def dead_letter(self, exchange_id: str, reason: DeadLetterReason) -> bool:
        self.entries.append((exchange_id, reason))
        return (exchange_id, reason) not in self.entries[:-1]

    async def record_event_rejection(self, exchange_id: str) -> None:
        self.rejections.append(exchange_id)

    async def take_event_rejection(self, exchange_id: str) -> bool:
        is_rejected = exchange_id in self.rejections
        self.rejections = [other for other in self.rejections if other != exchange_id]
        return is_rejected

    async def list_failed_replay(self, exchange_id: str) -> None:
        self.entries.append((exchange_id, DeadLetterReason.REPLAY_FAILED))


@dataclass
class MemoryErasedExchanges:
    """The ids of erased exchanges."""

    ids: set[str] = field(default_factory=set)

    async def is_erased(self, exchange_id: str) -> bool:
        return exchange_id in self.ids


@dataclass
class MemoryUsageClaims:
    """Usage claims: the first exchange holds the claim."""

    holders: dict[str, str] = field(default_factory=dict)

    async def claim(self, response_id: str, exchange_id: str) -> Claim:
        new = response_id not in self.holders
        holder = self.holders.setdefault(response_id, exchange_id)
        return Claim(response_id=response_id, holder=holder, new=new)

    async def holder(self, response_id: str) -> str | None:
        return self.holders.get(response_id)

    async def release(self, claim: Claim) -> None:
        del self.holders[claim.response_id]


@dataclass
class MemoryStores:
    """All that enrichment needs, an object for each port."""

    captures: MemoryCaptures = field(default_factory=MemoryCaptures)
    claims: MemoryUsageClaims = field(default_factory=MemoryUsageClaims)
    event_hub: FakeEventHub = field(default_factory=FakeEventHub)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    dead_letters: MemoryDeadLetters = field(default_factory=MemoryDeadLetters)
    erased_exchanges: MemoryErasedExchanges = field(default_factory=MemoryErasedExchanges)

    def delivery(
        self,
        assemble: EventAssembler,
        *,
        captures: AllCaptures | None = None,
        claims: UsageClaimStore | None = None,
        telemetry: DeliveryTelemetry | None = None,
        begin_follow_up: Callable[[FollowUp], Awaitable[None]] | None = None,
    ) -> EventDelivery:
        """Enrichment with these stores, but for those that are given."""
        return event_delivery(
            captures=captures or self.captures,
            assemble=assemble,
            claims=claims or self.claims,
            event_hub=self.event_hub,
            ledger=self.ledger,
            dead_letters=self.dead_letters,
            erased_exchanges=self.erased_exchanges,
            telemetry=telemetry,
            begin_follow_up=begin_follow_up,
        )

    def preparation(
        self, assemble: EventAssembler, claims: UsageClaimStore | None = None
    ) -> EventPreparation:
        """The preparation of events alone."""
        return EventPreparation(
            captures=self.captures,
            assemble=assemble,
            claims=claims or self.claims,
            erased_exchanges=self.erased_exchanges,
        )
