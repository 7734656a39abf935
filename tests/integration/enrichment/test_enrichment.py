"""Enrichment: done means that the Event Hub accepted the event, or that it is noted that it never
can be.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from harness.sample_envelope import EXCHANGE_ID, PLAIN, sample_envelope
from shared.core.records.exchange import capture
from shared.core.records.exchange import envelope as envelopes
from shared.core.records.exchange.capture import Capture
from shared.core.records.exchange.envelope import Envelope, from_fields
from shared.core.wire.content_mode import ContentMode
from shared.enrichment.assembled_event import AssembledEvent
from shared.enrichment.assembly import Assembler
from shared.enrichment.event_preparation import LARGE_BYTES, EventPreparation
from shared.errors import (
    AssemblyError,
    CaptureError,
    DeliveryError,
    EventRejected,
    EventTooLarge,
    StorageError,
)
from tests.integration.support.stores import FakeEventHub, MemoryCaptures, MemoryStores

pytestmark = pytest.mark.anyio

PENDING = replace(PLAIN, outcome_pending=True)


@dataclass
class EnrichmentSetup(MemoryStores):
    """Enrichment with its stores."""

    def __post_init__(self) -> None:
        self.deliver = self.delivery(Assembler("default")).deliver


async def test_an_event_is_built_and_sent() -> None:
    """It is built of envelope and captures, and sent under the exchange's id."""
    setup = EnrichmentSetup()
    setup.captures.stored = {
        PLAIN.request_capture: Capture(header={"headers": {}}, body=b'{"messages": ["ask"]}'),
        PLAIN.response_capture: Capture(
            header={"headers": {"content-type": "text/event-stream"}},
            body=b'data: {"model": "m", "choices": [{"index": 0, "delta": {"content": "answer"}}]}\n\ndata: [DONE]\n\n',
        ),
    }
    await setup.deliver(PLAIN)
    ((body, message_id),) = setup.event_hub.sent
    fields = json.loads(body)
    assert message_id == fields["exchange_id"] == EXCHANGE_ID
    assert (fields["content"], fields["model"], fields["region"]) == ("answer", "m", "default")


async def test_it_returns_only_after_the_event_hub_has_accepted() -> None:
    setup = EnrichmentSetup()
    setup.event_hub.gate.clear()
    delivering = asyncio.create_task(setup.deliver(PLAIN))
    done, _ = await asyncio.wait({delivering}, timeout=0.1)
    assert not done
    setup.event_hub.gate.set()
    await asyncio.wait_for(delivering, 20)
    assert len(setup.event_hub.sent) == 1


async def test_a_refusal_raises_so_that_the_queue_delivers_again() -> None:
    setup = EnrichmentSetup()
    setup.event_hub.failure = DeliveryError("no")
    with pytest.raises(DeliveryError):
        await setup.deliver(PLAIN)
    assert not setup.dead_letters.entries


async def test_unreachable_storage_raises() -> None:
    """The queue then delivers the message again."""
    setup = EnrichmentSetup()
    setup.captures.failure = StorageError("no")
    with pytest.raises(StorageError):
        await setup.deliver(PLAIN)
    assert not setup.event_hub.sent
    assert not setup.dead_letters.entries


@dataclass
class SlowCaptures(MemoryCaptures):
    """Returns a capture when the test allows it; `reading` holds the names under way."""

    reading: list[str | None] = field(default_factory=list)
    may_go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def get(self, name: str | None) -> Capture | None:
        self.reading.append(name)
        await self.may_go_on.wait()
        return None


