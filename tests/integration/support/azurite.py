"""The app's storage adapters on an Azurite, and exchanges put there as the recorder would."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypedDict, Unpack

from azure.storage.queue import TextBase64DecodePolicy
from azure.storage.queue.aio import QueueClient

from harness.sample_envelope import PLAIN
from shared.adapters.blobs.captures import Captures
from shared.adapters.blobs.json_blobs import JsonBlobs
from shared.adapters.ledger.dead_letter_store import DeadLetterStore
from shared.adapters.ledger.delivery_ledger import DeliveryLedger
from shared.adapters.ledger.entry_blobs import LedgerAppender
from shared.adapters.ledger.erasure_marks import ErasureMarks
from shared.adapters.ledger.index_reader import LedgerIndexReader
from shared.adapters.ledger.report_store import ReportStore
from shared.adapters.queues.envelope_queue import EnvelopeQueue
from shared.adapters.storage.account import StorageAccount
from shared.completeness.back_pressure import MAX_IN_FLIGHT, STALL_TIMEOUT_S, BackPressure
from shared.completeness.dead_letters import DeadLetters
from shared.completeness.exchange_erasure import ExchangeErasure
from shared.completeness.reconciliation import Reconciliation
from shared.core.records.exchange import capture
from shared.core.records.exchange.capture import Capture
from shared.core.records.exchange.digests import AcceptedEvent
from shared.core.records.exchange.envelope import Caller, Envelope
from shared.core.records.exchange.exchange_id import new_exchange_id, started_at
from shared.core.records.exchange.outcome import Outcome
from shared.core.records.exchange.window import Window
from shared.core.records.queue import envelope_message
from shared.core.records.queue.envelope_message import QUEUE
from shared.core.wire.content_mode import ContentMode
from shared.errors import DeliveryError
from shared.settings.settings import StorageSettings
from tests.support.no_identity import no_identity

_numbers = iter(range(1, 10**9))


def sample_window() -> Window:
    """An hour that no other test uses."""
    return Window(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=next(_numbers)))


def sample_id(window: Window, minute: float = 5) -> str:
    """A new exchange that began in this minute of the window."""
    start = window.start + timedelta(minutes=minute)
    return new_exchange_id(int(start.timestamp() * 1000), next(_numbers).to_bytes(10))


@dataclass
class CountingEventHub:
    """Counts its probes, which fail unless it is `ready`."""

    ready: bool = True
    probes: int = 0

    async def probe(self) -> None:
        self.probes += 1
        if not self.ready:
            raise DeliveryError("not now")


class ReconciliationOptions(TypedDict, total=False):
    """The options of Reconciliation that tests change."""

    max_queued: int
    batch_size: int
    now: Callable[[], datetime]
    clock: Callable[[], float]


class AppenderOptions(TypedDict, total=False):
    """The options of LedgerAppender that tests change."""

    blocks_per_blob: int
    append_interval_s: float
    sleep: Callable[[float], Awaitable[None]]


@dataclass
class AzuriteAccount:
    """The app's storage account, with the adapters that the app uses."""

    connection_string: str
    storage: StorageAccount
    captures: Captures
    envelopes: EnvelopeQueue
    appender: LedgerAppender
    ledger: DeliveryLedger
    dead_letters: DeadLetterStore
    erasure_marks: ErasureMarks
    ledger_index: LedgerIndexReader
    reports: ReportStore
    json_blobs: JsonBlobs
    event_hub: CountingEventHub = field(default_factory=CountingEventHub)

    async def small_capture(self, name: str | None) -> Capture:
        """A capture that is there, and small enough to be read whole."""
        stored = await self.captures.get(name)
        assert isinstance(stored, Capture)
        return stored

    async def put_request(
        self, exchange_id: str, *, body: bytes = b'{"messages": []}', **header: Any
    ) -> None:
        """A request capture, as the recorder writes it."""
        usual = {
            "exchange_id": exchange_id,
            "started_at": started_at(exchange_id).isoformat(timespec="microseconds"),
            "operation": "chat.completions",
            "deployment": "gpt-4o",
            "api_version": "2024-10-21",
            "caller": asdict(Caller()),
        }
        await self.captures.put(
            capture.request_name(exchange_id),
            (capture.preamble(usual | header), body),
        )

    async def put_response(
        self,
        exchange_id: str,
        *,
        outcome: Outcome = Outcome.COMPLETED,
        deployment: str = "gpt-4o",
        content_mode: ContentMode = ContentMode.FULL,
        request_sha256: str | None = None,
        response_sha256: str | None = None,
    ) -> Envelope:
        """A response capture with its envelope."""
        envelope = replace(
            PLAIN,
            exchange_id=exchange_id,
            outcome=outcome,
            deployment=deployment,
            content_mode=content_mode,
            request_capture=capture.request_name(exchange_id),
            response_capture=capture.response_name(exchange_id),
            request_sha256=request_sha256,
            response_sha256=response_sha256,
        )
        header = {"status_code": 200, "headers": {}, "envelope": asdict(envelope)}
        await self.captures.put(
            capture.response_name(exchange_id), (capture.preamble(header), b"{}")
        )
        return envelope

    async def put_exchange(
        self,
        exchange_id: str,
        *,
        outcome: Outcome = Outcome.COMPLETED,
        deployment: str = "gpt-4o",
        content_mode: ContentMode = ContentMode.FULL,
    ) -> Envelope:
        """Store request and response captures of one exchange, and return its envelope."""
        await self.put_request(exchange_id)
        return await self.put_response(
            exchange_id, outcome=outcome, deployment=deployment, content_mode=content_mode
        )

    def back_pressure(
        self, *, max_in_flight: int = MAX_IN_FLIGHT, stall_timeout_s: float = STALL_TIMEOUT_S
    ) -> BackPressure:
        """Whether more may be queued."""
        return BackPressure(
            self.envelopes,
            self.event_hub,
            max_in_flight=max_in_flight,
            stall_timeout_s=stall_timeout_s,
        )

    def reconciliation(
        self,
        back_pressure: BackPressure | None = None,
        **options: Unpack[ReconciliationOptions],
    ) -> Reconciliation:
        """The use case of reconcile, on the adapters of this account."""
        return Reconciliation(
            captures=self.captures,
            uploads=self.captures,
            ledger=self.ledger_index,
            dead_letters=self.dead_letters,
            reports=self.reports,
            envelopes=self.envelopes,
            checkpoints=self.json_blobs,
            back_pressure=back_pressure or self.back_pressure(),
            **options,
        )

    def dead_letter_operations(self) -> DeadLetters:
        """The operators' actions on dead letters, on the adapters of this account."""
        return DeadLetters(
            captures=self.captures,
            ledger=self.ledger,
            dead_letters=self.dead_letters,
            envelopes=self.envelopes,
            erasure=self.exchange_erasure(),
        )

    def exchange_erasure(self) -> ExchangeErasure:
        """Erases single exchanges, on the adapters of this account."""
        return ExchangeErasure(
            captures=self.captures,
            erasure_marks=self.erasure_marks,
            dead_letters=self.dead_letters,
            failure_counts=self.json_blobs,
        )

    async def take_queued(self, name: str = QUEUE) -> list[Envelope]:
        """Everything on a queue, taken off it."""
        envelopes: list[Envelope] = []
        queue = QueueClient.from_connection_string(
            self.connection_string, name, message_decode_policy=TextBase64DecodePolicy()
        )
        async with queue:
            async for message in queue.receive_messages(messages_per_page=32):
                envelopes += envelope_message.load(message.content)
                await queue.delete_message(message)
        return envelopes

    async def ledger_blobs(self, window: Window) -> list[str]:
        """Names of the window's ledger blobs."""
        container = self.storage.blobs.get_container_client("ledger")
        return [
            name
            async for name in container.list_blob_names(name_starts_with=f"entries/{window.name}/")
        ]


