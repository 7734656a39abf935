"""A capture that was altered in storage, against Azurite: every later delivery says so, and never
becomes what the next one is compared with.
"""

from __future__ import annotations

import hashlib
import uuid
from datetime import timedelta
from typing import Any

import pytest

from shared.adapters.blobs.usage_claims import UsageClaims
from shared.core.records.delivery.dead_letter import DeadLetterReason
from shared.core.records.exchange import capture
from shared.core.records.exchange.digests import of_bytes
from shared.core.records.exchange.envelope import Envelope
from shared.core.records.exchange.exchange_id import started_at
from shared.core.records.exchange.window import Window
from shared.core.records.operator.replay_request import ReplayRequest
from shared.enrichment.assembly import IN_PLACE_BYTES, Assembler
from tests.integration.completeness.replay_runner import sample_replay_runner
from tests.integration.support.azurite import (
    AzuriteAccount,
    sample_account,
    sample_id,
    sample_window,
)
from tests.integration.support.event_deliveries import event_delivery
from tests.integration.support.stores import FakeEventHub

pytestmark = pytest.mark.anyio

REQUEST_ALTERED = "the request's capture was altered"
RESPONSE_ALTERED = "the response's capture was altered"
TRUE_PROMPT = b'{"messages": [{"role": "user", "content": "the truth"}]}'
FALSE_PROMPT = b'{"messages": [{"role": "user", "content": "a lie"}]}'


class Deliveries:
    """Delivers envelopes and replays exchanges of one account."""

    def __init__(self, account: AzuriteAccount) -> None:
        self.account = account
        self.event_hub = FakeEventHub(on_accepted=account.ledger.append_deliveries)
        self._enrichment = event_delivery(
            captures=account.captures,
            assemble=Assembler(None),
            claims=UsageClaims(account.json_blobs),
            event_hub=self.event_hub,
            ledger=account.ledger,
            dead_letters=account.dead_letters,
            erased_exchanges=account.erasure_marks,
        )

    async def deliver(self, envelope: Envelope) -> Any:
        """The event of an envelope."""
        await self._enrichment.deliver(envelope)
        return self.event_hub.events[-1]

    async def replay(self, exchange_id: str) -> Any:
        """The event of an exchange that is replayed."""
        account, window = self.account, Window.of_exchange(exchange_id)
        runner = sample_replay_runner(account)
        first = started_at(exchange_id)
        selection = ReplayRequest(first=first, end=first + timedelta(milliseconds=1))
        await runner.queue_page(uuid.uuid4().hex, selection, window.name, None)
        return await self.deliver_queued()

    async def deliver_queued(self) -> Any:
        """The event of the only envelope on the queue."""
        (envelope,) = await self.account.take_queued()
        return await self.deliver(envelope)


async def delivered_once(account: AzuriteAccount, deliveries: Deliveries) -> str:
    """The id of an exchange whose true event was delivered."""
    exchange_id = sample_id(sample_window())
    await account.put_request(exchange_id, body=TRUE_PROMPT)
    event = await deliveries.deliver(await account.put_response(exchange_id))
    assert (event["prompt"][0]["content"], event["problems"]) == ("the truth", [])
    return exchange_id


async def test_a_replay_of_unaltered_captures_has_no_problems(azurite: str) -> None:
    """The ledger has the digest of the event as it was sent."""
    async with sample_account(azurite) as account:
        deliveries = Deliveries(account)
        exchange_id = await delivered_once(account, deliveries)
        assert (await deliveries.replay(exchange_id))["problems"] == []
        window = Window.of_exchange(exchange_id).name
        known = (await account.ledger.first_digests(window, [exchange_id]))[exchange_id]
        assert known.event == of_bytes(deliveries.event_hub.sent[0][0])


