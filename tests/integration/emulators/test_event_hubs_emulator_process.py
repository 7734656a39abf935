"""The Event Hubs emulator as a process: options, ports, signals, behaviour, idle connections,
retention, restarts.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
from collections.abc import Iterator

import psutil
import pytest
from azure.eventhub import EventData
from azure.eventhub.exceptions import EventDataSendError, EventHubError

from harness.event_hubs_emulator import (
    DEADLINE_S,
    Emulator,
    own_emulator,
    receiving,
    send,
    stop_receiving,
)
from harness.waiting import poll_until_async
from local.stack.commands import event_hubs_command
from local.stack.ports import free_port
from tests.integration.emulators.scenarios import RunningScenarios, Scenarios

HUB = "openai-logs"
FREE = ("--port", "0", "--control-port", "0")

scenario = Scenarios()


@pytest.fixture(scope="module")
def running(request: pytest.FixtureRequest) -> Iterator[RunningScenarios]:
    """Every scenario starts an emulator of its own."""
    with RunningScenarios(scenario.selected_scenarios(request)) as running:
        yield running


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator(*FREE) as running:
        yield running


def run_cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*event_hubs_command(), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)


@scenario
async def test_a_consumer_without_events_stays_connected_by_heartbeats() -> None:
    async with own_emulator("--partitions", "1", "--idle-timeout", "4") as emulator:

        def present() -> bool:
            return bool(emulator.stats()["hubs"][HUB]["consumers"] == {"$default/0": 1})

        async with receiving(emulator.consumer(HUB), start="@latest", attached=present) as received:
            before = emulator.stats()["connections_opened"]
            done, _ = await asyncio.wait([asyncio.create_task(received.count(1))], timeout=6)
            assert not done
            assert present()
            assert emulator.stats()["connections_opened"] == before
            async with emulator.producer(HUB) as producer:
                await producer.send_event(EventData("late"))
            await received.count(1)
        assert received.bodies == ["late"]


@scenario
async def test_a_producer_that_was_disconnected_as_idle_sends_again() -> None:
    async with own_emulator("--idle-timeout", "1") as emulator, emulator.producer(HUB) as producer:
        await producer.send_event(EventData("a"))
        await poll_until_async(
            lambda: emulator.stats()["connections"] == 0, "no connection is open"
        )
        await producer.send_event(EventData("b"))


@scenario
async def test_heartbeats_are_sent_on_request() -> None:
    async with own_emulator() as emulator:
        # An open that announces an idle timeout of 400 ms, then empty frames to stay connected.
        reader, writer = await asyncio.open_connection("127.0.0.1", emulator.port)
        fields = b"\xa1\x01c\x40\x40\x40\x70" + (400).to_bytes(4, "big")
        body = b"\x00\x53\x10\xc0" + bytes([len(fields) + 1, 5]) + fields
        writer.write(
            b"AMQP\x00\x01\x00\x00"
            + (len(body) + 8).to_bytes(4, "big")
            + b"\x02\x00\x00\x00"
            + body
        )
        heartbeats = 0
        async with asyncio.timeout(DEADLINE_S):
            assert await reader.readexactly(8) == b"AMQP\x00\x01\x00\x00"
            while heartbeats < 5:
                size = int.from_bytes((await reader.readexactly(8))[:4], "big")
                await reader.readexactly(size - 8)
                heartbeats += size == 8
                writer.write(b"\x00\x00\x00\x08\x02\x00\x00\x00")
        writer.close()
        await writer.wait_closed()


@scenario
async def test_only_the_newest_events_are_kept() -> None:
    async with own_emulator("--partitions", "1", "--retention-mb", "2") as emulator:
        async with emulator.producer(HUB) as producer:
            for number in range(5):
                await producer.send_event(EventData(f"{number}" + " " * 900_000))
            properties = await producer.get_partition_properties("0")
        async with receiving(emulator.consumer(HUB)) as received:
            await received.count(2)
        assert [body.strip() for body in received.bodies] == ["3", "4"]
        assert properties["beginning_sequence_number"] == received.sequence_numbers[0]


@scenario
async def test_clients_go_on_after_a_restart_on_the_same_port() -> None:
    # A port that no other test's connection gets while nothing listens on it.
    async with own_emulator("--port", str(free_port())) as first, first.producer(HUB) as producer:
        await producer.send_event(EventData("lost with the process"))
        assert await asyncio.to_thread(first.stop) == (0, "")
        async with own_emulator("--port", str(first.port)) as second:
            await producer.send_event(EventData("kept"), partition_id="0")
            async with receiving(second.consumer(HUB)) as received:
                await received.count(1)
    assert received.bodies == ["kept"]


@scenario
async def test_a_signal_ends_it_cleanly_while_clients_are_connected() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        async with own_emulator() as emulator, emulator.producer(HUB) as producer:
            await producer.send_event(EventData("a"))
            assert await asyncio.to_thread(emulator.stop, number) == (0, "")


# --- told to misbehave


@scenario
async def test_in_reject_mode_every_send_fails_and_nothing_is_stored() -> None:
    async with own_emulator("--partitions", "1") as emulator:
        async with emulator.producer(HUB) as producer:
            emulator.set_mode("reject")
            with pytest.raises(EventDataSendError, match=r"com\.microsoft:server-busy"):
                await send(producer, "refused", partition_id="0")
            emulator.set_mode("accept")
            await send(producer, "accepted", partition_id="0")
        async with receiving(emulator.consumer(HUB)) as received:
            await received.count(1)
        assert received.bodies == ["accepted"]


@scenario
async def test_a_stalled_send_waits_for_another_mode() -> None:
    """A stalled send is neither accepted nor refused until the mode changes."""
    async with own_emulator("--partitions", "1") as emulator:
        async with emulator.producer(HUB) as producer:
            await send(producer, "before", partition_id="0")
            emulator.set_mode("stall")
            sending = asyncio.create_task(send(producer, "held", partition_id="0"))
            done, _ = await asyncio.wait([sending], timeout=0.3)
            assert not done
            assert (await producer.get_partition_properties("0"))[
                "last_enqueued_sequence_number"
            ] == 0
            emulator.set_mode("accept")
            await asyncio.wait_for(sending, DEADLINE_S)
        async with receiving(emulator.consumer(HUB)) as received:
            await received.count(2)
        assert received.bodies == ["before", "held"]


@scenario
async def test_an_unreachable_hub_keeps_its_events() -> None:
    """An unreachable hub keeps its events and clients come back."""
    async with own_emulator("--partitions", "1") as emulator:
        async with emulator.producer(HUB) as producer:
            await send(producer, "before", partition_id="0")
            emulator.set_mode("unreachable")
            await poll_until_async(
                lambda: emulator.stats()["connections"] == 0, "no connection is open"
            )
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", emulator.port)
            emulator.set_mode("accept")
            await send(producer, "after", partition_id="0")
        async with receiving(emulator.consumer(HUB)) as received:
            await received.count(2)
        assert received.bodies == ["before", "after"]


@scenario
async def test_a_stalled_publication_is_dropped() -> None:
    """A client gives up on a stalled send and the publication is gone."""
    async with own_emulator("--partitions", "1") as emulator:
        async with emulator.producer(HUB, retry_total=0) as producer:
            await send(producer, "before", partition_id="0")
            emulator.set_mode("stall")
            with pytest.raises(EventHubError):
                await send(producer, "given up", partition_id="0", timeout=0.3)
        await poll_until_async(
            lambda: emulator.stats()["connections"] == 0, "no connection is open"
        )
        emulator.set_mode("accept")
        async with emulator.producer(HUB) as producer:
            await send(producer, "after", partition_id="0")
        async with receiving(emulator.consumer(HUB)) as received:
            await received.until(lambda r: "after" in r.bodies)
        assert received.bodies == ["before", "after"]


@scenario
async def test_a_slow_consumer_gets_all_events() -> None:
    """A slow consumer gets what it has credit for and all in the end."""
    async with own_emulator("--partitions", "1") as emulator:
        async with emulator.producer(HUB) as producer:
            for first in range(0, 400, 100):
                await producer.send_batch(
                    [EventData(f"{n}") for n in range(first, first + 100)], partition_id="0"
                )
        before = emulator.stats()["events_delivered"]
        gate, bodies = asyncio.Event(), list[str]()

        async def on_event(_: object, event: EventData | None) -> None:
            await gate.wait()
            if event is not None:
                bodies.append(event.body_as_str())

        async with emulator.consumer(HUB) as consumer:
            task = asyncio.create_task(
                consumer.receive(on_event, partition_id="0", starting_position="-1", prefetch=20)
            )
            await poll_until_async(
                lambda: emulator.stats()["events_delivered"] > before, "an event is delivered"
            )
            done, _ = await asyncio.wait([task], timeout=0.3)
            assert not done
            assert emulator.stats()["events_delivered"] - before <= 2 * 20
            gate.set()
            await poll_until_async(lambda: len(bodies) == 400, "400 events")
            await stop_receiving(task)
        assert bodies == [str(number) for number in range(400)]


# --- command line and control port


def test_it_listens_on_the_loopback_address_alone(emulator: Emulator) -> None:
    listening = [
        c
        for c in psutil.Process(emulator.process.pid).net_connections()
        if c.status == psutil.CONN_LISTEN
    ]
    assert {(c.laddr.ip, c.laddr.port) for c in listening} == {
        ("127.0.0.1", emulator.port),
        ("127.0.0.1", emulator.control_port),
    }


@pytest.mark.parametrize(("option", "what"), [("--port", "AMQP"), ("--control-port", "control")])
def test_a_taken_port_is_named_with_the_way_to_choose_another(option: str, what: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        result = run_cli(*FREE, option, str(port))
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr == (
        f"event_hubs: Port {port} ({what}) is taken by another program on 127.0.0.1. Choose another with {option} PORT.\n"
    )


def test_help_names_the_options_and_the_connection_string() -> None:
    result = run_cli("--help")
    assert (result.returncode, result.stderr) == (0, "")
    for part in (
        "--port",
        "--control-port",
        "--hub",
        "--partitions",
        "--retention-mb",
        "UseDevelopmentEmulator=true",
    ):
        assert part in result.stdout


@pytest.mark.parametrize(
    ("option", "value"),
    [("--partitions", "0"), ("--partitions", "33"), ("--retention-mb", "1"), ("--port", "http")],
)
def test_an_option_out_of_range_is_refused(option: str, value: str) -> None:
    result = run_cli(option, value)
    assert (result.returncode, result.stdout) == (2, "")
    assert option in result.stderr


@pytest.mark.parametrize(
    "unwanted", ["text", [], {"text": "x"}, {"text": 1, "condition": "amqp:not-allowed"}]
)
def test_behaviour_that_is_not_understood_changes_nothing(
    emulator: Emulator, unwanted: object
) -> None:
    assert emulator.control("PUT", "/behaviour", {"mode": "reject", "unwanted": unwanted})[0] == 400
    assert emulator.stats()["mode"] == "accept"


def test_health_and_behaviour_answer_on_the_control_port(emulator: Emulator) -> None:
    assert emulator.control("GET", "/health") == (200, {"status": "ready"})
    status, response = emulator.control("PUT", "/behaviour", {"mode": "sulk"})
    assert status == 400
    assert all(mode in response["error"] for mode in ("accept", "reject", "stall"))
    assert emulator.stats()["mode"] == "accept"
