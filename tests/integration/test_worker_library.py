"""What is put right in Microsoft's worker library, checked against that library itself."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
import uvicorn.config
from azure_functions_runtime.http_v2 import http_coordinator
from azurefunctions.extensions.http.fastapi import web
from fastapi.testclient import TestClient
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from shared.adapters import worker_library
from shared.adapters.worker_library import ReleasingResponse

INVOCATION_ID = "7a3c9c6e-0000-4000-8000-000000000001"


def a_request(headers: list[tuple[bytes, bytes]]) -> Request:
    return Request(
        {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": headers}
    )


async def answered(response: ReleasingResponse) -> list[dict[str, Any]]:
    """The ASGI messages of a response."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await response({"type": "http", "method": "GET", "headers": []}, receive, send)
    return sent


@pytest.mark.anyio
async def test_the_librarys_reference_to_an_invocation_goes_with_its_response() -> None:
    references = http_coordinator._context_references
    references[INVOCATION_ID] = object()
    response = ReleasingResponse(
        a_request([(b"x-ms-invocation-id", INVOCATION_ID.encode())]), PlainTextResponse("ok", 201)
    )
    assert INVOCATION_ID in references, (
        "the library still has to find it until the response is called"
    )
    start, body = await answered(response)
    assert INVOCATION_ID not in references
    assert (start["status"], body["body"]) == (201, b"ok")


@pytest.mark.anyio
async def test_a_response_outside_of_any_invocation_is_answered_too() -> None:
    start, _ = await answered(ReleasingResponse(a_request([]), PlainTextResponse("ok")))
    assert start["status"] == 200


@pytest.fixture
def runtime_patched(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library as the app leaves it, put back afterwards."""
    monkeypatch.setattr(web, "FastAPI", web.FastAPI)
    monkeypatch.setitem(uvicorn.config.LOGGING_CONFIG["loggers"]["uvicorn.access"], "level", "INFO")
    for name in (
        "azure.functions",
        "azure.core.pipeline.policies.http_logging_policy",
        "azure.eventhub",
        "azure.identity",
    ):
        logger = logging.getLogger(name)
        monkeypatch.setattr(logger, "level", logger.level)
    worker_library.patch_runtime()


@pytest.mark.usefixtures("runtime_patched")
@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect"])
def test_the_extensions_server_serves_no_documentation(path: str) -> None:
    """Its own routes would answer without an invocation, which then never ends."""
    extension_app = web.FastAPI()

    @extension_app.api_route("/{path:path}")  # type: ignore[untyped-decorator]  # the library is untyped
    async def catch_all(path: str) -> str:
        return f"the function got {path}"

    assert TestClient(extension_app).get(path).json() == f"the function got {path[1:]}"


@pytest.mark.usefixtures("runtime_patched")
def test_preparing_twice_changes_nothing() -> None:
    prepared_class = web.FastAPI
    worker_library.patch_runtime()
    assert web.FastAPI is prepared_class


@pytest.mark.usefixtures("runtime_patched")
def test_no_access_log_is_written() -> None:
    """Its lines would hold the query, where a function key may stand."""
    uvicorn.config.Config(app="x", log_config=uvicorn.config.LOGGING_CONFIG).configure_logging()
    assert not logging.getLogger("uvicorn.access").isEnabledFor(logging.INFO)


@pytest.mark.usefixtures("runtime_patched")
def test_the_library_writes_no_record_per_request() -> None:
    assert not logging.getLogger("azure.functions").isEnabledFor(logging.INFO)


@pytest.mark.anyio
async def test_a_request_and_an_invocation_that_never_meet_do_not_wait_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As where a caller sends an x-ms-invocation-id of its own: both sides end, and nothing of them
    is kept.
    """
    worker_library.patch_runtime()
    monkeypatch.setattr(worker_library, "PAIRING_TIMEOUT_S", 0.05)
    monkeypatch.setattr(worker_library, "FORGET_AFTER_S", 0)
    with pytest.raises(TimeoutError, match="x-ms-invocation-id"):
        await http_coordinator.get_http_request_async("the-hosts")
    # as the library does with what an invocation raised
    http_coordinator.set_http_response("the-hosts", TimeoutError())
    http_coordinator.set_http_request("forged", a_request([]))
    with pytest.raises(TimeoutError, match="x-ms-invocation-id"):
        await http_coordinator.await_http_response_async("forged")
    await asyncio.sleep(0.01)
    assert not {"the-hosts", "forged"} & http_coordinator._context_references.keys()


@pytest.mark.anyio
async def test_a_request_and_an_invocation_meet_in_either_order() -> None:
    """Preparing twice changes nothing."""
    worker_library.patch_runtime()
    worker_library.patch_runtime()
    request = a_request([])
    http_coordinator.set_http_request("first", request)
    assert await http_coordinator.get_http_request_async("first") is request
    http_coordinator.set_http_response("first", "answer")
    assert await http_coordinator.await_http_response_async("first") == "answer"
    http_coordinator._context_references.pop("first")


def test_the_catch_all_takes_a_path_with_a_line_end() -> None:
    """FastAPI would answer it otherwise, and leave its invocation waiting."""
    worker_library.patch_runtime()
    app = web.WebApp()

    @app.route  # type: ignore[untyped-decorator]
    async def catch_all(request: Request) -> PlainTextResponse:
        return PlainTextResponse(request.scope["path"])

    assert TestClient(app.get_app()).get("/openai/a%0Ab%0D%0A").text == "/openai/a\nb\r\n"
