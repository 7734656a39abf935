"""The operations of operators on single exchanges, against Azurite."""

from __future__ import annotations

import pytest

from shared.adapters.blobs.usage_claims import UsageClaims
from shared.adapters.ledger.erasure_marks import ErasureMarks
from shared.core.records.delivery.dead_letter import DeadLetterReason
from shared.core.records.exchange import capture
from shared.core.records.exchange.digests import Digests
from shared.core.records.exchange.envelope import mark_requeued
from shared.enrichment.assembly import Assembler
from shared.errors import CaptureError, StorageError
from tests.integration.support.azurite import sample_account, sample_id, sample_window
from tests.integration.support.event_deliveries import event_delivery

pytestmark = pytest.mark.anyio


async def test_a_dead_letter_is_requeued(
    azurite: str,
) -> None:
    """It leaves the list, and earlier refusals of the Event Hub no longer count."""
    async with sample_account(azurite) as account:
        envelope = await account.put_exchange(sample_id(sample_window()))
        await account.dead_letters.record_event_rejection(envelope.exchange_id)
        await account.dead_letters.dead_letter(envelope.exchange_id, DeadLetterReason.REFUSED)
        listed = await account.dead_letter_operations().list_oldest()
        assert [(dead_letter.exchange_id, dead_letter.reason) for dead_letter in listed] == [
            (envelope.exchange_id, "refused")
        ]
        assert await account.dead_letter_operations().requeue(envelope.exchange_id)
        assert await account.take_queued() == [mark_requeued(envelope, "requeue")]
        assert await account.dead_letter_operations().list_oldest() == []
        # earlier refusals no longer count
        assert not await account.dead_letters.take_event_rejection(envelope.exchange_id)


async def test_an_unreadable_capture_stays_dead_lettered(azurite: str) -> None:
    """Requeueing it raises, and the list still has it."""
    async with sample_account(azurite) as account:
        exchange_id = sample_id(sample_window())
        await account.captures.put(capture.response_name(exchange_id), (b"garbage",))
        await account.dead_letters.dead_letter(exchange_id, DeadLetterReason.CORRUPT_CAPTURE)
        with pytest.raises(CaptureError):
            await account.dead_letter_operations().requeue(exchange_id)
        assert [
            dead_lettered.exchange_id
            for dead_lettered in await account.dead_letter_operations().list_oldest()
        ] == [exchange_id]
        await account.dead_letters.remove_dead_letter(exchange_id)


async def test_an_unknown_exchange_is_not_requeued(azurite: str) -> None:
    """An id that is not dead-lettered is reported as such."""
    async with sample_account(azurite) as account:
        assert not await account.dead_letter_operations().requeue(sample_id(sample_window()))


async def test_an_erased_exchange_leaves_nothing(azurite: str) -> None:
    """No capture and no dead letter is left. A second erasure finds nothing to erase."""
    async with sample_account(azurite) as account:
        exchange_id = sample_id(sample_window())
        await account.put_exchange(exchange_id)
        await account.dead_letters.dead_letter(exchange_id, DeadLetterReason.TOO_LARGE)
        assert await account.dead_letter_operations().erase(exchange_id)
        for name in (capture.request_name(exchange_id), capture.response_name(exchange_id)):
            assert not await account.captures.exists(name)
        assert await account.dead_letter_operations().list_oldest() == []
        assert not await account.dead_letter_operations().erase(exchange_id), (
            "nothing is left to erase"
        )


class MarksThatFailOnce(ErasureMarks):
    """Storage refuses the first mark."""

    failed = False

    async def mark_erased(self, exchange_id: str, run: str | None) -> None:
        if not self.failed:
            self.failed = True
            raise StorageError("storage refused", status=503)
        await super().mark_erased(exchange_id, run)


