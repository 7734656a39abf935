"""A request is sent again if the upstream closed a reused connection that had not received it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest

from shared.adapters.identity.credentials import KeyCredential
from shared.adapters.upstream.sender import RequestSender
from shared.errors import UpstreamConnectionLost, UpstreamUnreachable
from shared.settings.settings import UpstreamSettings

pytestmark = pytest.mark.anyio
UNREAD, MAYBE_READ = (UpstreamConnectionLost("", request_unread=unread) for unread in (True, False))
OK = httpx.Response(200)
SETTINGS = UpstreamSettings(
    base_url="https://contoso.openai.azure.com",
    key="key",
    scope="",
    api_version="2024-10-21",
    region=None,
    connect_timeout_s=1,
    write_timeout_s=1,
    read_timeout_s=1,
    max_connections=1,
)


@dataclass
class FixedBody:
    """A body of three bytes."""

    is_repeatable: bool = True
    size_bytes: int = 3

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"all"


class ScriptedTransport(httpx.AsyncBaseTransport):
    """Answers each attempt with the next of these."""

    def __init__(self, *responses: httpx.Response | Exception) -> None:
        self._responses = iter(responses)
        self.bodies: list[bytes] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(await request.aread())
        response = next(self._responses)
        if isinstance(response, Exception):
            raise response
        return response


async def attempts(
    transport: ScriptedTransport, *, method: str = "POST", is_repeatable: bool = True
) -> int:
    """The number of times that a request is sent until its response has come."""
    upstream = RequestSender(SETTINGS, transport, KeyCredential("key"))
    count = 0

    def count_attempt() -> None:
        nonlocal count
        count += 1

    response = await upstream.send(
        method, b"/x", [], FixedBody(is_repeatable), on_attempt=count_attempt
    )
    assert response.status == 200
    assert transport.bodies == [b"all"] * count
    return count


async def test_an_unread_request_is_sent_again() -> None:
    """The method does not matter."""
    assert await attempts(ScriptedTransport(UNREAD, UNREAD, OK)) == 3


async def test_repeats_are_limited() -> None:
    """Each connection of the pool may be at its end."""
    transport = ScriptedTransport(*[UNREAD] * 3, OK)
    with pytest.raises(UpstreamConnectionLost):
        await attempts(transport)
    assert len(transport.bodies) == 3


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    ("failure", "error"),
    [(MAYBE_READ, UpstreamConnectionLost), (httpx.ConnectError(""), UpstreamUnreachable)],
    ids=["lost", "unreachable"],
)
async def test_what_may_be_done_is_not_repeated(
    method: str, failure: Exception, error: type[Exception]
) -> None:
    """The upstream may have carried the request out."""
    transport = ScriptedTransport(failure, OK)
    with pytest.raises(error):
        await attempts(transport, method=method)
    assert len(transport.bodies) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_safe_method_is_repeated(method: str) -> None:
    """It changes nothing, even if it was carried out."""
    assert await attempts(ScriptedTransport(MAYBE_READ, OK), method=method) == 2


async def test_a_body_that_passed_is_not_repeated() -> None:
    """Nothing of it is held."""
    transport = ScriptedTransport(UNREAD, OK)
    with pytest.raises(UpstreamConnectionLost):
        await attempts(transport, is_repeatable=False)
    assert transport.bodies == [b"all"]
