"""Behaviour of the embedded Functions host alone: its errors, its rejections, and its clean end."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from harness.functions_host_process import (
    HTTP,
    WITHIN_S,
    HostProcess,
    exists,
    running_host,
)
from harness.waiting import poll_until

HEALTHY = """
import asyncio, logging, os, sys
import azure.functions as func
from azurefunctions.extensions.http.fastapi import JSONResponse, Request, Response, StreamingResponse

app = func.FunctionApp()
from azure_functions_runtime.http_v2 import http_coordinator

@app.route(route="health")
async def health(req: Request) -> Response:
    logging.getLogger("app").warning("asked for %s", "health")
    return JSONResponse(len(http_coordinator._context_references))

@app.route(route="off")
async def off(req: Request) -> Response:
    return JSONResponse(1)

@app.route(route="stream")
async def stream(req: Request) -> Response:
    async def chunks():
        for _ in range(1000):
            yield b"chunk"
            await asyncio.sleep(0.05)
    return StreamingResponse(chunks())
"""


@contextmanager
def serve_embedded(
    folder: Path,
    app: str = HEALTHY,
    *,
    host_json: Mapping[str, object] | None = None,
    settings: Mapping[str, str] | None = None,
    ready: bool = True,
    port: int | None = None,
    arguments: tuple[str, ...] = (),
) -> Iterator[HostProcess]:
    """Serve an app, given as text, on the embedded host."""
    (folder / "function_app.py").write_text(app)
    document = {"version": "2.0", "extensions": {"http": {"routePrefix": ""}}, **(host_json or {})}
    (folder / "host.json").write_text(json.dumps(document))
    with running_host(
        "embedded", folder, settings or {}, *arguments, port=port, ready=ready
    ) as running:
        if ready:
            # a worker may serve before its supervisor has read that it does, and only a worker
            # that is known to serve is drained
            running.output_matching("Functions host ready")
        yield running


def failed_start(host: HostProcess) -> str:
    """The output of a host that could not start."""
    assert host.exit_code() == 1, host.output()
    return host.output()


def test_a_taken_port_is_named_with_the_way_out(tmp_path: Path) -> None:
    """The error says which port and how to choose another."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with serve_embedded(tmp_path, port=port, ready=False) as host:
            output = failed_start(host)

    assert f"Port {port} is unavailable" in output
    assert "--port" in output


def test_an_app_that_cannot_be_indexed_ends_the_start(tmp_path: Path) -> None:
    """The app's own error stands at the end of the output, and nothing is tried again."""
    broken = "raise ValueError('AZURE_OPENAI_BASE_URL is missing: set it to https://<name>.openai.azure.com')"
    with serve_embedded(tmp_path, broken, ready=False) as host:
        output = failed_start(host)

    # its line of code, then its message
    assert output.count("AZURE_OPENAI_BASE_URL is missing") == 2
    assert output.rstrip().endswith(
        "ValueError: AZURE_OPENAI_BASE_URL is missing: set it to https://<name>.openai.azure.com"
    )
    assert "died" not in output


def test_what_the_host_lacks_is_refused_by_name(tmp_path: Path) -> None:
    """An app with triggers that cannot be served does not start; all of them are named at once."""
    app = (
        "import azure.functions as func\napp = func.FunctionApp()\n"
        '@app.blob_trigger(arg_name="x", path="a/b", connection="")\nasync def f(x: func.InputStream) -> None: ...\n'
        '@app.generic_trigger(arg_name="x", type="entityTrigger")\nasync def g(x) -> None: ...\n'
    )
    with serve_embedded(tmp_path, app, ready=False) as host:
        output = failed_start(host)

    assert "blobTrigger of function f" in output
    assert "entityTrigger (Durable Functions) of function g" in output


def test_classic_http_functions_are_refused(tmp_path: Path) -> None:
    """The host rejects a function with HttpRequest instead of the FastAPI extension, and names the
    supported kind.
    """
    app = (
        "import azure.functions as func\napp = func.FunctionApp()\n"
        '@app.route(route="x")\nasync def f(req: func.HttpRequest) -> func.HttpResponse: ...\n'
    )
    with serve_embedded(tmp_path, app, ready=False) as host:
        assert "azurefunctions-extensions-http-fastapi" in failed_start(host)


def test_a_worker_that_never_starts_is_given_up(tmp_path: Path) -> None:
    """A worker that dies while it starts is tried three times, ever later, and
    then the host ends.
    """
    with serve_embedded(
        tmp_path, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)", ready=False
    ) as host:
        output = failed_start(host)

    assert output.count("The worker process died (signal 9)") == 2
    assert "could not be started" in output


