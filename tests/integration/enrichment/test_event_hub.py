"""The Event Hub's writer against the emulator: groups, acceptance, refusals, silence, limits."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Never

import pytest
from azure.eventhub.exceptions import OperationTimeoutError

from harness.event_hubs_emulator import Emulator, receiving
from local.stack.ports import free_port
from shared.adapters.event_hub.errors import PERMANENT_CONDITIONS, TOO_LARGE_CONDITION
from shared.adapters.event_hub.sender import EventSender, OnAccepted
from shared.core.records.exchange.digests import AcceptedEvent
from shared.errors import DeliveryError, EventRejected, EventTooLarge
from shared.settings.settings import EventHubSettings
from shared.settings.timeouts import EventHubTimeouts
from tests.support.no_identity import no_identity

pytestmark = pytest.mark.anyio

HUB = "openai-logs"
LONG_S = 60.0


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator(
        "--port", "0", "--control-port", "0", "--partitions", "1", "--hub", HUB
    ) as running:
        yield running


@pytest.fixture(autouse=True)
def accepting(emulator: Emulator) -> Iterator[None]:
    """Each test begins with an Event Hub that accepts."""
    emulator.set_mode("accept")
    yield
    emulator.set_mode("accept")


@contextlib.asynccontextmanager
async def sample_event_hub(
    emulator: Emulator,
    hub: str = HUB,
    send_timeout_s: float = LONG_S,
    on_accepted: OnAccepted | None = None,
) -> AsyncIterator[EventSender]:
    settings = EventHubSettings(
        connection_string=emulator.connection_string, namespace=None, name=hub
    )
    timeouts = EventHubTimeouts(open_s=LONG_S, send_s=send_timeout_s, probe_s=LONG_S)
    event_hub = EventSender(settings, no_identity, on_accepted=on_accepted, timeouts=timeouts)
    try:
        yield event_hub
    finally:
        await event_hub.aclose()


def accepted_counts(emulator: Emulator) -> tuple[int, int]:
    """(publications, events) accepted so far."""
    stats = emulator.stats()
    return stats["publications_accepted"], stats["events_accepted"]


async def results_of(*sending: asyncio.Task[None]) -> list[BaseException | None]:
    """The result of each task, all within the deadline."""
    async with asyncio.timeout(LONG_S):
        return await asyncio.gather(*sending, return_exceptions=True)


def sends(event_hub: EventSender, *bodies: bytes) -> list[asyncio.Task[None]]:
    return [
        asyncio.create_task(event_hub.send(body, f"id-{number}"))
        for number, body in enumerate(bodies)
    ]


async def test_an_event_arrives_with_its_id_and_content_type(emulator: Emulator) -> None:
    start = emulator.stats()["hubs"][HUB]["partitions"]["0"]["next_sequence_number"]
    async with sample_event_hub(emulator) as event_hub:
        await event_hub.send(b'{"a":"\xc3\xa9"}', "the-exchange")
    consumer = emulator.consumer(HUB)
    async with receiving(consumer, start=start, inclusive=True) as received:
        await received.count(1)
    event = received.events[0][1]
    assert event.body_as_str() == '{"a":"é"}'
    assert (event.message_id, event.content_type) == ("the-exchange", "application/json")


async def test_sends_at_the_same_time_share_one_publication(emulator: Emulator) -> None:
    async with sample_event_hub(emulator) as event_hub:
        await event_hub.send(b"{}", "first")
        publications, events = accepted_counts(emulator)
        assert await results_of(*sends(event_hub, *[b"{}"] * 200)) == [None] * 200
    assert accepted_counts(emulator) == (publications + 1, events + 200)


async def test_sends_during_a_send_share_the_next_one(
    emulator: Emulator,
) -> None:
    async with sample_event_hub(emulator) as event_hub:
        await event_hub.send(b"{}", "warm")
        publications, events = accepted_counts(emulator)
        emulator.set_mode("stall")
        first = sends(event_hub, b"{}")
        await asyncio.wait(first, timeout=0.1)
        later = sends(event_hub, *[b"{}"] * 50)
        await asyncio.wait(later, timeout=0.1)
        emulator.set_mode("accept")
        assert await results_of(*first, *later) == [None] * 51
    assert accepted_counts(emulator) == (publications + 2, events + 51)


async def test_a_send_returns_after_acceptance(emulator: Emulator) -> None:
    async with sample_event_hub(emulator) as event_hub:
        emulator.set_mode("stall")
        sending = sends(event_hub, b"{}", b"{}")
        done, _ = await asyncio.wait(sending, timeout=0.3)
        assert not done
        emulator.set_mode("accept")
        assert await results_of(*sending) == [None, None]


async def test_a_rejection_concerns_the_whole_group(emulator: Emulator) -> None:
    """It passes: the next send is accepted."""
    async with sample_event_hub(emulator) as event_hub:
        await event_hub.send(b"{}", "before")
        emulator.set_mode("reject")
        results = await results_of(*sends(event_hub, b"{}", b"{}", b"{}"))
        assert [type(result) for result in results] == [DeliveryError] * 3
        assert len(set(map(id, results))) == 3, "a shared exception's traceback grows with each"
        emulator.set_mode("accept")
        assert await results_of(*sends(event_hub, b"{}")) == [None]


async def test_silence_is_a_failure(emulator: Emulator) -> None:
    """The send fails after the time limit; once the silence is over, the next send is accepted."""
    async with sample_event_hub(emulator, send_timeout_s=1) as event_hub:
        await event_hub.send(b"{}", "before")
        emulator.set_mode("stall")
        results = await results_of(*sends(event_hub, b"{}", b"{}"))
        assert [type(result) for result in results] == [DeliveryError] * 2
        emulator.set_mode("accept")
        assert await results_of(*sends(event_hub, b"{}")) == [None]


async def test_an_event_hub_that_goes_and_comes_back() -> None:
    # A port that no other test's connection gets while nothing listens on it.
    with Emulator("--port", str(free_port()), "--control-port", "0", "--hub", HUB) as first:
        async with sample_event_hub(first) as event_hub:
            await event_hub.send(b"{}", "before")
            first.stop()
            assert [
                type(result) for result in await results_of(*sends(event_hub, b"{}", b"{}"))
            ] == [DeliveryError] * 2
            with Emulator("--port", str(first.port), "--control-port", "0", "--hub", HUB) as second:
                assert await results_of(*sends(event_hub, b"{}")) == [None]
                assert accepted_counts(second) == (1, 1)


async def test_an_unknown_event_hub_is_a_failure(
    emulator: Emulator,
) -> None:
    """The error names no host and no key."""
    async with sample_event_hub(emulator, hub="missing") as event_hub:
        with pytest.raises(DeliveryError) as error:
            await event_hub.send(b"{}", "id")
    assert "127.0.0.1" not in str(error.value)
    assert "SAS_KEY" not in str(error.value)


async def test_the_largest_event_is_accepted(
    emulator: Emulator,
) -> None:
    """A larger one fails alone."""
    async with sample_event_hub(emulator) as event_hub:
        limit = await event_hub.limit_bytes()
        assert 1_000_000 < limit < 1_048_576
        large, too_large = b"x" * limit, b"x" * 1_100_000
        results = await results_of(*sends(event_hub, b"{}", too_large, large, b"{}", too_large))
    assert [type(result) for result in results] == [
        type(None),
        EventTooLarge,
        type(None),
        type(None),
        EventTooLarge,
    ]


async def test_events_for_several_publications(emulator: Emulator) -> None:
    """More events than one publication can hold."""
    publications, events = accepted_counts(emulator)
    async with sample_event_hub(emulator) as event_hub:
        assert await results_of(*sends(event_hub, *[b"x" * 300_000] * 8)) == [None] * 8
    assert accepted_counts(emulator) == (publications + 3, events + 8)


async def test_a_cancelled_invocation_cancels_no_other(emulator: Emulator) -> None:
    async with sample_event_hub(emulator) as event_hub:
        emulator.set_mode("stall")
        sending = sends(event_hub, b"{}", b"{}", b"{}")
        await asyncio.wait(sending, timeout=0.1)
        sending[1].cancel()
        emulator.set_mode("accept")
        first, second, third = await results_of(*sending)
        assert (first, third) == (None, None)
        assert isinstance(second, asyncio.CancelledError)


async def test_an_unknown_error_of_the_sdk_fails_the_group(
    emulator: Emulator,
) -> None:
    async def fail() -> Never:
        raise AttributeError("the SDK met what it did not expect")

    async with sample_event_hub(emulator) as event_hub:
        await event_hub.send(b"{}", "before")
        producer = event_hub.producer.client()
        producer.create_batch = fail  # type: ignore[method-assign, assignment]
        results = await results_of(*sends(event_hub, b"{}", b"{}"))
        assert [type(result) for result in results] == [DeliveryError] * 2
        del producer.create_batch
        assert await results_of(*sends(event_hub, b"{}")) == [None]


async def test_the_probe_of_a_working_event_hub(emulator: Emulator) -> None:
    """It raises nothing."""
    async with sample_event_hub(emulator) as event_hub:
        await event_hub.probe()


async def test_the_ledger_is_called_before_senders_return(
    emulator: Emulator,
) -> None:
    """The ledger is written before any sender of the group continues."""
    ledger_calls: list[list[str]] = []
    sending: list[asyncio.Task[None]] = []

    async def record_accepted(events: Sequence[AcceptedEvent]) -> None:
        assert not any(task.done() for task in sending)
        ledger_calls.append([event.exchange_id for event in events])

    async with sample_event_hub(emulator, on_accepted=record_accepted) as event_hub:
        sending += sends(event_hub, b"{}", b"{}", b"{}")
        assert await results_of(*sending) == [None] * 3
    assert ledger_calls == [["id-0", "id-1", "id-2"]]


async def test_a_slow_ledger_delays_no_other_publication(emulator: Emulator) -> None:
    """The sender of the first event waits for the ledger; the next publication does not."""
    ledger = asyncio.Event()
    ledger_calls: list[list[str]] = []

    async def record_accepted(events: Sequence[AcceptedEvent]) -> None:
        ledger_calls.append([event.exchange_id for event in events])
        if len(ledger_calls) == 1:
            await ledger.wait()

    async with sample_event_hub(emulator, on_accepted=record_accepted) as event_hub:
        first = asyncio.create_task(event_hub.send(b"{}", "first"))
        async with asyncio.timeout(LONG_S):
            while not ledger_calls:
                await asyncio.wait({first}, timeout=0.01)
            await event_hub.send(b"{}", "second")
        assert not first.done()
        ledger.set()
        assert await results_of(first) == [None]
    assert ledger_calls == [["first"], ["second"]]


@pytest.mark.parametrize("condition", PERMANENT_CONDITIONS)
async def test_a_rejected_event_fails_alone(emulator: Emulator, condition: str) -> None:
    """Only the sender of the rejected event gets an error, and each of the others is
    accepted once. That the SDK reports the condition as expected is tested as well.
    """
    ledger_calls: list[str] = []

    async def record_accepted(events: Sequence[AcceptedEvent]) -> None:
        ledger_calls.extend(event.exchange_id for event in events)

    async with sample_event_hub(emulator, on_accepted=record_accepted) as event_hub:
        await event_hub.send(b"{}", "before")
        _, events = accepted_counts(emulator)
        emulator.refuse("a word", condition)
        results = await results_of(
            *sends(event_hub, b"{}", b"a word", b"{}", b"{}", b"one more with a word")
        )
    none = type(None)
    assert [type(result) for result in results] == [none, EventRejected, none, none, EventRejected]
    assert condition.rpartition(":")[2] in str(results[1])
    assert accepted_counts(emulator)[1] == events + 3
    assert ledger_calls == ["before", "id-0", "id-2", "id-3"]


@pytest.mark.parametrize(
    "condition",
    [
        "amqp:link:detach-forced",
        "com.microsoft:server-busy",
        "com.microsoft:timeout",
        "com.microsoft:operation-cancelled",
        "com.microsoft:entity-disabled",
        "amqp:internal-error",
        "amqp:unauthorized-access",
        "amqp:resource-limit-exceeded",
        "amqp:not-found",
        "vendor:what-nobody-knows",
    ],
)
async def test_a_transient_failure_is_not_an_events_fault(
    emulator: Emulator, condition: str
) -> None:
    """The whole group fails, none of it for good, and it is not sent again one by one."""
    async with sample_event_hub(emulator) as event_hub:
        await event_hub.send(b"{}", "before")
        refused = emulator.stats()["publications_unwanted"]
        emulator.refuse("a word", condition)
        results = await results_of(*sends(event_hub, b"{}", b"a word", b"{}"))
        assert [type(result) for result in results] == [DeliveryError] * 3
        assert emulator.stats()["publications_unwanted"] - refused <= 2, (
            "the SDK itself may have tried twice"
        )
        emulator.set_mode("accept")
        assert await results_of(*sends(event_hub, b"a word")) == [None]


async def test_an_event_above_the_services_own_limit(emulator: Emulator) -> None:
    """The link announced a higher limit than the service has."""
    async with sample_event_hub(emulator) as event_hub:
        emulator.refuse("a word", TOO_LARGE_CONDITION)
        results = await results_of(*sends(event_hub, b"{}", b"a word"))
    assert [type(result) for result in results] == [type(None), EventTooLarge]


async def test_a_failure_between_the_single_sends(emulator: Emulator) -> None:
    """The event that was rejected alone stays rejected; the others fail with a transient error."""
    async with sample_event_hub(emulator) as event_hub:
        await event_hub.send(b"{}", "before")
        emulator.refuse("a word", "amqp:not-allowed")
        sent = event_hub.producer.client().send_batch
        calls = iter(range(10))

        async def fails_later(*arguments: Any, **options: Any) -> None:
            if next(calls) == 2:  # the group and its first event come before it
                raise OperationTimeoutError("no response in time")
            await sent(*arguments, **options)

        event_hub.producer.client().send_batch = fails_later  # type: ignore[method-assign]
        results = await results_of(*sends(event_hub, b"a word", b"{}", b"{}"))
    assert [type(result) for result in results] == [EventRejected, DeliveryError, DeliveryError]
