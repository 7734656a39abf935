"""The Functions host: the same tests for the embedded host and for `func start`, so that
faithfulness is shown.

Both serve functions_host_app.py. What only the embedded host has to show is in
test_functions_host_embedded.py.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient, TextBase64EncodePolicy

from harness.functions_host_process import (
    HTTP,
    WITHIN_S,
    HostProcess,
    exists,
    running_azurite,
    running_host,
)
from harness.waiting import poll_until
from tests.support.functions_host_paths import PATHS, QUERIES

APP = Path(__file__).with_name("functions_host_app.py")
HOST_JSON = {
    "version": "2.0",
    "extensions": {"http": {"routePrefix": ""}, "queues": {"maxPollingInterval": "00:00:00.500"}},
    "extensionBundle": {
        "id": "Microsoft.Azure.Functions.ExtensionBundle",
        "version": "[4.*, 5.0.0)",
    },
}


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_azurite(tmp_path_factory.mktemp("azurite")) as connection_string:
        yield connection_string


@pytest.fixture(scope="module", params=["embedded", "func"])
def host(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, storage: str
) -> Iterator[HostProcess]:
    app_dir = tmp_path_factory.mktemp(request.param)
    shutil.copy(APP, app_dir / "function_app.py")
    (app_dir / "host.json").write_text(json.dumps(HOST_JSON))
    local = {
        "AzureWebJobsStorage": storage,
        "WORK_STORAGE": "not this one: the environment wins",
        "EVERY_SECOND": "* * * * * *",
    }
    (app_dir / "local.settings.json").write_text(
        json.dumps({"IsEncrypted": False, "Values": local})
    )
    settings = {"WORK_QUEUE": f"work-{request.param}", "WORK_STORAGE": storage}
    with running_host(request.param, app_dir, settings) as running:
        yield running


@pytest.fixture
def queue(host: HostProcess, storage: str) -> Iterator[QueueClient]:
    encode = TextBase64EncodePolicy()
    with QueueClient.from_connection_string(
        storage, f"work-{host.kind}", message_encode_policy=encode
    ) as client:
        try:
            client.get_queue_properties()
        except ResourceNotFoundError:
            client.create_queue()
        yield client


def raw_get(
    host: HostProcess, target: str, method: str = "GET", headers: str = ""
) -> tuple[int, bytes]:
    """Send a request line as it is (httpx would normalise it); return status and body."""
    with socket.create_connection(("127.0.0.1", host.port), timeout=WITHIN_S) as connection:
        connection.sendall(
            f"{method} {target} HTTP/1.1\r\nHost: public.example:81\r\n{headers}Connection: close\r\n\r\n".encode()
        )
        response = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = response.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def inspect(
    host: HostProcess, target: str, method: str = "GET", headers: str = ""
) -> dict[str, object]:
    """The request as the app saw it."""
    status, body = raw_get(host, target, method, headers)
    assert status == 200, body
    request = json.loads(body)
    assert isinstance(request, dict)
    return request


def answer_to(host: HostProcess, request: bytes) -> bytes:
    """The bytes that the host sends until the connection ends."""
    with socket.create_connection(("127.0.0.1", host.port), timeout=WITHIN_S) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("after", [b"", b"x" * 100_000], ids=["alone", "with a body"])
def test_an_upgrade_that_it_does_not_follow_is_ignored(host: HostProcess, after: bytes) -> None:
    """RFC 9110, 7.8. Java's own client asks for `h2c` with each request to a plain address."""
    response = answer_to(
        host,
        b"POST /anything HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\n"
        b"Content-Length: %d\r\nHost: x\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n"
        b"Upgrade: h2c\r\nUser-Agent: Java-http-client/21\r\n\r\n"
        % len(after)
        + after
        + b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )
    assert response.count(b"HTTP/1.1 200 OK") == 2
    assert f'"body_bytes":{len(after)}'.encode() in response
    assert b"h2c" not in response


def test_a_client_of_http_1_0_gets_no_chunks(host: HostProcess) -> None:
    """The end of the connection is the end of its response."""
    response = answer_to(host, b"GET /stream?n=3&s=0 HTTP/1.0\r\nHost: x\r\n\r\n")
    head, _, body = response.partition(b"\r\n\r\n")
    assert body == b"data: 0\n\ndata: 1\n\ndata: 2\n\n"
    assert b"chunked" not in head.lower()


def test_it_prints_the_functions_and_their_routes(host: HostProcess) -> None:
    """The start shows each HTTP function with methods and address, and the trigger of each other
    one.
    """
    host.output_matching(rf"\tstream: \[GET\] http://localhost:{host.port}/stream")
    host.output_matching(rf"\tfirst_by_name: \[GET\] http://localhost:{host.port}/items/\{{id\}}")
    host.output_matching(r"\twork: queueTrigger")
    host.output_matching(r"\ttick: timerTrigger")