class InstanceKilled(BaseException):
    """The end of an activity without any of its code."""


class DyingQueue(EnvelopeQueue):
    """Takes so many envelopes; then the instance dies."""

    def __init__(self, storage: StorageAccount, takes: int) -> None:
        super().__init__(storage)
        self._takes = takes

    async def put(self, envelope: Envelope) -> None:
        if not self._takes:
            raise InstanceKilled
        self._takes -= 1
        await super().put(envelope)


def accepted_events(exchange_ids: Iterable[str]) -> list[AcceptedEvent]:
    """Events that the Event Hub has accepted, of these exchanges."""
    return [AcceptedEvent(exchange_id=exchange_id) for exchange_id in exchange_ids]


def sample_storage(connection_string: str) -> StorageAccount:
    """The adapters' clients."""
    settings = StorageSettings(
        setting="CAPTURES_STORAGE",
        connection_string=connection_string,
        blob_service_uri=None,
        queue_service_uri=None,
    )
    return StorageAccount(settings, no_identity)


class LedgerStores(NamedTuple):
    """The ledger and the stores beside it."""

    appender: LedgerAppender
    ledger: DeliveryLedger
    dead_letters: DeadLetterStore
    erasure_marks: ErasureMarks
    ledger_index: LedgerIndexReader
    reports: ReportStore


def ledger_stores(
    storage: StorageAccount,
    writer: str,
    clock: Callable[[], float] = time.time,
    *,
    on_dead_letter: Callable[[str], None] | None = None,
    **appending: Unpack[AppenderOptions],
) -> LedgerStores:
    """The stores of a worker, `writer`, which share an appender."""
    json_blobs = JsonBlobs(storage)
    appender = LedgerAppender(storage, writer, **appending)
    dead_letters = DeadLetterStore(json_blobs, appender, clock, on_dead_letter=on_dead_letter)
    erasure_marks = ErasureMarks(json_blobs, clock)
    return LedgerStores(
        appender,
        DeliveryLedger(storage, appender, clock),
        dead_letters,
        erasure_marks,
        LedgerIndexReader(storage, dead_letters, erasure_marks),
        ReportStore(storage, json_blobs, clock),
    )


@contextlib.asynccontextmanager
async def sample_account(
    connection_string: str,
    *,
    writer: str = "writer",
    clock: Callable[[], float] = time.time,
    on_dead_letter: Callable[[str], None] | None = None,
    **appending: Unpack[AppenderOptions],
) -> AsyncIterator[AzuriteAccount]:
    """An account with the adapters of a worker, `writer`, until the end of the block."""
    storage = sample_storage(connection_string)
    try:
        yield AzuriteAccount(
            connection_string,
            storage,
            Captures(storage),
            EnvelopeQueue(storage),
            *ledger_stores(storage, writer, clock, on_dead_letter=on_dead_letter, **appending),
            JsonBlobs(storage),
        )
    finally:
        await storage.aclose()
