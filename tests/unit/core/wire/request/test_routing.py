"""The operation that a request names, and how the proxy treats it."""

from __future__ import annotations

import re

import pytest

from local.repository import ROOT
from shared.core.wire.operations import spec_of
from shared.core.wire.request.routing import (
    OWN_ROUTES,
    Operation,
    UnknownRoute,
    WebSocketRequested,
    WrongMethod,
    route,
)

# method, what follows the deployment's name, /openai/v1/ or /openai/, the operation's name
KNOWN = [
    ("POST", "chat/completions", "chat.completions"),
    ("POST", "completions", "completions"),
    ("POST", "embeddings", "embeddings"),
    ("POST", "images/generations", "images.generations"),
    ("POST", "images/edits", "images.edits"),
    ("POST", "audio/transcriptions", "audio.transcriptions"),
    ("POST", "audio/translations", "audio.translations"),
    ("POST", "audio/speech", "audio.speech"),
    ("POST", "responses", "responses"),
    ("GET", "responses/resp_1", "responses.get"),
    ("DELETE", "responses/resp_1", "responses.delete"),
    ("POST", "responses/resp_1/cancel", "responses.cancel"),
    ("GET", "responses/resp_1/input_items", "responses.input_items"),
    ("POST", "batches", "call"),
    ("GET", "files/file-1/content", "call"),
    ("PUT", "embeddings", "call"),
    ("POST", "responses/", "call"),
    ("POST", "chat/completions/", "call"),
    ("POST", "something/new", "call"),
]


@pytest.mark.parametrize(("method", "rest", "name"), KNOWN)
def test_method_and_path_name_the_operation(method: str, rest: str, name: str) -> None:
    """They do on every kind of route."""
    assert route(method, f"/openai/deployments/d/{rest}") == Operation(
        spec=spec_of(name), deployment="d", v1=False
    )
    assert route(method, f"/openai/v1/{rest}") == Operation(
        spec=spec_of(name), deployment=None, v1=True
    )
    assert route(method, f"/openai/{rest}") == Operation(
        spec=spec_of(name), deployment=None, v1=False
    )


@pytest.mark.parametrize(
    ("segment", "deployment"),
    [
        ("gpt-4o", "gpt-4o"),
        ("a%20b", "a b"),
        ("%C5%BElu%C5%A5", "žluť"),
        ("a%2Fb", "a/b"),
        ("%FF", "\ufffd"),
    ],
)
def test_a_deployments_name_is_decoded(segment: str, deployment: str) -> None:
    operation = route("POST", f"/openai/deployments/{segment}/chat/completions")
    assert operation == Operation(spec=spec_of("chat.completions"), deployment=deployment, v1=False)


@pytest.mark.parametrize(
    "path", ["/openai/", "/openai/deployments", "/openai/deployments/", "/openai/deployments/d"]
)
def test_a_path_without_an_operation_is_relayed_as_a_call(path: str) -> None:
    assert route("GET", path) == Operation(spec=spec_of("call"), deployment=None, v1=False)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
def test_a_deployments_chat_completions_has_one_method(method: str) -> None:
    assert route(method, "/openai/deployments/gpt-4o/chat/completions") == WrongMethod(
        allowed=("POST",)
    )


@pytest.mark.parametrize("path", ["/openai/v1/responses", "/openai/files", "/openai/deployments"])
def test_a_browsers_preflight_goes_no_further(path: str) -> None:
    """It would be relayed with the proxy's own credential."""
    assert route("OPTIONS", path) == WrongMethod(
        allowed=("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
    )


def test_stored_completions_of_the_v1_routes_can_be_read() -> None:
    assert route("GET", "/openai/v1/chat/completions") == Operation(
        spec=spec_of("call"), deployment=None, v1=True
    )


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/health/ready", "GET"),
        ("/ops/dead-letters/01a2", "POST"),
        ("/ops/exchanges/01a2", "DELETE"),
    ],
)
def test_the_apps_own_routes_are_known(path: str, allowed: str) -> None:
    assert route("PATCH", path) == WrongMethod(allowed=(allowed,))


def test_no_route_of_a_blueprint_is_missing() -> None:
    """Another method there would be answered 404, as if there were no such route."""
    source = "".join(file.read_text() for file in (ROOT / "blueprints").rglob("*.py"))
    decorated = re.findall(r'functions\.route\(\s*"([^"*]+)", methods=\["(\w+)"\]', source)
    routes = {"/" + re.sub(r"\{\w+\}", "{}", path): (method,) for path, method in decorated}
    assert routes == OWN_ROUTES


@pytest.mark.parametrize("upgrade", ["websocket", "WebSocket", "h2c, websocket"])
def test_a_websocket_is_recognised_only_below_openai(upgrade: str) -> None:
    assert route("GET", "/openai/realtime", upgrade=upgrade) == WebSocketRequested()
    assert route("GET", "/realtime", upgrade=upgrade) == UnknownRoute()


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/openai",
        "/openaix/v1/responses",
        "/OPENAI/v1",
        "/admin/host",
        "//host/openai/v1/responses",
        "/health/x",
    ],
)
def test_another_path_is_unknown(path: str) -> None:
    assert route("POST", path) == UnknownRoute()


@pytest.mark.parametrize(
    "path",
    [
        "/openai/..%2Fx",
        "/openai/..%252F..%252Fx",
        "/openai/%2e%2e/x",
        "/openai/%252e%252e%252Fx",
        "/openai/deployments/..%5Cx/chat/completions",
        "/openai/..;/x",
        "/openai/%2e%2e%3Ba=b/x",
    ],
)
def test_a_path_that_could_climb_out_of_openai_is_unknown(path: str) -> None:
    assert route("POST", path) == UnknownRoute()


def test_dots_within_a_segment_climb_nowhere() -> None:
    assert isinstance(route("POST", "/openai/deployments/gpt-4o..2/chat/completions"), Operation)
    assert isinstance(route("POST", "/openai/x;a=.."), Operation)
