"""The operations of operators on single exchanges, against Azurite."""

from __future__ import annotations

import pytest

from shared.core.records.delivery.dead_letter import DeadLetterReason
from shared.core.records.exchange import capture
from shared.core.records.exchange.envelope import mark_requeued
from shared.errors import CaptureError
from tests.integration.support.azurite import sample_account, sample_id, sample_window

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


async def test_erasing_one_exchange_leaves_its_neighbours(azurite: str) -> None:
    """Other exchanges of the same window stay."""
    window = sample_window()
    async with sample_account(azurite) as account:
        erased, remaining = sample_id(window), sample_id(window)
        for exchange_id in (erased, remaining):
            await account.put_exchange(exchange_id)
        await account.dead_letter_operations().erase(erased)
        assert await account.captures.exists(capture.response_name(remaining))
