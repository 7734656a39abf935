"""Retention by a content rule, with Azurite: the relay records an exchange, enrichment delivers it,
and its captures are erased when its days are over. Other exchanges of the hour stay.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.adapters.blobs.captures import Captures
from shared.adapters.blobs.usage_claims import UsageClaims
from shared.completeness.expiry import MAX_RUN_S, Expiry, ExpiryRun
from shared.completeness.replay import ReplayRunner
from shared.core.content import policy
from shared.core.records.completeness import retention
from shared.core.records.exchange import capture
from shared.core.records.exchange.capture import CaptureKind, capture_name
from shared.core.records.exchange.window import Window
from shared.core.records.operator.replay_request import ReplayRequest
from shared.core.wire.content_mode import ContentMode
from shared.enrichment.assembly import Assembler
from shared.enrichment.retention_marks import RetentionMarks
from shared.errors import DeliveryError, StorageError
from tests.integration.support.azurite import (
    AzuriteAccount,
    sample_account,
    sample_id,
    sample_window,
)
from tests.integration.support.event_deliveries import event_delivery
from tests.integration.support.exchanges import RelayClient, document, relay_setup
from tests.integration.support.stores import FakeEventHub

pytestmark = pytest.mark.anyio

ASK = b'{"messages": [{"role": "user", "content": "plum"}]}'
ANSWER = b'{"choices": [{"message": {"content": "plum"}}]}'
RULES = policy.parse(
    '{"rules": [{"name": "hr", "product": "hr", "mode": "full", "retention_days": 3}]}',
    ContentMode.FULL,
)


def hub_of(account: AzuriteAccount, failure: Exception | None = None) -> FakeEventHub:
    """An Event Hub whose acceptances go to the account's ledger."""
    return FakeEventHub(failure=failure, on_accepted=account.ledger.append_deliveries)


async def relay_exchange(account: AzuriteAccount, hub: FakeEventHub, product: str) -> str:
    """The id of an exchange that the relay recorded and enrichment tried to deliver."""
    setup = relay_setup(document(ANSWER), store=account.captures)  # type: ignore[arg-type]
    setup.relay.content_policy = lambda: RULES
    headers = {"content-length": str(len(ASK)), "x-apim-product-id": product}
    headers["x-apim-user-id"] = "anna"
    client = RelayClient(setup.relay, ASK, headers=headers)
    await client.run()
    enrichment = event_delivery(
        captures=account.captures,
        assemble=Assembler(None),
        claims=UsageClaims(account.json_blobs),
        event_hub=hub,
        ledger=account.ledger,
        dead_letters=account.dead_letters,
        erased_exchanges=account.erasure_marks,
        marks=RetentionMarks(account.json_blobs),
    )
    envelope = await setup.envelope()
    if hub.failure:
        with pytest.raises(DeliveryError):
            await enrichment.deliver(envelope)
    else:
        await enrichment.deliver(envelope)
    return client.exchange_id


def expiry(account: AzuriteAccount, now: datetime, *, max_run_s: float = MAX_RUN_S) -> Expiry:
    return Expiry(
        captures=account.captures,
        ledger=account.ledger_index,
        dead_letters=account.dead_letters,
        records=account.json_blobs,
        now=lambda: now,
        max_run_s=max_run_s,
    )


async def expire(account: AzuriteAccount, now: datetime) -> ExpiryRun:
    return await expiry(account, now).erase_due()


async def marks(account: AzuriteAccount, windows: Collection[Window]) -> list[str]:
    ends = tuple(window.name.replace("/", "-") for window in windows)
    return [n async for n in account.json_blobs.names(retention.PREFIX) if n.endswith(ends)]


async def stored_bytes(account: AzuriteAccount, exchange_id: str) -> bytes:
    """The bytes of all captures of an exchange."""
    container = account.storage.blobs.get_container_client(capture.CONTAINER)
    held = b""
    for kind in CaptureKind:
        name = capture_name(exchange_id, kind)
        if await account.captures.exists(name):
            held += await (await container.download_blob(name)).readall()
    return held


async def test_the_captures_of_a_rule_are_erased_when_they_are_due(
    azurite: str, caplog: pytest.LogCaptureFixture
) -> None:
    """They are not erased before that, and captures of other rules are not erased at all."""
    async with sample_account(azurite, writer=uuid.uuid4().hex) as account:
        hub = hub_of(account)
        short, long = [await relay_exchange(account, hub, product) for product in ("hr", "it")]
        assert [event.get("retention_days") for event in hub.events] == [3, None]
        window = Window.of_exchange(short)
        due = window.end + timedelta(days=3)
        assert await expire(account, due - timedelta(seconds=1)) == ExpiryRun()
        assert b"plum" in await stored_bytes(account, short)
        assert await expire(account, due) == ExpiryRun(erased=1)
        held = await stored_bytes(account, short)
        assert all(secret not in held for secret in (b"plum", b"anna", b"envelope"))
        assert b"plum" in await stored_bytes(account, long)
        assert caplog.messages == [
            "Retention is over of 1 exchanges, whose captures are erased; "
            "0 of them were never delivered; 0 could not be erased and are tried again"
        ]
        assert await marks(account, [window]) == []
        assert await expire(account, due) == ExpiryRun()


