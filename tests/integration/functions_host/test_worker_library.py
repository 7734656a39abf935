"""The patches of Microsoft's worker library, checked against that library itself.

They look at `_context_references`, which is private to the library: what ReleasingResponse and the
bounds on waits change is what remains there.
"""

from __future__ import annotations

import asyncio
import logging
import time
from types import SimpleNamespace
from typing import Any

import fastapi
import pytest
import uvicorn.config
from azure_functions_runtime.http_v2 import HttpCoordinator, http_coordinator
from azurefunctions.extensions.http.fastapi import web
from fastapi.testclient import TestClient
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from harness.waiting import poll_until_async
from local.repository import ROOT
from shared.adapters.worker import worker_library, worker_process
from shared.adapters.worker.worker_library import TESTED_VERSIONS, PatchTargets
from shared.http.releasing_response import ReleasingResponse

INVOCATION_ID = "7a3c9c6e-0000-4000-8000-000000000001"


def sample_request(headers: list[tuple[bytes, bytes]]) -> Request:
    return Request(
        {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": headers}
    )


async def answer(response: ReleasingResponse) -> list[dict[str, Any]]:
    """The ASGI messages of a response."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await response({"type": "http", "method": "GET", "headers": []}, receive, send)
    return sent


@pytest.mark.anyio
async def test_an_invocation_is_released() -> None:
    """The library's reference to it goes with its response."""
    references = http_coordinator._context_references
    references[INVOCATION_ID] = object()
    response = ReleasingResponse(
        sample_request([(b"x-ms-invocation-id", INVOCATION_ID.encode())]),
        PlainTextResponse("ok", 201),
    )
    assert INVOCATION_ID in references, (
        "the library still has to find it until the response is called"
    )
    start, body = await answer(response)
    assert INVOCATION_ID not in references
    assert (start["status"], body["body"]) == (201, b"ok")


@pytest.mark.anyio
async def test_a_response_outside_of_any_invocation() -> None:
    """It is answered as well."""
    start, _ = await answer(ReleasingResponse(sample_request([]), PlainTextResponse("ok")))
    assert start["status"] == 200


@pytest.fixture(autouse=True)
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
    for name in ("fnsse.recording", "fnsse.ledger", "fnsse.worker_library"):
        logger = logging.getLogger(name)
        monkeypatch.setattr(logger, "handlers", logger.handlers)
        monkeypatch.setattr(logger, "propagate", logger.propagate)
    worker_process.set_up_logging()
    worker_library.patch_runtime()


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect"])
def test_the_extensions_server_serves_no_documentation(path: str) -> None:
    """Its own routes would answer without an invocation, which then never ends."""
    extension_app = web.FastAPI()

    @extension_app.api_route("/{path:path}")  # type: ignore[untyped-decorator]  # the library is untyped
    async def catch_all(path: str) -> str:
        return f"the function got {path}"

    assert TestClient(extension_app).get(path).json() == f"the function got {path[1:]}"


def test_preparing_twice_changes_nothing() -> None:
    prepared_class = web.FastAPI
    worker_library.patch_runtime()
    assert web.FastAPI is prepared_class


def test_no_access_log_is_written() -> None:
    """An access log would hold the query, which may carry a function key."""
    uvicorn.config.Config(app="x", log_config=uvicorn.config.LOGGING_CONFIG).configure_logging()
    assert not logging.getLogger("uvicorn.access").isEnabledFor(logging.INFO)


def test_the_library_writes_no_record_per_request() -> None:
    assert not logging.getLogger("azure.functions").isEnabledFor(logging.INFO)


def sample_targets(**changed: Any) -> PatchTargets:
    """A library of the tested form with some changes; patching it changes nothing else."""
    coordinator = HttpCoordinator.__new__(HttpCoordinator)  # not the one of the process
    coordinator.__init__()
    parts: dict[str, Any] = {
        "web": SimpleNamespace(FastAPI=fastapi.FastAPI),
        "coordinator": coordinator,
        "path_convertor": SimpleNamespace(regex=".*"),
        "logging_config": {"loggers": {"uvicorn.access": {"level": "INFO"}}},
        "versions": {name: f"{tested}.0" for name, tested in TESTED_VERSIONS.items()},
    }
    return PatchTargets(**parts | changed)


@pytest.mark.anyio
async def test_a_wait_outlasts_a_blocked_event_loop() -> None:
    """The other side came meanwhile, and the loop only has to handle it."""
    targets = sample_targets()
    worker_library.patch_runtime(targets, pairing_timeout_s=0.2)
    request = sample_request([])
    waiting = asyncio.create_task(targets.coordinator.get_http_request_async("late"))
    await asyncio.sleep(0)
    time.sleep(0.3)  # noqa: ASYNC251 - what a busy worker does
    for _ in range(3):
        await asyncio.sleep(0)
    targets.coordinator.set_http_request("late", request)
    assert await waiting is request


@pytest.mark.anyio
async def test_a_request_without_its_invocation() -> None:
    """It does not wait forever. If a caller sends an x-ms-invocation-id of its own, both sides end,
    and nothing of them is kept.
    """
    targets = sample_targets()
    worker_library.patch_runtime(targets, pairing_timeout_s=0.05, forget_after_s=0)
    coordinator = targets.coordinator
    with pytest.raises(TimeoutError, match="x-ms-invocation-id"):
        await coordinator.get_http_request_async("the-hosts")
    # as the library does with what an invocation raised
    coordinator.set_http_response("the-hosts", TimeoutError())
    coordinator.set_http_request("forged", sample_request([]))
    with pytest.raises(TimeoutError, match="x-ms-invocation-id"):
        await coordinator.await_http_response_async("forged")
    await poll_until_async(lambda: not coordinator._context_references, "no context is held")


def test_the_installed_library_is_as_expected() -> None:
    """Its versions may be newer than those that were tested: one workflow tries them."""
    assert ": " not in worker_library.patch_runtime()


def test_the_tested_versions_are_those_that_are_pinned() -> None:
    pins = "".join(
        (ROOT / name).read_text() for name in ("requirements.txt", "requirements-dev.txt")
    )
    for name, tested in TESTED_VERSIONS.items():
        assert f"\n{name}=={tested}." in pins


async def another_wait(invocation_id: str, timeout: float) -> None: ...  # noqa: ASYNC109


def not_a_coroutine(invocation_id: str) -> None: ...


class Coordinator:
    """A coordinator that differs from the library's in one point."""

    def __init__(self, **changed: Any) -> None:
        async def wait(invoc_id: str) -> None: ...

        self.get_http_request_async = self.await_http_response_async = wait
        self._context_references: Any = {}
        for name, value in changed.items():
            setattr(self, name, value)


@pytest.mark.parametrize(
    ("changed", "loss"),
    [
        ({"web": None}, "/docs, /redoc and /openapi.json hang"),
        ({"web": SimpleNamespace()}, "/docs, /redoc and /openapi.json hang"),
        ({"web": SimpleNamespace(FastAPI=object)}, "/docs, /redoc and /openapi.json hang"),
        ({"path_convertor": None}, "paths with a line end hang"),
        ({"path_convertor": SimpleNamespace(regex="[^/]+")}, "paths with a line end hang"),
        (
            {"coordinator": Coordinator(get_http_request_async=None)},
            "hung invocations are not bounded",
        ),
        (
            {"coordinator": Coordinator(await_http_response_async=another_wait)},
            "hung invocations are not bounded",
        ),
        (
            {"coordinator": Coordinator(await_http_response_async=not_a_coroutine)},
            "hung invocations are not bounded",
        ),
        ({"coordinator": Coordinator(_context_references=None)}, "each request leaks about 1 KB"),
        (
            {"coordinator": None},
            "hung invocations are not bounded, each request leaks about 1 KB",
        ),
        ({"logging_config": None}, "function keys may be logged"),
        ({"logging_config": {"loggers": {}}}, "function keys may be logged"),
    ],
)
def test_the_losses_of_another_library_are_named(
    changed: dict[str, Any], loss: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """The app starts; the log and the result name the patches that are missing, and the others are
    applied.
    """
    targets = sample_targets(**changed)
    worker_process.set_up_logging()
    assert worker_library.patch_runtime(targets) == f"unexpected form: {loss}"
    if "path_convertor" not in changed:
        assert targets.path_convertor.regex == "(?s:.*)"
    assert f"not as fnsse knows them: unexpected form: {loss}" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("version", "text"),
    [("1.4.0", "1.4.0"), ("2.3.0", "2.3.0"), ("1.30.0", "1.30.0"), ("", "(version not found)")],
)
def test_a_version_that_is_not_known_is_named(version: str, text: str) -> None:
    """The result names an untested version even if every patch fits."""
    versions = sample_targets().versions | {"azure-functions-runtime": version}  # type: ignore[operator]
    unknown = f"unknown version azure-functions-runtime {text}"
    assert worker_library.patch_runtime(sample_targets(versions=versions)) == unknown
    assert (
        worker_library.patch_runtime(sample_targets(versions=versions, path_convertor=None))
        == f"{unknown}: paths with a line end hang"
    )


def test_a_patch_release_of_a_tested_version_is_known() -> None:
    versions = {name: f"{tested}.99" for name, tested in TESTED_VERSIONS.items()}
    assert worker_library.patch_runtime(sample_targets(versions=versions)) == ""


@pytest.mark.anyio
async def test_request_and_invocation_in_either_order() -> None:
    """Preparing twice changes nothing."""
    worker_library.patch_runtime()
    worker_library.patch_runtime()
    request = sample_request([])
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