@pytest.mark.parametrize(("size", "concurrent_reads"), [(LARGE_BYTES + 1, 1), (1000, 3)])
async def test_large_exchanges_are_enriched_one_at_a_time(size: int, concurrent_reads: int) -> None:
    """The captures of the next one are read when the one before is done; small ones do not wait for
    each other.
    """
    setup, captures = EnrichmentSetup(), SlowCaptures()
    deliver = setup.delivery(Assembler("default"), captures=captures).deliver
    exchanges = [
        sample_envelope(
            request_capture=None, response_capture=f"{at}", request_bytes=0, response_bytes=size
        )
        for at in range(3)
    ]
    delivering = [asyncio.create_task(deliver(exchange)) for exchange in exchanges]
    for _ in range(20):  # every task gets as far as it can
        await asyncio.sleep(0)
    assert [name for name in captures.reading if name] == ["0", "1", "2"][:concurrent_reads]
    captures.may_go_on.set()
    await asyncio.wait_for(asyncio.gather(*delivering), 20)
    assert [name for name in captures.reading if name] == ["0", "1", "2"]
    assert len(setup.event_hub.sent) == 3


async def test_reads_of_captures_are_limited() -> None:
    setup, captures = EnrichmentSetup(), SlowCaptures()
    preparation = EventPreparation(
        captures=captures,
        assemble=Assembler("default"),
        claims=setup.claims,
        erased_exchanges=setup.erased_exchanges,
        max_concurrent_reads=2,
    )
    exchanges = [
        sample_envelope(
            request_capture=None, response_capture=f"{at}", request_bytes=0, response_bytes=1000
        )
        for at in range(3)
    ]
    preparing = [
        asyncio.create_task(preparation.prepare(exchange, 1_000_000)) for exchange in exchanges
    ]
    for _ in range(20):  # every task gets as far as it can
        await asyncio.sleep(0)
    assert [name for name in captures.reading if name] == ["0", "1"]
    captures.may_go_on.set()
    await asyncio.wait_for(asyncio.gather(*preparing), 20)
    assert [name for name in captures.reading if name] == ["0", "1", "2"]


async def test_captures_that_are_missing_cost_their_keys_not_the_event() -> None:
    setup = EnrichmentSetup()
    await setup.deliver(sample_envelope(request_capture=None))
    assert setup.event_hub.events[0]["prompt"] is None


async def test_an_unacknowledged_capture_is_in_the_event() -> None:
    """The responses to the put, and to the question whether it was carried out, were lost."""
    setup = EnrichmentSetup()
    name = capture.request_name(EXCHANGE_ID)
    setup.captures.stored[name] = Capture(header={"method": "POST"}, body=b'{"prompt": "Hello"}')
    await setup.deliver(replace(PLAIN, request_capture=None, request_bytes=19))
    event = setup.event_hub.events[0]
    assert event["request_capture"] == name
    assert "the request's capture is missing" not in " ".join(event["problems"])


async def test_a_placeholder_is_not_a_capture() -> None:
    """It is not taken for a capture that the envelope does not name."""
    setup = EnrichmentSetup()
    name = capture.request_name(EXCHANGE_ID)
    setup.captures.stored[name] = Capture(header={"method": "POST", "partial": True}, body=b"")
    await setup.deliver(replace(PLAIN, request_capture=None, request_bytes=19))
    event = setup.event_hub.events[0]
    assert event["request_capture"] is None
    assert any("request's capture is missing" in problem for problem in event["problems"])


async def test_a_corrupt_capture_is_dead_lettered() -> None:
    """Another try would read the same."""
    setup = EnrichmentSetup()
    setup.captures.failure = CaptureError("cut short")
    await setup.deliver(PLAIN)
    assert setup.dead_letters.entries == [(EXCHANGE_ID, "corrupt_capture")]


async def test_an_event_that_no_event_hub_takes_is_dead_lettered() -> None:
    setup = EnrichmentSetup()
    setup.event_hub.failure = EventTooLarge("too large")
    await setup.deliver(PLAIN)
    assert setup.dead_letters.entries == [(EXCHANGE_ID, "too_large")]


async def test_a_rejected_event_is_recorded_and_retried() -> None:
    """The poison handler counts the rejections."""
    setup = EnrichmentSetup()
    setup.event_hub.failure = EventRejected("not-allowed")
    with pytest.raises(EventRejected):
        await setup.deliver(PLAIN)
    with pytest.raises(EventRejected):
        await setup.deliver(envelopes.mark_replayed(PLAIN))
    assert (setup.dead_letters.rejections, setup.dead_letters.entries) == ([EXCHANGE_ID], []), (
        "of a replay nothing is counted"
    )