async def test_a_replay_reports_expired_captures_as_erased(azurite: str) -> None:
    async with sample_account(azurite, writer=uuid.uuid4().hex) as account:
        hub = hub_of(account)
        ids = [await relay_exchange(account, hub, product) for product in ("hr", "it")]
        window = Window.of_exchange(ids[0])
        await expire(account, window.end + timedelta(days=3))
        runner = ReplayRunner(
            captures=account.captures,
            ledger=account.ledger,
            erasure_marks=account.erasure_marks,
            envelopes=account.envelopes,
            checkpoints=account.json_blobs,
            back_pressure=account.back_pressure(),
            max_age=timedelta(0),
        )
        end = window.end + timedelta(hours=1)
        request = ReplayRequest(first=window.start, end=end, ids=frozenset(ids))
        pages = [
            await runner.queue_page(uuid.uuid4().hex, request, name, None)
            for name in request.windows()
        ]
        queued = [envelope.exchange_id for envelope in await account.take_queued()]
        assert queued == [ids[1]]
        assert sum(page.erased for page in pages) == 1


async def test_what_was_never_delivered_is_a_dead_letter_then(
    azurite: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The report of its hour says that it is lost, and nothing queues it again."""
    caplog.set_level(logging.INFO)
    async with sample_account(azurite, writer=uuid.uuid4().hex) as account:
        exchange_id = await relay_exchange(account, hub_of(account, DeliveryError("not now")), "hr")
        window = Window.of_exchange(exchange_id)
        run = await expire(account, window.end + timedelta(days=3))
        assert (run.erased, run.undelivered) == (1, 1)
        assert await account.dead_letters.dead_letter_reason(exchange_id) == "expired"
        reconciliation = account.reconciliation()
        report = await reconciliation.reconcile(window.name, window.end)
        assert (report.dead_lettered, report.redelivered, report.aborted) == (1, 0, 0)
        assert await account.take_queued() == []
        letters = account.dead_letter_operations()
        assert not await letters.requeue(exchange_id)


async def test_a_message_that_comes_afterwards_sends_nothing(
    azurite: str, caplog: pytest.LogCaptureFixture
) -> None:
    window = sample_window()
    async with sample_account(azurite, writer=uuid.uuid4().hex) as account:
        hub = hub_of(account)
        envelope = await account.put_exchange(sample_id(window))
        for name in (envelope.request_capture, envelope.response_capture):
            assert name is not None
            header = await account.captures.header(name)
            await account.captures.put(name, (capture.expired_capture(header),))
        enrichment = event_delivery(
            captures=account.captures,
            assemble=Assembler(None),
            claims=UsageClaims(account.json_blobs),
            event_hub=hub,
            ledger=account.ledger,
            dead_letters=account.dead_letters,
            erased_exchanges=account.erasure_marks,
        )
        await enrichment.deliver(replace(envelope, retention_days=3))
        index = await account.ledger_index.index(window.name)
    assert hub.events == []
    assert envelope.exchange_id not in index
    assert caplog.messages == [
        f"Exchange {envelope.exchange_id} is not delivered: its captures expired"
    ]


class RetainedCaptures(Captures):
    """Storage refuses to replace a capture, as with a time-based retention of the container."""

    refusing = True

    async def put(self, name: str, parts: object) -> None:
        if self.refusing:
            raise StorageError("storage refused: 409 BlobImmutableDueToPolicy", status=409)
        await super().put(name, parts)  # type: ignore[arg-type]


async def test_what_could_not_be_erased_is_tried_again(azurite: str) -> None:
    window = sample_window()
    async with sample_account(azurite) as account:
        await account.put_request(sample_id(window), retention_days=2)
        await account.json_blobs.put_if_absent(retention.retention_mark_name(window, 2), {})
        captures, now = RetainedCaptures(account.storage), window.end + timedelta(days=2)
        eraser = Expiry(
            captures=captures,
            ledger=account.ledger_index,
            dead_letters=account.dead_letters,
            records=account.json_blobs,
            now=lambda: now,
        )
        assert await eraser.erase_due() == ExpiryRun(failed=1)
        assert len(await marks(account, [window])) == 1
        captures.refusing = False
        assert (await eraser.erase_due()).erased == 1
        assert await marks(account, [window]) == []


async def test_a_run_that_takes_too_long_is_continued(azurite: str) -> None:
    """A window with more than a run erases keeps its mark."""
    window = sample_window()
    async with sample_account(azurite) as account:
        await account.put_request(sample_id(window), retention_days=2)
        await account.json_blobs.put_if_absent(retention.retention_mark_name(window, 2), {})
        now = window.end + timedelta(days=2)
        assert await expiry(account, now, max_run_s=0).erase_due() == ExpiryRun()
        assert len(await marks(account, [window])) == 1
        assert (await expire(account, now)).erased == 1


def test_marks_sort_by_when_they_are_due() -> None:
    window = Window(datetime(2026, 11, 27, 14, tzinfo=UTC))
    name = retention.retention_mark_name(window, 3)
    assert name == "retention/2026/11/30/15/2026-11-27-14"
    due = datetime(2026, 11, 30, 15, tzinfo=UTC)
    assert retention.due_window(name, due) == window
    assert retention.due_window(name, due - timedelta(seconds=1)) is None
    assert retention.due_window("retention/foreign", due) is None
