"""The poison queue against Azurite: no exchange is lost, and none is retried without end."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from io import StringIO

import pytest

from harness.sample_envelope import PLAIN, sample_envelope
from local.stack.ports import free_ports
from local.stack.storage import connection_string
from shared.adapters.queues.envelope_queue import EnvelopeQueue
from shared.core.decisions.poison import MAX_FAILURES
from shared.core.records.delivery.dead_letter import DeadLetterReason, failure_count_name
from shared.core.records.exchange import capture
from shared.core.records.exchange.envelope import Envelope, dump, mark_replayed, mark_requeued
from shared.core.records.exchange.outcome import Outcome
from shared.core.records.exchange.window import Window
from shared.core.records.queue import envelope_message
from shared.core.records.queue.envelope_message import POISON_QUEUE
from shared.enrichment.poison_handler import PoisonHandler
from shared.errors import StorageError
from tests.integration.support.azurite import (
    AzuriteAccount,
    accepted_events,
    sample_account,
    sample_id,
    sample_window,
)

pytestmark = pytest.mark.anyio


def poison_handler(
    account: AzuriteAccount, reason: DeadLetterReason | BaseException | None = None
) -> PoisonHandler:
    """`reason`: the reason or the failure of every attempt to build an event."""

    async def undeliverable_reason(_: Envelope) -> DeadLetterReason | None:
        if isinstance(reason, BaseException):
            raise reason
        return reason

    return PoisonHandler(
        undeliverable_reason=undeliverable_reason,
        captures=account.captures,
        dead_letters=account.dead_letters,
        erased_exchanges=account.erasure_marks,
        failure_counts=account.json_blobs,
        queue=EnvelopeQueue(account.storage, POISON_QUEUE),
    )


_runs = iter(range(10**6))


def by_reconcile(envelope: Envelope) -> Envelope:
    """The envelope as reconcile queues it."""
    return mark_requeued(envelope, "reconcile")


async def reconcile(account: AzuriteAccount, exchange_id: str) -> list[Envelope]:
    """The envelopes that the next run of reconcile queues in the exchange's window."""
    it = account.reconciliation()
    window = Window.of_exchange(exchange_id)
    await it.reconcile(window.name, window.end + timedelta(seconds=next(_runs)))
    return await account.take_queued()


async def test_a_message_that_is_not_an_envelope_is_discarded(
    azurite: str, caplog: pytest.LogCaptureFixture, every_log: StringIO
) -> None:
    """One log line reports it, without the message's content."""
    async with sample_account(azurite) as account:
        for message in (b"", b"null", b"\xff\xfe", b'{"secret": 1}', b"[" * 100_000):
            await poison_handler(account).handle(message)
    assert len(caplog.records) == 5
    assert "secret" not in every_log.getvalue()


async def test_shared_messages_are_split_for_examination(azurite: str) -> None:
    """One that kills the worker must not hide the others."""
    async with sample_account(azurite) as account:
        envelopes = [await account.put_exchange(sample_id(sample_window())) for _ in range(3)]
        message = envelope_message.pack([dump(envelope) for envelope in envelopes])
        await poison_handler(account, DeadLetterReason.ASSEMBLY_FAILED).handle(message.encode())
        assert await account.take_queued(POISON_QUEUE) == envelopes
        for envelope in envelopes:
            assert await account.json_blobs.get(failure_count_name(envelope.exchange_id)) is None


async def test_a_transient_failure_is_left_to_reconcile(
    azurite: str,
) -> None:
    """A failure that passes is not counted, however often it occurs."""
    async with sample_account(azurite) as account:
        envelope = await account.put_exchange(sample_id(sample_window()))
        for _ in range(MAX_FAILURES + 3):
            await poison_handler(account).handle(dump(envelope).encode())
            assert await reconcile(account, envelope.exchange_id) == [by_reconcile(envelope)]
        assert await account.json_blobs.get(failure_count_name(envelope.exchange_id)) is None


