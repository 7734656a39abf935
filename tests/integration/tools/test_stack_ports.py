"""Ports of the local stack."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys

import pytest

from local.repository import ROOT
from local.stack.errors import PortsTaken, StackError
from local.stack.ports import (
    HOST,
    WHAT_LISTENS,
    Ports,
    alternatives,
    free_port,
    free_ports,
    is_free,
    make_variable,
    require_free,
)
from tests.integration.tools.listening_socket import listening, port_of


def test_free_ports_are_free_and_all_different() -> None:
    numbers = free_ports().by_name().values()
    assert len(set(numbers)) == len(Ports().by_name())
    assert all(is_free(port) for port in numbers)


def test_two_stacks_side_by_side_get_other_ports() -> None:
    assert free_ports() != free_ports()


def test_a_reserved_port_stays_reserved_while_its_process_lives() -> None:
    """It is not given again, although nothing listens on it yet."""
    code = "from local.stack.ports import free_port; print(free_port(), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        port = int(other.stdout.readline())
        only = range(port, port + 1)
        assert is_free(port)
        with pytest.raises(StackError, match="is free"):
            free_port(only)
        other.communicate("\n")
    assert free_port(only) == port
    with pytest.raises(StackError, match="is free"):
        free_port(only)


def test_a_port_with_a_listener_is_not_free() -> None:
    with listening() as server:
        assert not is_free(port_of(server))


def test_a_port_with_a_listener_on_all_addresses_is_not_free() -> None:
    with socket.socket() as server:
        server.bind(("", 0))
        server.listen()
        assert not is_free(port_of(server))


def test_a_port_whose_connections_are_still_closing_is_free() -> None:
    """A second `make run` right after the first one must not wait for TIME_WAIT to pass."""
    with listening() as server:
        port = port_of(server)
        with socket.create_connection((HOST, port)) as client:
            accepted, _ = server.accept()
            accepted.close()  # the server closes first, so its side is the one that lingers
            assert client.recv(1) == b""
    assert is_free(port)


@pytest.mark.parametrize("name", Ports().by_name())
def test_a_taken_port_is_named_with_its_part_and_its_variable(name: str) -> None:
    listener, option = WHAT_LISTENS[name]
    with listening() as server:
        port = port_of(server)
        with pytest.raises(PortsTaken) as error:
            require_free({name: port})
    heading = (
        rf"port {port} \({make_variable(option)}\), which {re.escape(listener)} needs, is taken"
    )
    assert re.fullmatch(rf"{heading}( by process \d+ \(.+\))?", str(error.value))
    assert error.value.instead.keys() == {name}


@pytest.mark.skipif(
    sys.platform != "linux", reason="needs Linux: elsewhere only root may see who listens"
)
def test_the_process_that_has_the_port_is_named() -> None:
    with (
        listening() as server,
        pytest.raises(PortsTaken, match=rf"is taken by process {os.getpid()} \(\w+"),
    ):
        require_free({"proxy": port_of(server)})


def test_every_taken_port_has_an_alternative() -> None:
    """Every taken port is named at once and what is given instead works."""
    with listening() as one, listening() as other:
        requested_ports = {"event_hubs": port_of(one), "event_hubs_control": port_of(other)}
        with pytest.raises(PortsTaken) as error:
            require_free(requested_ports)
        require_free({**requested_ports, **error.value.instead})
    assert len(str(error.value).splitlines()) == 2
    assert error.value.instead.keys() == requested_ports.keys()


def test_neighbours_that_are_taken_get_different_ports() -> None:
    """Each alone would be sent to the same next one."""
    first = next(port for port in range(20_000, 32_000) if all(is_free(port + i) for i in range(4)))
    with socket.socket() as one, socket.socket() as other:
        for server, port in ((one, first), (other, first + 1)):
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind((HOST, port))
            server.listen()
        instead = alternatives({"blob": first, "queue": first + 1, "table": first + 2})
    assert instead == {"blob": first + 3, "queue": instead["queue"]}
    assert instead["queue"] > first + 3


def test_ports_that_are_requested_twice() -> None:
    """Ports that are given twice are named before anybody else is blamed."""
    ports = free_ports()
    with pytest.raises(PortsTaken) as error:
        require_free({"proxy": ports.proxy, "event_hubs": ports.proxy, "blob": ports.blob})
    message = f"PORT and EVENT_HUBS_PORT are the same port, {ports.proxy}: everything that listens needs one of its own"
    assert str(error.value) == message
    assert error.value.instead.keys() == {"event_hubs"}


def test_of_two_with_one_port_the_one_that_chose_it_keeps_it() -> None:
    """make run PORT=8081: the stand-in, whose default that is, moves."""
    port = Ports().azure_openai
    instead = alternatives({"azure_openai": port, "proxy": port})
    assert "azure_openai" in instead
    assert ("proxy" in instead) == (not is_free(port))


def test_beyond_the_last_port_free_ones_are_looked_for_below() -> None:
    assert alternatives({"proxy": 65_535, "blob": 65_535})["blob"] < 65_535
