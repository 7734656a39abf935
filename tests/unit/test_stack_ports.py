"""Ports of the local stack."""

from __future__ import annotations

import os
import re
import socket
import sys

import pytest

from local.stack.errors import PortsTaken
from local.stack.ports import HOST, WHAT_LISTENS, Ports, free_ports, is_free, make_variable, require_free


def listening() -> socket.socket:
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as every server of the stack does
    server.bind((HOST, 0))
    server.listen()
    return server


def port_of(server: socket.socket) -> int:
    port: int = server.getsockname()[1]
    return port


def test_free_ports_are_free_and_all_different() -> None:
    numbers = free_ports().by_name().values()
    assert len(set(numbers)) == len(Ports().by_name())
    assert all(is_free(port) for port in numbers)


def test_two_stacks_side_by_side_get_other_ports() -> None:
    assert free_ports() != free_ports()


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
def test_a_taken_port_is_named_with_its_part_and_how_to_choose_another(name: str) -> None:
    listener, option = WHAT_LISTENS[name]
    with listening() as server:
        port = port_of(server)
        with pytest.raises(PortsTaken) as error:
            require_free(Ports(**(free_ports().by_name() | {name: port})), [name])
    expected = (
        rf"port {port}, which {re.escape(listener)} needs, is taken( by process \d+ \(.+\))?\. Choose another: "
        rf"make run {make_variable(option)}=\d+, or python -m local\.run --{option} \d+"
    )
    assert re.fullmatch(expected, str(error.value))


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: elsewhere only root may see who listens")
def test_the_process_that_has_the_port_is_named() -> None:
    with listening() as server, pytest.raises(PortsTaken, match=rf"is taken by process {os.getpid()} \(\w+"):
        require_free(Ports(proxy=port_of(server)), ["proxy"])


def test_every_taken_port_is_named_at_once() -> None:
    with listening() as one, listening() as other, pytest.raises(PortsTaken) as error:
        require_free(Ports(proxy=port_of(one), blob=port_of(other)), ["proxy", "blob"])
    assert len(str(error.value).splitlines()) == 2


def test_only_the_ports_that_are_needed_have_to_be_free() -> None:
    with listening() as server:
        require_free(Ports(proxy=port_of(server), blob=free_ports().blob), ["blob"])