def test_paths_reach_the_app_decoded_once_and_encoded_again(host: HostProcess) -> None:
    """The app sees the raw path that each row of PATHS states."""
    assert [(sent, inspect(host, sent)["raw_path"]) for sent, _ in PATHS] == PATHS


def test_queries_reach_the_app_canonicalised(host: HostProcess) -> None:
    """The app sees the query that each row of QUERIES states."""
    assert [(sent, inspect(host, f"/q?{sent}")["query"]) for sent, _ in QUERIES] == QUERIES


def test_headers_are_added_replaced_dropped_and_joined(host: HostProcess) -> None:
    """The app sees forwarding headers and an invocation id, no hop-by-hop header, and repeated
    headers as one.
    """
    sent = (
        "Keep-Alive: 5\r\nTE: trailers\r\nProxy-Authorization: x\r\nUpgrade-Insecure-Requests: 1\r\n"
        "X-Forwarded-For: 9.9.9.9\r\nX-Many: 1\r\nX-Many: 2\r\nCookie: a=1\r\nCookie: b=2\r\n"
        "x-functions-key: k\r\nauthorization: Bearer t\r\n"
    )
    headers = inspect(host, "/h", headers=sent)["headers"]
    assert isinstance(headers, list)
    app_headers = {name: value for name, value in headers if name != "host"}

    assert re.fullmatch(r"[0-9a-f-]{36}", app_headers.pop("x-ms-invocation-id"))
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", app_headers.pop("traceparent"))
    assert app_headers == {
        "x-many": "1, 2", "cookie": "a=1; b=2", "x-functions-key": "k", "authorization": "Bearer t",
        "x-forwarded-for": "127.0.0.1", "x-forwarded-host": "public.example:81", "x-forwarded-proto": "http",
    }  # fmt: skip


def test_a_callers_traceparent_is_passed_on(host: HostProcess) -> None:
    """The trace of the caller goes on in the app."""
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    assert ["traceparent", parent] in inspect(host, "/h", headers=f"traceparent: {parent}\r\n")[
        "headers"
    ]  # type: ignore[operator]


def test_the_function_whose_name_goes_first_wins(host: HostProcess) -> None:
    """A literal does not beat a parameter: the names' order decides, and the route's parameters
    reach the app.
    """
    response = HTTP.get(host.url("/items/literal")).json()

    assert response == {"function": "first_by_name", "parameters": {"id": "literal"}}


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [("TRACE", "/h", 404), ("GET", "//h", 404), ("GET", "/h%00", 400)],
)
def test_what_no_function_takes_is_answered_empty(
    host: HostProcess, method: str, target: str, status: int
) -> None:
    """A wrong method, an unknown route and a bad path have no body."""
    assert raw_get(host, target, method) == (status, b"")


def test_a_body_over_100_mb_is_not_accepted(host: HostProcess) -> None:
    """One byte too many, announced in the headers, is answered at once and without a body."""
    assert raw_get(host, "/h", "POST", "Content-Length: 104857601\r\n") == (500, b"")


def test_chunks_go_out_as_they_are_made(host: HostProcess) -> None:
    """Each chunk of a stream arrives before the next one is made; connection headers of the app do
    not reach the client.
    """
    with HTTP.stream("GET", host.url("/stream?n=4&s=0.6")) as response:
        arrivals = [(time.monotonic(), chunk) for chunk in response.iter_raw()]

    assert b"".join(chunk for _, chunk in arrivals) == b"".join(
        b"data: %d\n\n" % number for number in range(4)
    )
    assert len(arrivals) >= 3  # of 4: two that a busy machine was late with may come together
    assert arrivals[-1][0] - arrivals[0][0] > 0.6, arrivals
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["x-kept"] == "yes"
    assert "connection" not in response.headers


def test_a_request_body_streams_in(host: HostProcess) -> None:
    """The app has the beginning of a body while its end is not yet sent."""

    def pieces() -> Iterator[bytes]:
        yield b"x" * 200_000
        host.output_matching("UPLOADING")
        yield b"y"

    assert HTTP.post(host.url("/upload"), content=pieces()).json()["pieces"] >= 2


def test_a_disconnect_cancels_the_stream(host: HostProcess) -> None:
    """The generator of the response is cancelled within a moment."""
    with HTTP.stream("GET", host.url("/stream?n=1000&s=0.05")) as response:
        next(response.iter_raw())

    host.output_matching("CANCELLED", within_s=30)  # the stream would take 50 s


def test_receive_reports_the_disconnect(host: HostProcess) -> None:
    """A response that serves itself gets http.disconnect from `receive`."""
    with HTTP.stream("GET", host.url("/disconnect")) as response:
        next(response.iter_raw())

    host.output_matching("DISCONNECTED")