def test_a_second_interrupt_ends_at_once(tmp_path: Path) -> None:
    """The first one waits for the running stream, the second does not; the exit code is 0."""
    with serve_embedded(tmp_path) as host, HTTP.stream("GET", host.url("/stream")) as response:
        next(response.iter_raw())
        host.process.send_signal(signal.SIGINT)
        host.output_matching("Stopping")
        host.process.send_signal(signal.SIGINT)

        assert host.exit_code(within_s=30) == 0  # the stream would take 50 s


def test_what_still_runs_after_the_bound_is_broken_off(tmp_path: Path) -> None:
    """--drain-timeout bounds the end."""
    with (
        serve_embedded(tmp_path, arguments=("--drain-timeout", "0.3")) as host,
        HTTP.stream("GET", host.url("/stream")) as response,
    ):
        chunks = response.iter_raw()
        next(chunks)
        host.process.send_signal(signal.SIGTERM)

        assert host.exit_code(within_s=30) == 0  # the stream would take 50 s
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            deque(chunks)


def test_signals_to_the_whole_group_do_not_reach_the_worker(tmp_path: Path) -> None:
    """A terminal's Ctrl-C goes to both processes; the running stream still ends by itself."""
    app = HEALTHY.replace("range(1000)", "range(10)")
    with serve_embedded(tmp_path, app) as host, HTTP.stream("GET", host.url("/stream")) as response:
        chunks = response.iter_raw()
        next(chunks)
        os.killpg(host.process.pid, signal.SIGINT)

        assert b"".join(chunks) == b"chunk" * 9
        assert host.exit_code() == 0


def test_function_timeout_cuts_the_stream(tmp_path: Path) -> None:
    """Function timeout cuts the stream and replaces the worker. Two seconds after functionTimeout,
    as on the real host.
    """
    with serve_embedded(tmp_path, host_json={"functionTimeout": "00:00:01"}) as host:
        first = host.worker_pid()
        started = time.monotonic()
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            HTTP.get(host.url("/stream"))

        assert time.monotonic() - started > 2.5
        host.output_matching(r"Timeout value of 00:00:01 .*Functions\.stream")
        poll_until(lambda: host.worker_pid() != first, "another worker")
        assert HTTP.get(host.url("/health")).status_code == 200


@pytest.fixture(scope="module")
def shared_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostProcess]:
    with serve_embedded(
        tmp_path_factory.mktemp("shared"), settings={"AzureWebJobs.off.Disabled": "true"}
    ) as host:
        yield host


def test_nothing_is_kept_of_a_request_that_has_ended(shared_host: HostProcess) -> None:
    """The library's own table of requests does not grow."""
    with httpx.Client(timeout=WITHIN_S) as client:
        for _ in range(5):
            response = client.get(shared_host.url("/health"))

    assert response.json() == 1  # the one under way


def test_logs_hold_the_apps_records_and_no_query_string(shared_host: HostProcess) -> None:
    """Records come with their level; a key in the query or in a header is nowhere."""
    HTTP.get(shared_host.url("/health?code=secret"), headers={"x-functions-key": "secret"})

    shared_host.output_matching("WARNING: asked for health")
    shared_host.output_matching(r"Executed 'Functions\.health' \(Succeeded")
    assert "secret" not in shared_host.output()


def test_a_rejected_websocket_upgrade_logs_nothing_misleading(
    shared_host: HostProcess,
) -> None:
    """uvicorn would advise to install a library, although the refusal is meant."""
    invocation = {
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-key": "a",
        "sec-websocket-version": "13",
    }
    assert HTTP.get(shared_host.url("/health"), headers=invocation).status_code == 200

    shared_host.output_matching(
        r"WARNING: Unsupported upgrade request\.\n(.*\n)*.*WARNING: asked for health"
    )
    assert "pip install" not in shared_host.output()


def test_an_invocation_id_of_a_caller_is_replaced(shared_host: HostProcess) -> None:
    """A caller cannot make a request hang by naming an invocation (on the real host it hangs until
    functionTimeout).
    """
    assert (
        HTTP.get(shared_host.url("/health"), headers={"x-ms-invocation-id": "mine"}).status_code
        == 200
    )


def test_a_disabled_function_is_not_served(shared_host: HostProcess) -> None:
    """AzureWebJobs.<name>.Disabled takes a function away."""
    assert HTTP.get(shared_host.url("/off")).status_code == 404


def test_the_worker_dies_with_its_parent(shared_host: HostProcess) -> None:
    """kill -9 of the host leaves no process behind. Ends the shared host, so it stays the last test
    of this module.
    """
    worker = shared_host.worker_pid()
    shared_host.process.kill()
    shared_host.exit_code()

    poll_until(lambda: not exists(worker), "the worker ended")