async def test_an_altered_request_is_a_problem_of_every_replay(
    azurite: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The altered capture does not become the true one by being replayed."""
    async with sample_account(azurite) as account:
        deliveries = Deliveries(account)
        exchange_id = await delivered_once(account, deliveries)
        await account.put_request(exchange_id, body=FALSE_PROMPT)
        for _ in range(2):
            event = await deliveries.replay(exchange_id)
            assert event["prompt"][0]["content"] == "a lie"
            assert event["problems"] == [REQUEST_ALTERED]
    line = f"Exchange {exchange_id} was altered in storage: {REQUEST_ALTERED}"
    assert [record.message for record in caplog.records].count(line) == 2


async def capture_exchange(account: AzuriteAccount) -> tuple[str, Envelope]:
    """The id and envelope of an exchange that is not delivered yet, as the relay recorded it."""
    exchange_id = sample_id(sample_window())
    await account.put_request(exchange_id, body=TRUE_PROMPT)
    envelope = await account.put_response(
        exchange_id,
        request_sha256=hashlib.sha256(TRUE_PROMPT).hexdigest(),
        response_sha256=hashlib.sha256(b"{}").hexdigest(),
    )
    return exchange_id, envelope


async def test_what_is_altered_before_the_first_delivery_is_found(azurite: str) -> None:
    """The hash in the envelope shows it. The digest that the ledger then enters is no measure for a
    replay.
    """
    async with sample_account(azurite) as account:
        deliveries = Deliveries(account)
        exchange_id, envelope = await capture_exchange(account)
        await account.put_request(exchange_id, body=FALSE_PROMPT)
        assert (await deliveries.deliver(envelope))["problems"] == [REQUEST_ALTERED]
        assert (await deliveries.replay(exchange_id))["problems"] == [REQUEST_ALTERED]
        await account.put_request(exchange_id, body=TRUE_PROMPT)  # somebody restores it
        assert (await deliveries.replay(exchange_id))["problems"] == []


async def test_reconcile_finds_what_was_altered_during_an_outage(azurite: str) -> None:
    """The response's capture holds the envelope, and with it the hashes."""
    async with sample_account(azurite) as account:
        deliveries = Deliveries(account)
        exchange_id, _ = await capture_exchange(account)
        await account.put_request(exchange_id, body=FALSE_PROMPT)
        window = Window.of_exchange(exchange_id)
        await account.reconciliation().reconcile(window.name, window.end)
        assert (await deliveries.deliver_queued())["problems"] == [REQUEST_ALTERED]


async def test_a_dead_letter_that_was_altered_is_found(azurite: str) -> None:
    """It was never delivered, so the ledger has no digest of it."""
    async with sample_account(azurite) as account:
        deliveries = Deliveries(account)
        exchange_id, _ = await capture_exchange(account)
        await account.dead_letters.dead_letter(exchange_id, DeadLetterReason.TOO_LARGE)
        await account.put_request(exchange_id, body=FALSE_PROMPT)
        assert await account.dead_letter_operations().requeue(exchange_id)
        assert (await deliveries.deliver_queued())["problems"] == [REQUEST_ALTERED]


async def test_an_altered_header_is_found(azurite: str) -> None:
    """It holds who called."""
    async with sample_account(azurite) as account:
        deliveries = Deliveries(account)
        exchange_id = await delivered_once(account, deliveries)
        await account.put_request(exchange_id, body=TRUE_PROMPT, caller={"user": "another"})
        assert (await deliveries.replay(exchange_id))["problems"] == [REQUEST_ALTERED]


async def test_a_childs_event_is_compared_as_well(azurite: str) -> None:
    async with sample_account(azurite) as account:
        deliveries, exchange_id = Deliveries(account), sample_id(sample_window())
        long_prompt = TRUE_PROMPT.replace(b"truth", b"truth " * IN_PLACE_BYTES)
        await account.put_request(exchange_id, body=long_prompt)
        await deliveries.deliver(await account.put_response(exchange_id))
        assert (await deliveries.replay(exchange_id))["problems"] == []
        await account.put_request(exchange_id, body=long_prompt.replace(b"truth", b"false"))
        assert (await deliveries.replay(exchange_id))["problems"] == [REQUEST_ALTERED]


async def test_a_mark_of_erasure_hides_nothing(azurite: str) -> None:
    """Only redacted exchanges are erased after delivery. Another one with that mark would be taken
    for delivered, and would never be.
    """
    async with sample_account(azurite) as account:
        deliveries = Deliveries(account)
        exchange_id, envelope = await capture_exchange(account)
        await account.put_request(exchange_id, body=b"", erased=True)
        assert REQUEST_ALTERED in (await deliveries.deliver(envelope))["problems"]
        assert len(deliveries.event_hub.sent) == 1


async def test_a_deleted_response_is_found(azurite: str) -> None:
    """Without it the exchange looks as if its instance had been killed."""
    async with sample_account(azurite) as account:
        deliveries = Deliveries(account)
        exchange_id = await delivered_once(account, deliveries)
        await account.captures.erase(capture.response_name(exchange_id))
        event = await deliveries.replay(exchange_id)
        assert event["outcome"] == "aborted"
        assert event["problems"] == [f"{RESPONSE_ALTERED}: it is not there any more"]


async def test_a_requeued_replay_is_compared_as_well(azurite: str) -> None:
    """An operator requeues a replay that failed."""
    async with sample_account(azurite) as account:
        deliveries = Deliveries(account)
        exchange_id = await delivered_once(account, deliveries)
        await account.captures.put(
            capture.response_name(exchange_id),
            (
                capture.preamble(await account.captures.header(capture.response_name(exchange_id))),
                b"[]",
            ),
        )
        await account.dead_letters.list_failed_replay(exchange_id)
        assert await account.dead_letter_operations().requeue(exchange_id)
        assert RESPONSE_ALTERED in (await deliveries.deliver_queued())["problems"]


async def test_a_late_capture_is_not_altered(azurite: str) -> None:
    """Reconcile took an exchange for dead that was only slow: first there was a placeholder, then
    the whole capture, and a response.
    """
    async with sample_account(azurite) as account:
        deliveries, exchange_id = Deliveries(account), sample_id(sample_window())
        await account.put_request(exchange_id, body=b"", partial=True)
        aborted = await deliveries.replay(exchange_id)
        assert aborted["outcome"] == "aborted"
        await account.put_request(exchange_id, body=TRUE_PROMPT)
        await deliveries.deliver(await account.put_response(exchange_id))
        assert (await deliveries.replay(exchange_id))["problems"] == []
