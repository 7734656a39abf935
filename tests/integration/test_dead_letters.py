"""What operators do to single exchanges, against Azurite."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.stack import Stack
from shared.completeness.dead_letters import DeadLetters
from shared.core.records import capture
from shared.errors import CaptureError
from tests.integration.azurite import Account, a_window, an_account, an_id

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def azurite() -> Iterator[str]:
    with Stack(only=["azurite"]) as stack:
        yield stack.storage_connection_string


def dead_letters(account: Account) -> DeadLetters:
    return DeadLetters(account.captures, account.ledger, account.envelopes, account.json_blobs)


async def test_a_dead_letter_is_requeued(
    azurite: str,
) -> None:
    """It leaves the list, and earlier refusals of the Event Hub no longer count."""
    async with an_account(azurite) as account:
        envelope = await account.put_exchange(an_id(a_window()))
        await account.ledger.record_event_refusal(envelope.exchange_id)
        await account.ledger.dead_letter(envelope.exchange_id, "refused")
        listed = await dead_letters(account).list_oldest()
        assert [(each.exchange_id, each.reason) for each in listed] == [
            (envelope.exchange_id, "refused")
        ]
        assert await dead_letters(account).requeue(envelope.exchange_id)
        assert await account.take_queued() == [envelope]
        assert await dead_letters(account).list_oldest() == []
        # what was refused before counts no more
        assert not await account.ledger.take_event_refusal(envelope.exchange_id)


async def test_an_unreadable_capture_stays_dead_lettered(azurite: str) -> None:
    """Requeueing it raises, and the list still has it."""
    async with an_account(azurite) as account:
        each = an_id(a_window())
        await account.captures.put(capture.response_name(each), (b"garbage",))
        await account.ledger.dead_letter(each, "corrupt_capture")
        with pytest.raises(CaptureError):
            await dead_letters(account).requeue(each)
        assert [
            dead_lettered.exchange_id for dead_lettered in await dead_letters(account).list_oldest()
        ] == [each]
        await account.ledger.remove_dead_letter(each)


async def test_an_unknown_exchange_is_not_requeued(azurite: str) -> None:
    """An id that is not dead-lettered is reported as such."""
    async with an_account(azurite) as account:
        assert not await dead_letters(account).requeue(an_id(a_window()))


async def test_an_erased_exchange_leaves_nothing(azurite: str) -> None:
    """Neither captures nor a dead letter; a second erasure finds nothing."""
    async with an_account(azurite) as account:
        each = an_id(a_window())
        await account.put_exchange(each)
        await account.ledger.dead_letter(each, "too_large")
        assert await dead_letters(account).erase(each)
        for name in (capture.request_name(each), capture.response_name(each)):
            assert not await account.captures.exists(name)
        assert await dead_letters(account).list_oldest() == []
        assert not await dead_letters(account).erase(each), "nothing is left to erase"


async def test_erasing_one_exchange_leaves_its_neighbours(azurite: str) -> None:
    """Of the same window."""
    window = a_window()
    async with an_account(azurite) as account:
        erased, kept = an_id(window), an_id(window)
        for each in (erased, kept):
            await account.put_exchange(each)
        await dead_letters(account).erase(erased)
        assert await account.captures.exists(capture.response_name(kept))