class FailingAssembler:
    """A bug that one exchange meets."""

    async def __call__(self, *_parts: Any, **_settled: Any) -> AssembledEvent:
        raise AssemblyError("assembling an event failed: ZeroDivisionError")


async def test_a_temporary_failure_is_not_undeliverable() -> None:
    setup = EnrichmentSetup()
    preparation = setup.preparation(Assembler("default"))
    setup.event_hub.failure = DeliveryError("not now")
    assert await preparation.undeliverable_reason(PLAIN) is None
    broken = setup.preparation(FailingAssembler())
    assert await broken.undeliverable_reason(PLAIN) == "assembly_failed"
    setup.captures.failure = CaptureError("cut short")
    assert await preparation.undeliverable_reason(PLAIN) == "corrupt_capture"
    setup.captures.failure = StorageError("not now")
    with pytest.raises(StorageError):
        await preparation.undeliverable_reason(PLAIN)
    assert not setup.event_hub.sent
    assert not setup.dead_letters.entries


async def test_a_pending_outcome_is_stored_first() -> None:
    """It is stored before the event is sent, and every later delivery reads it. An outcome that is
    stored already stays as it is.
    """
    setup = EnrichmentSetup()
    setup.event_hub.failure = DeliveryError("not now")
    with pytest.raises(DeliveryError):
        await setup.deliver(PENDING)
    ((name, stored),) = setup.captures.outcomes.items()
    assert name == capture.outcome_name(EXCHANGE_ID)
    assert envelopes.from_fields(capture.load(stored).header["envelope"]) == PLAIN
    setup.event_hub.failure = None
    await setup.deliver(PENDING)
    await setup.deliver(PLAIN)
    assert len(setup.event_hub.sent) == 2
    assert setup.captures.outcomes == {name: stored}


async def test_the_envelope_of_an_erased_exchange_is_dropped() -> None:
    """No event, no entry in the ledger, and no capture comes back."""
    setup = EnrichmentSetup()
    setup.erased_exchanges.ids.add(EXCHANGE_ID)
    await setup.deliver(replace(PENDING, request_capture=capture.request_name(EXCHANGE_ID)))
    assert (setup.event_hub.sent, setup.ledger.accepted, setup.captures.outcomes) == ([], [], {})


async def test_no_event_is_sent_of_an_outcome_that_cannot_be_stored() -> None:
    setup = EnrichmentSetup()
    setup.captures.failure = StorageError("not now")
    with pytest.raises(StorageError):
        await setup.deliver(PENDING)
    assert not setup.event_hub.sent
    assert not setup.dead_letters.entries


@pytest.mark.parametrize(
    ("of_capture", "of_event_hub", "reason"),
    [
        (CaptureError("cut short"), None, "corrupt_capture"),
        (None, EventTooLarge("too large"), "too_large"),
    ],
    ids=["corrupt", "too large"],
)
async def test_an_outcome_is_stored_before_a_dead_letter(
    of_capture: Exception | None, of_event_hub: Exception | None, reason: str
) -> None:
    """Requeueing it reads that."""

    class UnreadableCaptures(MemoryCaptures):
        async def get(self, name: str | None) -> Capture | None:
            if of_capture is not None:
                raise of_capture
            return await super().get(name)

    setup = EnrichmentSetup(
        captures=UnreadableCaptures(), event_hub=FakeEventHub(failure=of_event_hub)
    )
    await setup.deliver(PENDING)
    assert list(setup.captures.outcomes) == [capture.outcome_name(EXCHANGE_ID)]
    assert setup.dead_letters.entries == [(EXCHANGE_ID, reason)]


async def test_a_failed_assembly_raises() -> None:
    """Nothing is dead-lettered yet: the app may be fixed meanwhile. The poison handler counts."""
    setup = EnrichmentSetup()
    with pytest.raises(AssemblyError):
        await setup.delivery(FailingAssembler()).deliver(PLAIN)
    assert not setup.dead_letters.entries