async def test_an_outcome_without_a_capture_is_stored(azurite: str) -> None:
    """Reconcile finds it in the captures."""
    async with sample_account(azurite) as account:
        exchange_id = sample_id(sample_window())
        await account.put_request(exchange_id)
        envelope = replace(await account.put_response(exchange_id), response_capture=None)
        await account.captures.erase(capture.response_name(exchange_id))
        await poison_handler(account).handle(dump(envelope).encode())
        assert await reconcile(account, exchange_id) == [by_reconcile(envelope)]


async def test_an_event_that_cannot_be_built_is_dead_lettered(
    azurite: str, caplog: pytest.LogCaptureFixture
) -> None:
    """This takes a few deliveries, and logs one error. A requeued one starts anew."""
    async with sample_account(azurite) as account:
        envelope = await account.put_exchange(sample_id(sample_window()))
        delivered = 0
        while True:
            await poison_handler(account, DeadLetterReason.ASSEMBLY_FAILED).handle(
                dump(envelope).encode()
            )
            delivered += 1
            if not await reconcile(account, envelope.exchange_id):
                break
        # one that was on its way
        await poison_handler(account, DeadLetterReason.ASSEMBLY_FAILED).handle(
            dump(envelope).encode()
        )
        assert delivered == MAX_FAILURES
        assert (
            await account.dead_letters.dead_letter_reason(envelope.exchange_id) == "assembly_failed"
        )
        assert [record.levelno for record in caplog.records].count(logging.ERROR) == 1

        dead_letters = account.dead_letter_operations()
        assert await dead_letters.requeue(envelope.exchange_id)
        assert await account.take_queued() == [mark_requeued(envelope, "requeue")]
        # given up once more, for a reason that passes
        await poison_handler(account).handle(dump(envelope).encode())
        assert await reconcile(account, envelope.exchange_id) == [by_reconcile(envelope)]


async def test_an_outcome_is_stored_before_dead_lettering(azurite: str) -> None:
    """A requeued dead letter says how the exchange ended, although no response came."""
    async with sample_account(azurite) as account:
        exchange_id = sample_id(sample_window())
        await account.put_request(exchange_id)
        envelope = replace(
            PLAIN,
            exchange_id=exchange_id,
            outcome=Outcome.TIMED_OUT,
            request_capture=capture.request_name(exchange_id),
            response_capture=None,
            outcome_pending=True,
        )
        for _ in range(MAX_FAILURES):
            await poison_handler(account, DeadLetterReason.ASSEMBLY_FAILED).handle(
                dump(envelope).encode()
            )
        assert await account.dead_letters.dead_letter_reason(exchange_id) == "assembly_failed"
        dead_letters = account.dead_letter_operations()
        assert await dead_letters.requeue(exchange_id)
        expected = replace(envelope, outcome_pending=False, requeued="requeue")
        assert await account.take_queued() == [expected]


