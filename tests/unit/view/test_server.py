"""The routes of the page's server that call the app or read a capture."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect

from tests.unit.view.events import receive, sample_event, sample_id
from view.options import AppAddress, CapturesAddress, ViewOptions, parse
from view.server.app import build
from view.server.app_client import AppClient
from view.server.live import Live
from view.server.services import Services
from view.sources.captures import CaptureSource
from view.store import Store

pytestmark = pytest.mark.anyio

OWN_PAGE = {"x-fnsse-view": "1"}
APP = AppAddress(url="http://app.example", key=None, operator_key="key")
LINK = "/runtime/webhooks/durabletask/instances/run-1?code=secret"


class OpenBody(httpx.AsyncByteStream):
    """The body of an answer that goes on."""

    def __init__(self) -> None:
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"data: {}\n\n"
        await asyncio.Event().wait()

    async def aclose(self) -> None:
        self.closed = True


class OpenCaptures(CaptureSource):
    """A capture that goes on."""

    def __init__(self) -> None:
        super().__init__(CapturesAddress(connection_string="", blob_service_uri=None))
        self.closed = False

    async def body(self, name: str) -> AsyncGenerator[bytes]:
        try:
            yield b"beginning"
            await asyncio.Event().wait()
        finally:
            self.closed = True


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    new_store = Store(tmp_path / "view.sqlite", max_exchanges=10)
    new_store.add(receive(sample_event(1)))
    yield new_store
    new_store.close()


def sample_options() -> ViewOptions:
    hub = {"AZURE_EVENTHUB_CONN_STR": "Endpoint=sb://none/", "AZURE_EVENTHUB_NAME": "logs"}
    return parse(["--local"], hub)


def sample_server(
    store: Store,
    app: Callable[[httpx.Request], httpx.Response] | None = None,
    captures: CaptureSource | None = None,
) -> Starlette:
    """The server beside an app that answers so, with these captures."""
    services = Services(
        options=sample_options(),
        store=store,
        live=Live(dict),
        captures=captures,
        app=AppClient(APP, httpx.MockTransport(app)) if app else None,
    )
    return build(services, token=None)


async def disconnect_before_the_first_byte(
    server: Starlette, method: str, path: str, body: bytes, spec_version: str
) -> None:
    """A request whose client has disconnected when the response begins. Since version 2.4 of ASGI,
    `send` raises OSError then; before it, the server says so only to `receive`.
    """
    raises = spec_version >= "2.4"
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> dict[str, Any]:
        if raises:
            return next(messages)
        return next(messages, {"type": "http.disconnect"})

    async def send(_message: object) -> None:
        if raises:
            raise OSError
        await asyncio.Event().wait()

    headers = {"host": "localhost", **OWN_PAGE, "content-length": str(len(body))}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": spec_version},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    with contextlib.suppress(ClientDisconnect):
        await server(scope, receive, send)


@pytest.mark.parametrize("spec_version", ["2.3", "2.4"])
async def test_a_disconnect_ends_the_playgrounds_call(store: Store, spec_version: str) -> None:
    """The app, and the upstream after it, would work on for nobody."""
    answer = OpenBody()
    server = sample_server(store, lambda _request: httpx.Response(200, stream=answer))
    prompt = json.dumps({"prompt": "Hello"}).encode()
    async with asyncio.timeout(60):
        await disconnect_before_the_first_byte(
            server, "POST", "/api/playground", prompt, spec_version
        )
    assert answer.closed


@pytest.mark.parametrize("spec_version", ["2.3", "2.4"])
async def test_a_disconnect_ends_the_reading_of_a_capture(store: Store, spec_version: str) -> None:
    captures = OpenCaptures()
    path = f"/api/exchanges/{sample_id(1)}/capture/request"
    async with asyncio.timeout(60):
        await disconnect_before_the_first_byte(
            sample_server(store, captures=captures), "GET", path, b"", spec_version
        )
    assert captures.closed


@pytest.mark.parametrize("status", [401, 404, 500])
async def test_run_of_which_the_app_says_nothing_is_reported(store: Store, status: int) -> None:
    """The page would follow it for ever."""

    def app(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            link = f"https://another-name.example{LINK}"
            return httpx.Response(202, json={"id": "run-1", "statusQueryGetUri": link})
        return httpx.Response(status, text="secret")

    transport = httpx.ASGITransport(app=sample_server(store, app))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://localhost", headers=OWN_PAGE
    ) as page:
        started = await page.post("/api/ops/reconcile", json={})
        response = await page.get(f"/api/ops/runs/{started.json()['id']}")
    assert (response.status_code, str(status) in response.json()["error"]["message"]) == (502, True)
    assert "secret" not in response.text
