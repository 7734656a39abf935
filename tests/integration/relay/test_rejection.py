"""Requests that are rejected by their request line: the response is immediate and carries an id;
below /openai/ it is recorded, without a body or a capture.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.requests import Request

from blueprints.relay import respond
from harness.schema import valid
from shared.core.event.builder import build
from shared.core.event.shape import dump
from shared.core.records.exchange.exchange_id import started_at
from shared.core.records.exchange.outcome import Outcome
from tests.integration.support.exchanges import DEADLINE_S, MemoryQueue, RelaySetup, relay_setup

pytestmark = pytest.mark.anyio

CHAT = "/openai/deployments/gpt-4o/chat/completions"
REFUSED = [
    ("GET", CHAT, [], 405, "method_not_allowed", "gpt-4o"),
    (
        "GET",
        "/openai/v1/realtime",
        [(b"upgrade", b"websocket")],
        501,
        "websocket_not_supported",
        None,
    ),
    (
        "OPTIONS",
        "/openai/v1/responses",
        [(b"origin", b"https://x")],
        405,
        "method_not_allowed",
        None,
    ),
    ("GET", "/openai/x", [(b"sec-websocket-key", b"k")], 501, "websocket_not_supported", None),
    ("POST", "/openai/..%2f..%2fx", [], 404, "unknown_route", None),
]


async def answer(
    setup: RelaySetup, method: str, path: str, headers: list[tuple[bytes, bytes]]
) -> list[dict[str, Any]]:
    """The response that the client gets. The request body is never read."""
    messages: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        raise AssertionError("the body of a refused request is not read")

    async def send(message: Any) -> None:
        messages.append(dict(message))

    scope = {
        "type": "http",
        "method": method,
        "raw_path": path.encode(),
        "query_string": b"a=b",
        "headers": headers,
    }
    async with asyncio.timeout(DEADLINE_S):
        await respond(Request(scope), setup.relay)(scope, receive, send)
    return messages


def id_of(messages: list[dict[str, Any]]) -> str:
    return next(
        str(value, "ascii") for name, value in messages[0]["headers"] if name == b"x-exchange-id"
    )


@pytest.mark.parametrize(("method", "path", "headers", "status", "code", "deployment"), REFUSED)
async def test_below_openai_it_is_an_exchange(
    method: str,
    path: str,
    headers: list[tuple[bytes, bytes]],
    status: int,
    code: str,
    deployment: str | None,
) -> None:
    setup = relay_setup()
    caller = (b"x-apim-subscription-id", b"sub-1")
    messages = await answer(setup, method, path, [*headers, caller])
    envelope = await setup.envelope()
    assert (messages[0]["status"], json.loads(messages[1]["body"])["error"]["code"]) == (
        status,
        code,
    )
    assert envelope.exchange_id == id_of(messages)
    assert (envelope.outcome, envelope.status_code, envelope.deployment) == (
        Outcome.REJECTED,
        status,
        deployment,
    )
    assert (envelope.caller.subscription, envelope.request_capture, envelope.response_capture) == (
        "sub-1",
        None,
        None,
    )
    assert not setup.store.blobs
    assert not setup.upstream.requests
    event = valid(json.loads(dump(build(envelope, None, None, None))))
    assert (event["type"], event["operation"], event["error"]["code"], event["problems"]) == (
        "error",
        "call",
        code,
        [],
    )
    assert (event["method"], event["path"]) == (method, path)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/openai"), ("POST", "/health"), ("GET", "/OPENAI/x")],
)
async def test_elsewhere_it_has_an_id_and_nothing_more(method: str, path: str) -> None:
    """A rejected request outside /openai/ makes no event."""
    setup = relay_setup()
    messages = await answer(setup, method, path, [])
    await setup.wait_until_recorded()
    assert started_at(id_of(messages))
    assert not setup.envelopes.queued


async def test_a_failing_queue_does_not_delay_the_error() -> None:
    """It is reported before it is recorded; how it ended is then kept beside the captures."""
    setup = relay_setup(envelopes=MemoryQueue(failing=True))
    messages = await answer(setup, "GET", CHAT, [])
    await setup.wait_until_recorded()
    assert (messages[0]["status"], messages[1].get("more_body", False)) == (405, False)
    assert [name.endswith(f"{id_of(messages)}.outcome") for name in setup.store.blobs] == [True]