async def test_an_event_that_is_refused_is_dead_lettered(
    azurite: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Rounds in which it was refused, however often in each. Those in between, which failed
    otherwise, do not count.
    """
    async with sample_account(azurite) as account:
        envelope = await account.put_exchange(sample_id(sample_window()))
        exchange_id = envelope.exchange_id
        for number in range(MAX_FAILURES):
            for _ in range(5):
                await account.dead_letters.record_event_rejection(exchange_id)
            assert await account.dead_letters.dead_letter_reason(exchange_id) is None
            await poison_handler(account).handle(dump(envelope).encode())
            if number < MAX_FAILURES - 1:
                await poison_handler(account).handle(dump(envelope).encode())
                assert await reconcile(account, exchange_id) == [by_reconcile(envelope)]
        assert await account.dead_letters.dead_letter_reason(exchange_id) == "refused"
        assert await reconcile(account, exchange_id) == []
        assert [record.levelno for record in caplog.records].count(logging.ERROR) == 1
        assert await account.json_blobs.get(failure_count_name(exchange_id)) is None

        dead_letters = account.dead_letter_operations()
        assert await dead_letters.requeue(exchange_id)
        # given up once more, for a reason that passes
        await poison_handler(account).handle(dump(envelope).encode())
        assert await reconcile(account, exchange_id) == [
            mark_requeued(envelope, "requeue"),
            by_reconcile(envelope),
        ]


async def test_an_event_that_kills_the_worker_is_dead_lettered(azurite: str) -> None:
    """The failure is counted before the event is built."""

    class WorkerKilled(BaseException):
        pass

    async with sample_account(azurite) as account:
        envelope = await account.put_exchange(sample_id(sample_window()))
        for _ in range(MAX_FAILURES):
            with pytest.raises(WorkerKilled):
                await poison_handler(account, WorkerKilled()).handle(dump(envelope).encode())
        await poison_handler(account, WorkerKilled()).handle(dump(envelope).encode())
        assert (
            await account.dead_letters.dead_letter_reason(envelope.exchange_id) == "assembly_failed"
        )
        await account.dead_letters.remove_dead_letter(envelope.exchange_id)


async def test_a_transient_failure_keeps_the_count(azurite: str) -> None:
    """It neither adds to the failures before it nor takes one of them away."""
    async with sample_account(azurite) as account:
        envelope = await account.put_exchange(sample_id(sample_window()))
        failed = DeadLetterReason.ASSEMBLY_FAILED
        for reason in (failed, None, None, failed, None):
            await poison_handler(account, reason).handle(dump(envelope).encode())
        assert await account.json_blobs.get(failure_count_name(envelope.exchange_id)) == {
            "failures": 2
        }
        assert await account.dead_letters.dead_letter_reason(envelope.exchange_id) is None


async def test_storage_that_is_down_counts_as_transient() -> None:
    """The captures cannot be read: that says nothing of the event. Nothing is needed to leave it to
    reconcile.
    """
    async with sample_account(connection_string(free_ports())) as account:
        envelope = sample_envelope(response_capture="there")
        await poison_handler(account, StorageError("down")).handle(dump(envelope).encode())


async def test_a_failed_replay_is_listed_and_can_be_requeued(
    azurite: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The exchange itself was delivered: it stays so in every report."""
    async with sample_account(azurite) as account:
        window = sample_window()
        envelope = await account.put_exchange(sample_id(window))
        await account.ledger.append_deliveries(accepted_events([envelope.exchange_id]))
        await poison_handler(account).handle(dump(mark_replayed(envelope)).encode())
        assert "The replay of exchange" in caplog.text
        dead_letters = account.dead_letter_operations()
        assert [
            (dead_letter.exchange_id, dead_letter.reason)
            for dead_letter in await dead_letters.list_oldest()
        ] == [(envelope.exchange_id, "replay_failed")]
        known = await account.ledger_index.index(window.name)
        assert (len(known.delivered), len(known.dead_lettered)) == (1, 0)
        assert await dead_letters.requeue(envelope.exchange_id)
        assert await account.take_queued() == [mark_replayed(envelope)]
        assert await dead_letters.list_oldest() == []


async def test_a_failed_replay_hides_nothing(
    azurite: str,
) -> None:
    """Its exchange stays missing, or dead-lettered."""
    async with sample_account(azurite) as account:
        missing = await account.put_exchange(sample_id(sample_window()))
        await poison_handler(account).handle(dump(mark_replayed(missing)).encode())
        assert await reconcile(account, missing.exchange_id) == [by_reconcile(missing)]
        assert await account.dead_letters.dead_letter(
            missing.exchange_id, DeadLetterReason.TOO_LARGE
        ), "what is dead-lettered now, was not before"
        await poison_handler(account).handle(dump(mark_replayed(missing)).encode())
        assert await account.dead_letters.dead_letter_reason(missing.exchange_id) == "too_large"
        await account.dead_letters.remove_dead_letter(missing.exchange_id)
