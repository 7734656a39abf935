"""Routes and methods that the proxy does not have: the exact answers, in Azure OpenAI's shape."""

from __future__ import annotations

import uuid

import pytest

from harness import http_client
from harness.event_log import EventLog
from local.stack import Stack
from tests.e2e.error_responses import error_of

UNKNOWN_ROUTE = {
    "code": "unknown_route",
    "message": "No such route. This proxy relays what is below /openai/, such as "
    "POST /openai/deployments/{deployment}/chat/completions.",
    "type": "fnsse_error",
}


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize(
    "path",
    ["/", "/nothing", "/docs", "/redoc", "/openapi.json", "/openai", "/health/other", "/OPENAPI"],
)
def test_an_unknown_route(stack: Stack, method: str, path: str) -> None:
    """404 that says what there is; the web framework's own documentation is not served."""
    response = http_client.call(stack.proxy_url, method, path)
    assert (response.status, error_of(response)) == (404, UNKNOWN_ROUTE)
    assert uuid.UUID(response.exchange_id).version == 7


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/openai/deployments/gpt-4o/chat/completions", "POST"),
        ("DELETE", "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21", "POST"),
        ("POST", "/health", "GET"),
        ("PUT", "/health/ready", "GET"),
    ],
)
def test_a_method_not_allowed(
    stack: Stack, events: EventLog, method: str, path: str, allowed: str
) -> None:
    """405 that says which one to use, in the body and in `allow`; below /openai/ the event says
    that it was rejected.
    """
    response = http_client.call(stack.proxy_url, method, path)
    assert (response.status, response.header("allow")) == (405, allowed)
    message = f"This route does not have that method; use {allowed}."
    assert error_of(response) == {
        "code": "method_not_allowed",
        "message": message,
        "type": "fnsse_error",
    }
    assert uuid.UUID(response.exchange_id).version == 7
    if path.startswith("/openai/"):
        event = events.one(exchange_id=response.exchange_id)
        assert (event["type"], event["operation"], event["deployment"]) == (
            "error",
            "call",
            "gpt-4o",
        )
        assert (event["outcome"], event["status_code"], event["error"]["message"]) == (
            "rejected",
            405,
            message,
        )