def test_an_exception_of_a_function_is_a_500(host: HostProcess) -> None:
    """The client learns nothing more; the console shows the exception."""
    response = HTTP.get(host.url("/raises"))

    assert (response.status_code, response.text) == (500, "Internal Server Error")
    host.output_matching("ValueError: on purpose")


def test_a_response_that_breaks_is_cut(host: HostProcess) -> None:
    """The client sees a broken body, not a complete one."""
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        HTTP.get(host.url("/breaks"))


def test_a_message_reaches_its_function_with_its_metadata(
    host: HostProcess, queue: QueueClient
) -> None:
    """Text is decoded from Base64 and unchanged; id, attempt, times and receipt come with it; then
    the message is gone.
    """
    text = '{"a": [1,2.0], "b":"é"}'
    sent = queue.send_message(text)

    work = host.wait_for_report(rf'WORK (?=.*"id": "{sent.id}")')

    assert (
        work["text"],
        work["attempt"],
        work["receipt"],
        len(work["times"]),
    ) == (
        text,
        1,
        True,
        3,
    )
    poll_until(
        lambda: queue.get_queue_properties().approximate_message_count == 0,
        "the message is deleted",
    )


def test_a_failing_message_becomes_poison(
    host: HostProcess, queue: QueueClient, storage: str
) -> None:
    """A failing message comes again and then goes to poison: five attempts within a second or
    two, then the poison queue has its text; that queue is made when it is needed.
    """
    sent = queue.send_message("fail, please")
    host.output_matching(rf'WORK .*"id": "{sent.id}", "attempt": 5')

    with QueueClient.from_connection_string(storage, f"{queue.queue_name}-poison") as poison:
        poll_until(lambda: _holds(poison, "ZmFpbCwgcGxlYXNl"), "the message in the poison queue")
    attempts = re.findall(rf'"id": "{sent.id}", "attempt": (\d)', host.output())
    assert attempts == ["1", "2", "3", "4", "5"]


def _holds(queue: QueueClient, text: str) -> bool:
    try:
        return [message.content for message in queue.peek_messages()] == [text]
    except ResourceNotFoundError:
        return False


def test_a_missing_queue_is_neither_an_error_nor_created(host: HostProcess, storage: str) -> None:
    """Its trigger waits."""
    with (
        QueueClient.from_connection_string(storage, "never-made") as missing,
        pytest.raises(ResourceNotFoundError),
    ):
        missing.get_queue_properties()


def test_a_timer_fires_on_its_schedule(host: HostProcess) -> None:
    """Every second, with the payload's shape of a schedule that is not monitored."""
    tick = host.wait_for_report("TICK ")

    assert tick == {"past_due": False, "schedule_status": {}, "schedule": {"AdjustForDST": True}}
    poll_until(lambda: host.output().count("TICK") >= 3, "three ticks")


def test_a_killed_worker_is_replaced(host: HostProcess, queue: QueueClient) -> None:
    """kill -9: the next call succeeds within seconds, and the message that was cut comes again, its
    attempt having failed.
    """
    sent = queue.send_message("take 4")
    host.output_matching(rf'WORK .*"id": "{sent.id}", "attempt": 1')
    killed = host.worker_pid()
    os.kill(killed, signal.SIGKILL)

    poll_until(lambda: _answers(host), "a call succeeds")
    poll_until(lambda: host.worker_pid() != killed, "another worker")
    host.output_matching(rf'WORK .*"id": "{sent.id}", "attempt": 2')
    host.output_matching(r'WORKED {"text": "take 4"}')


def _answers(host: HostProcess) -> bool:
    try:
        return HTTP.get(host.url("/health"), timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def test_sigterm_lets_running_work_end_and_then_kills_the_worker(
    host: HostProcess, queue: QueueClient
) -> None:
    """No new requests; the running stream and the running message end; the app gets no signal and
    no atexit.

    Ends the host, so it stays the last test of this module.
    """
    queue.send_message("take 3.9")
    host.output_matching('WORK .*"take 3.9"')
    worker = host.worker_pid()
    with HTTP.stream("GET", host.url("/stream?n=30&s=0.1")) as response:
        chunks = response.iter_raw()
        first = next(chunks)
        host.process.send_signal(signal.SIGTERM)
        received = first + b"".join(chunks)

    assert received.count(b"data: ") == 30
    poll_until(lambda: not exists(worker), "the worker is gone")
    host.exit_code()
    assert 'WORKED {"text": "take 3.9"}' in host.output()
    assert "SIGNALLED" not in host.output()
    assert "ATEXIT" not in host.output()
    assert not _answers(host)