def redacted_setup(secret: str) -> tuple[EnrichmentSetup, Envelope]:
    """An exchange of the content mode `redacted` whose prompt and answer hold a secret."""
    setup = EnrichmentSetup()
    name = capture.request_name(PLAIN.exchange_id)
    request = json.dumps({"messages": [{"role": "user", "content": secret}]}).encode()
    answer = json.dumps({"choices": [{"index": 0, "delta": {"content": secret}}]}).encode()
    response = capture.response_name(PLAIN.exchange_id)
    headers = {"content-type": "text/event-stream"}
    setup.captures.stored = {
        name: Capture(header={"headers": {}}, body=request),
        response: Capture(header={"headers": headers}, body=b"data: " + answer + b"\n\n"),
    }
    return setup, sample_envelope(
        content_mode=ContentMode.REDACTED, request_capture=name, response_capture=response
    )


async def test_redacted_bodies_are_erased_on_acceptance() -> None:
    setup, envelope = redacted_setup("anna@example.com")
    setup.event_hub.failure = DeliveryError("down")
    with pytest.raises(DeliveryError):
        await setup.deliver(envelope)
    assert all(side.body for side in setup.captures.stored.values())
    setup.event_hub.failure = None
    await setup.deliver(envelope)
    ((body, _),) = setup.event_hub.sent
    event = json.loads(body)
    assert event["prompt"] == [{"role": "user", "content": "[EMAIL]"}]
    assert (event["content"], event["redactions"]) == ("[EMAIL]", {"email": 3})
    assert b"anna@example.com" not in body
    for side in setup.captures.stored.values():
        assert side.body == b""
        assert capture.is_erased(side.header)


async def test_an_exchange_without_bodies_is_not_sent_again() -> None:
    """A message may come twice. An event without content must not follow the one with it."""
    setup, envelope = redacted_setup("anna@example.com")
    await setup.deliver(envelope)
    await setup.deliver(envelope)
    assert len(setup.event_hub.sent) == 1
    assert setup.ledger.accepted == [envelope.exchange_id]


async def test_a_redacted_outcome_loses_its_path() -> None:
    setup, envelope = redacted_setup("anna@example.com")
    pending = replace(envelope, path="/openai/files/anna@example.com", outcome_pending=True)
    await setup.deliver(pending)
    (outcome,) = setup.captures.outcomes.values()
    assert b"anna@example.com" not in outcome
    assert from_fields(capture.load(outcome).header["envelope"]) == replace(
        pending, path=None, api_version=None, trace_parent=None, outcome_pending=False
    )


async def test_the_next_delivery_erases_remaining_bodies() -> None:
    """The instance may be killed in between."""
    setup, envelope = redacted_setup("anna@example.com")
    await setup.captures.erase_body(capture.request_name(envelope.exchange_id))
    await setup.deliver(envelope)
    assert setup.event_hub.sent == []
    assert all(side.body == b"" for side in setup.captures.stored.values())


async def test_a_failed_erasure_does_not_hide_a_delivery(caplog: pytest.LogCaptureFixture) -> None:
    """The next try finds a body erased, perhaps, and has nothing to report."""
    setup, envelope = redacted_setup("anna@example.com")
    setup.captures.erase_failure = StorageError("storage could not be reached")
    with caplog.at_level("INFO"), pytest.raises(StorageError):
        await setup.deliver(envelope)
    assert len(setup.event_hub.sent) == 1
    assert "Delivered {" in caplog.text


async def test_the_child_redacts_large_exchanges() -> None:
    """It is the one that has to load RE2 as well."""
    setup, envelope = redacted_setup("anna@example.com " * 10_000)
    await setup.deliver(envelope)
    ((body, _),) = setup.event_hub.sent
    assert b"anna@example.com" not in body
    assert json.loads(body)["redactions"] == {"email": 30_000}
