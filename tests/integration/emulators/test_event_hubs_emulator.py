"""The Event Hubs emulator serves the real azure-eventhub SDK."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from azure.eventhub import EventData
from azure.eventhub import EventHubConsumerClient as SyncConsumerClient
from azure.eventhub import EventHubProducerClient as SyncProducerClient
from azure.eventhub.exceptions import EventDataSendError, EventHubError

from harness.event_hubs_emulator import (
    DEADLINE_S,
    Emulator,
    ReceivedEvents,
    receiving,
    send,
)
from harness.waiting import poll_until_async
from tests.integration.emulators.scenarios import RunningScenarios, Scenarios

LIMIT = 1_048_576

scenario = Scenarios()


@pytest.fixture(scope="module")
def running(request: pytest.FixtureRequest) -> Iterator[RunningScenarios]:
    """One emulator, and in it a hub for each scenario."""
    selected = scenario.selected_scenarios(request)
    hubs = [argument for name in selected for argument in ("--hub", name)]
    with (
        Emulator("--port", "0", "--control-port", "0", "--partitions", "3", *hubs) as emulator,
        RunningScenarios(
            {name: partial(function, emulator, name) for name, function in selected.items()}
        ) as running,
    ):
        yield running


# --- producing and consuming


@scenario
async def test_events_arrive_in_order_with_their_properties(emulator: Emulator, hub: str) -> None:
    async with emulator.producer(hub) as producer:
        first = EventData("single")
        first.properties = {"kind": "first", "number": 7}
        first.content_type = "application/json"
        first.message_id = "id-1"
        await producer.send_event(first, partition_id="0")
        batch = await producer.create_batch(partition_id="0")
        for number in range(100):
            batch.add(EventData(f"batched {number}"))
        await producer.send_batch(batch)
        await producer.send_batch([EventData("list 0"), EventData(b"list 1")], partition_id="0")
    async with receiving(emulator.consumer(hub)) as received:
        await received.count(103)
    assert received.bodies == ["single", *(f"batched {n}" for n in range(100)), "list 0", "list 1"]
    event = received.events[0][1]
    assert event.properties == {b"kind": b"first", b"number": 7}
    assert (event.content_type, event.message_id) == ("application/json", "id-1")


@scenario
async def test_events_carry_sequence_number_offset_and_enqueued_time(
    emulator: Emulator, hub: str
) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    async with emulator.producer(hub) as producer:
        await send(producer, "a", "b", "c", partition_id="1")
    async with receiving(emulator.consumer(hub), partition_id="1") as received:
        await received.count(3)
    assert received.sequence_numbers == [0, 1, 2]
    offsets = [int(event.offset or "") for _, event in received.events]
    assert offsets == sorted(set(offsets))
    for _, event in received.events:
        assert event.enqueued_time is not None
        assert before <= event.enqueued_time <= datetime.now(UTC)


@scenario
async def test_one_key_means_one_partition_and_the_key_comes_along(
    emulator: Emulator, hub: str
) -> None:
    async with emulator.producer(hub) as producer:
        for key in ("red", "green", "blue", "grey"):
            await send(producer, key, key, partition_key=key)
            batch = await producer.create_batch(partition_key=key)
            batch.add(EventData(key))
            await producer.send_batch(batch)
    async with receiving(emulator.consumer(hub), partition_id=None) as received:
        await received.count(12)
    places = {(event.body_as_str(), partition) for partition, event in received.events}
    assert len(places) == 4
    assert all(event.partition_key == event.body_as_str().encode() for _, event in received.events)


@scenario
async def test_publications_without_a_key_go_round_the_partitions(
    emulator: Emulator, hub: str
) -> None:
    async with emulator.producer(hub) as producer:
        await send(producer, *"abcdef")
        numbers = [
            (await producer.get_partition_properties(partition))["last_enqueued_sequence_number"]
            for partition in await producer.get_partition_ids()
        ]
    assert numbers == [1, 1, 1]


@scenario
async def test_several_producers_and_consumers_work_at_once(emulator: Emulator, hub: str) -> None:
    async def produce(name: str) -> None:
        async with emulator.producer(hub) as producer:
            await send(producer, *(f"{name} {number}" for number in range(20)), partition_id="0")

    async def consume(group: str) -> ReceivedEvents:
        async with receiving(emulator.consumer(hub, group)) as received:
            await received.count(80)
        return received

    readers = [asyncio.create_task(consume(group)) for group in ("$Default", "$Default", "audit")]
    await asyncio.gather(*(produce(name) for name in "abcd"))
    for received in await asyncio.gather(*readers):
        assert received.sequence_numbers == list(range(80))
        for name in "abcd":
            own = [body for body in received.bodies if body.startswith(name)]
            assert own == [f"{name} {number}" for number in range(20)]


@scenario
async def test_the_sync_clients_work_as_well(emulator: Emulator, hub: str) -> None:
    received: list[str] = []
    consumer = SyncConsumerClient.from_connection_string(
        emulator.connection_string, "$Default", eventhub_name=hub
    )

    def on_event(_: object, event: EventData | None) -> None:
        if event is not None:
            received.append(event.body_as_str())
            if len(received) == 3:
                consumer.close()

    def run() -> None:
        with SyncProducerClient.from_connection_string(
            emulator.connection_string, eventhub_name=hub
        ) as producer:
            assert producer.get_partition_ids() == ["0", "1", "2"]
            producer.send_event(EventData("a"), partition_id="0")
            producer.send_batch([EventData("b"), EventData("c")], partition_id="0")
        with consumer:
            consumer.receive(on_event, partition_id="0", starting_position="-1")

    await asyncio.to_thread(run)
    assert received == ["a", "b", "c"]


# --- properties


@scenario
async def test_properties_of_a_hub_and_its_partitions(emulator: Emulator, hub: str) -> None:
    async with emulator.producer(hub) as producer, emulator.consumer(hub) as consumer:
        properties = await consumer.get_eventhub_properties()
        assert (properties["eventhub_name"], properties["partition_ids"]) == (hub, ["0", "1", "2"])
        assert abs(datetime.now(UTC) - properties["created_at"]) < timedelta(minutes=5)
        empty = await producer.get_partition_properties("1")
        assert empty["is_empty"] is True
        assert (empty["last_enqueued_sequence_number"], empty["last_enqueued_offset"]) == (-1, "-1")
        assert empty["last_enqueued_time_utc"] == datetime.min.replace(tzinfo=UTC)
        await send(producer, "a", "b", partition_id="1")
        full = await consumer.get_partition_properties("1")
        assert (full["eventhub_name"], full["id"], full["is_empty"]) == (hub, "1", False)
        assert (full["beginning_sequence_number"], full["last_enqueued_sequence_number"]) == (0, 1)
        assert abs(datetime.now(UTC) - full["last_enqueued_time_utc"]) < timedelta(minutes=1)


# --- start positions and consumer groups


@scenario
async def test_a_consumer_starts_at_its_position(emulator: Emulator, hub: str) -> None:
    async with emulator.producer(hub) as producer:
        await send(producer, "a", "b", partition_id="0")
        async with receiving(emulator.consumer(hub)) as received:
            await received.count(2)
        last = received.events[1][1]
        assert last.offset is not None
        written = last.enqueued_time
        assert written is not None
        await poll_until_async(
            lambda: datetime.now(UTC) > written + timedelta(milliseconds=5), "a later time"
        )
        await send(producer, "c", "d", partition_id="0")

    async def bodies(start: str | int | datetime, *, inclusive: bool = False) -> list[str]:
        async with receiving(emulator.consumer(hub), start=start, inclusive=inclusive) as consumer:
            await consumer.until(lambda received: "d" in received.bodies)
        return consumer.bodies

    assert await asyncio.gather(
        bodies("-1"),
        bodies(1),
        bodies(1, inclusive=True),
        bodies(last.offset),
        bodies(last.offset, inclusive=True),
        bodies(written),
        bodies(datetime(2000, 1, 1, tzinfo=UTC)),
    ) == [list("abcd"), list("cd"), list("bcd"), list("cd"), list("bcd"), list("cd"), list("abcd")]


@scenario
async def test_a_consumer_at_latest_sees_only_what_comes_after_it(
    emulator: Emulator, hub: str
) -> None:
    def is_attached() -> bool:
        return bool(emulator.stats()["hubs"][hub]["consumers"] == {"$default/0": 1})

    async with emulator.producer(hub) as producer:
        await send(producer, "before", partition_id="0")
        async with receiving(
            emulator.consumer(hub), start="@latest", attached=is_attached
        ) as received:
            await send(producer, "after", partition_id="0")
            await received.count(1)
    assert received.bodies == ["after"]


@scenario
async def test_a_checkpoint_that_was_never_here_is_an_error(emulator: Emulator, hub: str) -> None:
    async with receiving(emulator.consumer(hub, retry_total=0), start=4711) as received:
        await received.until(lambda r: r.error is not None)
    assert "'4711' is invalid" in str(received.error)


# --- limits and behaviour


@scenario
async def test_a_publication_over_the_limit_is_rejected(emulator: Emulator, hub: str) -> None:
    """A publication over the limit is rejected as the service does."""
    async with emulator.producer(hub) as producer:
        with pytest.raises(
            EventDataSendError,
            match=r"LinkMessageSizeExceeded(.|\n)*exceeds the limit \(1048576 bytes\)",
        ):
            await producer.send_event(EventData(b"x" * LIMIT), partition_id="0")
        await send(producer, "small", partition_id="0")
    async with receiving(emulator.consumer(hub)) as received:
        await received.count(1)
    assert received.bodies == ["small"]


@scenario
async def test_the_largest_batch_that_the_sdk_makes_is_accepted(
    emulator: Emulator, hub: str
) -> None:
    async with emulator.producer(hub) as producer:
        batch = await producer.create_batch(partition_id="0")
        assert batch.max_size_in_bytes == LIMIT
        batch.add(EventData(b"x" * 1_000_000))
        batch.add(EventData(b"y" * (LIMIT - batch.size_in_bytes - 20)))
        assert LIMIT - 20 < batch.size_in_bytes <= LIMIT
        await producer.send_batch(batch)
    async with receiving(emulator.consumer(hub)) as received:
        await received.count(2)
    assert received.bodies[0] == "x" * 1_000_000


# --- errors


@scenario
async def test_an_unknown_hub_is_an_error_that_names_it(emulator: Emulator, hub: str) -> None:
    async with receiving(emulator.consumer(f"not-{hub}", retry_total=0)) as received:
        await received.until(lambda r: r.error is not None)
    assert f"'not-{hub}' could not be found" in str(received.error)
    async with emulator.producer(f"not-{hub}", retry_total=0) as producer:
        with pytest.raises(EventHubError, match=f"'not-{hub}' could not be found"):
            await send(producer, "a")
        with pytest.raises(EventHubError, match=f"'not-{hub}' could not be found"):
            await producer.get_eventhub_properties()


@scenario
async def test_an_unknown_partition_is_an_error_that_names_it(emulator: Emulator, hub: str) -> None:
    async with emulator.consumer(hub, retry_total=0) as consumer:
        with pytest.raises(EventHubError, match=r"between 0 and 2(.|\n)*'7'"):
            await consumer.get_partition_properties("7")


@scenario
async def test_bytes_that_are_not_amqp_end_that_connection_only(
    emulator: Emulator, hub: str
) -> None:
    for garbage in (
        b"GET / HTTP/1.1\r\n\r\n",
        b"AMQP\x00\x01\x00\x00" + b"\xff" * 64,
        b"AMQP\x03\x01\x00\x00\x00\x00",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", emulator.port)
        writer.write(garbage)
        writer.write_eof()
        await asyncio.wait_for(reader.read(), DEADLINE_S)
        writer.close()
        await writer.wait_closed()
    async with emulator.producer(hub) as producer:
        await send(producer, "fine", partition_id="0")
