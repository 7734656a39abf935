"""A gate in front of a server: what becomes of requests that a fault hits."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from local.stack.ports import free_ports
from prove.gate import Gate
from prove.request_faults import FaultAction, RequestFault


class GatedStorage(ThreadingHTTPServer):
    """Answers everything, and remembers what it carried out."""

    daemon_threads = True

    def __init__(self) -> None:
        self.carried_out: list[str] = []
        super().__init__(("127.0.0.1", 0), _StorageHandler)


class _StorageHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: GatedStorage

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.server.carried_out.append(self.path)
        self.send_response(201)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base's name
        """Log nothing."""


@pytest.fixture(name="storage")
def _storage() -> Iterator[GatedStorage]:
    with GatedStorage() as storage:
        thread = threading.Thread(target=storage.serve_forever, daemon=True)
        thread.start()
        yield storage
        storage.shutdown()
        thread.join(10)


@pytest.fixture(name="gate")
def _gate(storage: GatedStorage) -> Iterator[Gate]:
    with Gate(free_ports().blob, storage.server_address[1]) as gate:
        yield gate


def put(gate: Gate, path: str) -> int | None:
    """The response's status; None: the connection was closed instead."""
    connection = http.client.HTTPConnection("127.0.0.1", gate.port, timeout=10)
    try:
        connection.request("PUT", path, body=b"x" * 1000)
        return connection.getresponse().status
    except (http.client.RemoteDisconnected, ConnectionResetError):
        return None
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("action", "status", "carried_out"),
    [
        (FaultAction.DROP_RESPONSE, None, ["/hit", "/other"]),
        (FaultAction.RESET, None, ["/other"]),
        (FaultAction.UNAVAILABLE, 503, ["/other"]),
    ],
    ids=["drop", "reset", "503"],
)
def test_a_fault_hits_the_requests_that_match(
    storage: GatedStorage,
    gate: Gate,
    action: FaultAction,
    status: int | None,
    carried_out: list[str],
) -> None:
    """A dropped response's request is carried out anyway."""
    gate.inject(RequestFault(pattern="PUT /hit", action=action))
    assert put(gate, "/hit") == status
    assert put(gate, "/other") == 201
    assert storage.carried_out == carried_out
    assert gate.faults.hits == 1
    gate.inject()
    assert put(gate, "/hit") == 201


def test_a_fault_hits_a_share(storage: GatedStorage, gate: Gate) -> None:
    gate.inject(RequestFault(pattern="PUT ", action=FaultAction.DROP_RESPONSE, share=0.5))
    statuses = [put(gate, "/any") for _ in range(40)]
    assert len(storage.carried_out) == 40
    assert gate.faults.hits == statuses.count(None)
    assert 5 < statuses.count(None) < 35