async def test_an_erasure_whose_mark_failed_can_be_repeated(azurite: str) -> None:
    """The first call erases nothing; the second one erases the exchange and marks it."""
    async with sample_account(azurite) as account:
        exchange_id = sample_id(sample_window())
        await account.put_exchange(exchange_id)
        account.erasure_marks = MarksThatFailOnce(account.json_blobs)
        operations = account.dead_letter_operations()
        with pytest.raises(StorageError):
            await operations.erase(exchange_id)
        assert await account.captures.exists(capture.response_name(exchange_id))
        assert await operations.erase(exchange_id)
        assert not await account.captures.exists(capture.response_name(exchange_id))
        assert await account.erasure_marks.is_erased(exchange_id)


async def test_a_second_erasure_leaves_the_mark_of_the_first(azurite: str) -> None:
    """An exchange of which nothing was ever stored gets no mark."""
    async with sample_account(azurite) as account:
        erased, unknown = sample_id(sample_window()), sample_id(sample_window())
        await account.put_exchange(erased)
        operations = account.dead_letter_operations()
        assert await operations.erase(erased)
        assert not await operations.erase(erased)
        assert not await operations.erase(unknown)
        assert await account.erasure_marks.is_erased(erased)
        assert not await account.erasure_marks.is_erased(unknown)


async def test_a_dead_letter_without_captures_is_erased(azurite: str) -> None:
    """Retention may have deleted its captures."""
    async with sample_account(azurite) as account:
        exchange_id = sample_id(sample_window())
        await account.dead_letters.dead_letter(exchange_id, DeadLetterReason.EXPIRED)
        assert await account.dead_letter_operations().erase(exchange_id)
        assert await account.dead_letter_operations().list_oldest() == []


async def test_the_blocks_of_a_cut_upload_are_erased(azurite: str) -> None:
    """The upload's commit never came, so there is no capture of that name."""
    async with sample_account(azurite) as account:
        exchange_id = sample_id(sample_window())
        name = capture.request_name(exchange_id)
        await account.captures.stage(name, 0, b"half a prompt")
        assert await account.dead_letter_operations().erase(exchange_id)
        assert not await account.captures.staged_blocks(name)


class AcceptingEventHub:
    """Accepts every event, and has the ids of their exchanges."""

    def __init__(self) -> None:
        self.accepted_ids: list[str] = []

    async def limit_bytes(self) -> int:
        return 1_000_000

    async def send(self, body: bytes, message_id: str, digests: Digests) -> None:
        self.accepted_ids.append(message_id)


async def test_the_queued_envelope_of_an_erased_exchange_is_dropped(azurite: str) -> None:
    """No event carries its caller, path or usage any more, although a mark had failed."""
    async with sample_account(azurite) as account:
        erased, remaining = [
            await account.put_exchange(sample_id(sample_window())) for _ in range(2)
        ]
        account.erasure_marks = MarksThatFailOnce(account.json_blobs)
        operations = account.dead_letter_operations()
        with pytest.raises(StorageError):
            await operations.erase(erased.exchange_id)
        await operations.erase(erased.exchange_id)
        event_hub = AcceptingEventHub()
        delivery = event_delivery(
            captures=account.captures,
            assemble=Assembler("default"),
            claims=UsageClaims(account.json_blobs),
            event_hub=event_hub,
            ledger=account.ledger,
            dead_letters=account.dead_letters,
            erased_exchanges=account.erasure_marks,
        )
        for envelope in (erased, remaining):
            await delivery.deliver(envelope)
        assert event_hub.accepted_ids == [remaining.exchange_id]


async def test_erasing_one_exchange_leaves_its_neighbours(azurite: str) -> None:
    """Other exchanges of the same window stay."""
    window = sample_window()
    async with sample_account(azurite) as account:
        erased, remaining = sample_id(window), sample_id(window)
        for exchange_id in (erased, remaining):
            await account.put_exchange(exchange_id)
        await account.dead_letter_operations().erase(erased)
        assert await account.captures.exists(capture.response_name(remaining))
