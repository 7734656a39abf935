"""One call of the upstream: with the addition, and without it after a rejection."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest

from shared.core.content.decision import ContentDecision
from shared.core.wire.http.headers import RawHeaders
from shared.core.wire.operations import spec_of
from shared.core.wire.request.routing import Operation
from shared.errors import UpstreamInterrupted
from shared.ports.upstream import RequestBodySource
from shared.relay.body_memory import CaptureMemory
from shared.relay.capture_writer import CaptureWriter
from shared.relay.exchange_observation import (
    ExchangeObservation,
    ExchangeStart,
    RequestObservation,
    Stopwatch,
)
from shared.relay.request_body import HeldBody, RequestContent
from shared.relay.upstream_call import REMEMBER_S, StreamOptionsSupport, UpstreamCall
from tests.support.manual_clock import ManualClock
from tests.unit.relay.gated_store import GatedStore, start

pytestmark = pytest.mark.anyio
REJECTION = b'{"error":{"message":"Unrecognized request argument supplied: stream_options"}}'
PLAIN, WITH_ADDITION = b"plain", b"with addition"


class ScriptedResponse:
    """A response that comes in pieces of ten bytes, and may break after them."""

    def __init__(
        self, status: int, body: bytes, *headers: tuple[bytes, bytes], breaks: bool = False
    ) -> None:
        self.status = status
        self.headers = [*headers]
        self.closed = False
        self._body = body
        self._breaks = breaks

    async def pieces(self) -> AsyncIterator[bytes]:
        for at in range(0, len(self._body), 10):
            yield self._body[at : at + 10]
        if self._breaks:
            raise UpstreamInterrupted("")

    async def aclose(self) -> None:
        self.closed = True


class ScriptedUpstream:
    """Gives its responses in turn, and records the bodies that it got."""

    def __init__(self, *responses: tuple[int, bytes] | ScriptedResponse, attempts: int = 1) -> None:
        """`attempts`: how many each call takes."""
        self.bodies: list[bytes] = []
        self._attempts = attempts
        self._responses = iter(responses)

    async def credential_headers(self) -> RawHeaders:
        return [(b"api-key", b"own")]

    async def send(
        self,
        method: str,
        target: bytes,
        headers: RawHeaders,
        body: RequestBodySource,
        *,
        on_attempt: Callable[[], None],
    ) -> ScriptedResponse:
        for _ in range(self._attempts):
            on_attempt()
        self.bodies.append(b"".join([piece async for piece in body]))
        response = next(self._responses)
        return response if isinstance(response, ScriptedResponse) else ScriptedResponse(*response)


def exchange(
    deployment: str | None = "gpt",
    api_version: str | None = "2024-10-21",
    model: str | None = None,
    method: str = "POST",
) -> ExchangeObservation:
    writer = CaptureWriter(GatedStore(), "a", CaptureMemory(100), start)
    exchange_start = ExchangeStart(
        exchange_id="id",
        started_at=datetime.now(UTC),
        method=method,
        path=b"/",
        api_version=api_version,
        operation=Operation(
            spec=spec_of("chat.completions"), deployment=deployment, v1=deployment is None
        ),
        headers=[],
        content=ContentDecision(),
    )
    return ExchangeObservation(
        exchange_start,
        RequestObservation(body=writer, model=model),
        writer,
        Stopwatch(ManualClock()),
    )


async def send(
    upstream: ScriptedUpstream,
    support: StreamOptionsSupport,
    about: ExchangeObservation | None = None,
    *,
    addition: bool = True,
) -> tuple[int, bytes]:
    """(status, body) that the client is to get."""
    call = UpstreamCall(upstream, support, about or exchange(), b"/")
    response = await call.open(
        RequestContent(HeldBody(PLAIN), HeldBody(WITH_ADDITION) if addition else None)
    )
    body = b"".join([piece async for piece in call.pieces()])
    await call.aclose()
    return response.status, body


async def test_without_an_addition_there_is_one_call() -> None:
    """The body goes as it came."""
    upstream = ScriptedUpstream((200, b"answer"))
    assert await send(upstream, StreamOptionsSupport(ManualClock()), addition=False) == (
        200,
        b"answer",
    )
    assert upstream.bodies == [PLAIN]


async def test_the_addition_is_made_and_noted() -> None:
    """The note lets the relay take its chunk out again."""
    upstream, about = ScriptedUpstream((200, b"answer")), exchange()
    assert await send(upstream, StreamOptionsSupport(ManualClock()), about) == (200, b"answer")
    assert (upstream.bodies, about.request.usage_requested) == ([WITH_ADDITION], True)


async def test_a_rejected_addition_is_omitted_and_remembered() -> None:
    """The client sees the second response only. The next call of that deployment has none."""
    support, about = StreamOptionsSupport(ManualClock()), exchange()
    upstream = ScriptedUpstream((400, REJECTION), (200, b"answer"), (200, b"next"))
    assert await send(upstream, support, about) == (200, b"answer")
    assert not about.request.usage_requested
    assert await send(upstream, support) == (200, b"next")
    assert upstream.bodies == [WITH_ADDITION, PLAIN, PLAIN]


@pytest.mark.parametrize("status", [400, 404, 422, 500, 501])
@pytest.mark.parametrize(
    ("coding", "body"),
    [(b"identity", REJECTION), (b"gzip", gzip.compress(REJECTION, mtime=0))],
    ids=["uncoded", "gzip"],
)
async def test_a_rejection_is_recognized_by_its_words(
    status: int, coding: bytes, body: bytes
) -> None:
    """The status and the coding of the error do not matter."""
    rejection = ScriptedResponse(status, body, (b"content-encoding", coding))
    upstream = ScriptedUpstream(rejection, (200, b"answer"))
    assert await send(upstream, StreamOptionsSupport(ManualClock())) == (200, b"answer")
    assert rejection.closed


@pytest.mark.parametrize("remember_s", [REMEMBER_S, 60.0])
async def test_a_rejection_is_forgotten_after_a_while(remember_s: float) -> None:
    """Deployments are upgraded."""
    clock = ManualClock()
    support = StreamOptionsSupport(clock, remember_s=remember_s)
    await send(ScriptedUpstream((400, REJECTION), (200, b"")), support)
    clock.now = remember_s - 1
    assert not support.may_be_sent(exchange())
    clock.now = remember_s + 1
    assert support.may_be_sent(exchange())


@pytest.mark.parametrize("status", [400, 401, 429, 500])
async def test_a_failing_repetition_is_not_remembered(status: int) -> None:
    """It shows nothing about the addition: the client gets that error, and the next caller's usage
    is asked for.
    """
    support = StreamOptionsSupport(ManualClock())
    upstream = ScriptedUpstream((400, REJECTION), (status, b"your own"))
    assert await send(upstream, support) == (status, b"your own")
    assert upstream.bodies == [WITH_ADDITION, PLAIN]
    assert support.may_be_sent(exchange())


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
async def test_another_error_reaches_the_client_at_once(status: int) -> None:
    """Whole, although it was looked at; no second call."""
    error = b'{"error":{"message":"' + b"something else " * 10 + b'"}}'
    upstream = ScriptedUpstream((status, error))
    assert await send(upstream, StreamOptionsSupport(ManualClock())) == (status, error)
    assert upstream.bodies == [WITH_ADDITION]


async def test_a_large_error_is_looked_at_within_bounds() -> None:
    """The first 64 KiB decide, and the whole error reaches the client."""
    error = b"x" * 200_000 + REJECTION
    upstream = ScriptedUpstream((400, error))
    assert await send(upstream, StreamOptionsSupport(ManualClock())) == (400, error)
    assert upstream.bodies == [WITH_ADDITION]


async def test_rejections_are_kept_per_deployment_and_version() -> None:
    """The key is the deployment (on the v1 routes the model) and the api-version."""
    support = StreamOptionsSupport(ManualClock())
    support.mark_unsupported(exchange("gpt"))
    support.mark_unsupported(exchange(None, None, "model"))
    assert not support.may_be_sent(exchange("gpt", model="other"))
    assert support.may_be_sent(exchange("gpt", "2025-01-01"))
    assert support.may_be_sent(exchange("other"))
    assert not support.may_be_sent(exchange(None, None, "model"))
    assert support.may_be_sent(exchange(None, None, "another"))


async def test_rejections_take_bounded_room() -> None:
    """A caller can invent deployments."""
    support = StreamOptionsSupport(ManualClock(), max_deployments=3)
    for number in range(20):
        support.mark_unsupported(exchange(f"gpt-{number}"))
        assert not support.may_be_sent(exchange(f"gpt-{number}"))
        assert len(support.unsupported_until) <= 3


async def test_each_attempt_is_counted() -> None:
    """The client repeats a request, or the addition is rejected."""
    upstream, about = ScriptedUpstream((400, REJECTION), (200, b"answer"), attempts=2), exchange()
    await send(upstream, StreamOptionsSupport(ManualClock()), about)
    assert about.request.attempts == 4


EVENTS = b"event: response.created\ndata: {}\n\n"
DOCUMENT = b'{"choices": [], "usage": {}}'
SSE, JSON, PLAIN_TEXT = b"text/event-stream", b"application/json", b"text/plain; charset=utf-8"


def with_types(
    *types: bytes, body: bytes, status: int = 200, breaks: bool = False
) -> ScriptedResponse:
    """A response with these content types."""
    headers = [(b"content-type", value) for value in types]
    return ScriptedResponse(status, body, *headers, breaks=breaks)


async def inspect(response: ScriptedResponse, *, stream_requested: bool) -> tuple[bool, bytes]:
    """(whether it is a stream, its body as far as it came)."""
    about = exchange()
    about.request.stream_requested = stream_requested
    upstream = ScriptedUpstream(response)
    call = UpstreamCall(upstream, StreamOptionsSupport(ManualClock()), about, b"/")
    is_stream = await call.is_event_stream(await call.open(RequestContent(HeldBody(PLAIN))))
    body = b""
    try:
        async for piece in call.pieces():
            body += piece
    except UpstreamInterrupted:
        body += b" broken"
    return is_stream, body


@pytest.mark.parametrize(
    ("types", "body", "is_stream"),
    [
        ((SSE,), EVENTS, True),
        ((b"Text/Event-Stream; charset=utf-8",), EVENTS, True),
        ((), EVENTS, True),
        ((JSON,), EVENTS, True),
        ((PLAIN_TEXT,), EVENTS, True),
        ((b"application/octet-stream",), b"\xef\xbb\xbf" + EVENTS, True),
        ((JSON, SSE), EVENTS, True),
        ((SSE, JSON), DOCUMENT, False),
        ((SSE + b", " + JSON,), EVENTS, True),
        ((), DOCUMENT, False),
        ((JSON,), DOCUMENT, False),
        ((JSON,), b"", False),
        ((JSON,), b"dat", False),
        ((SSE,), DOCUMENT, True),  # as it says; the record looks into it
    ],
)
async def test_the_first_bytes_announce_a_stream(
    types: tuple[bytes, ...], body: bytes, is_stream: bool
) -> None:
    """The content type does not say it. Every byte reaches the client."""
    response = with_types(*types, body=body)
    assert await inspect(response, stream_requested=True) == (is_stream, body)


@pytest.mark.parametrize(
    ("types", "is_stream"),
    [((), False), ((PLAIN_TEXT,), False), ((SSE,), True), ((SSE, JSON), True)],
)
async def test_otherwise_the_content_type_says_it(
    types: tuple[bytes, ...], is_stream: bool
) -> None:
    """A file may begin as a stream does."""
    response = with_types(*types, body=EVENTS)
    assert await inspect(response, stream_requested=False) == (is_stream, EVENTS)


async def test_an_error_or_a_coded_body_is_not_parsed() -> None:
    """Its content type counts."""
    assert await inspect(with_types(body=EVENTS, status=400), stream_requested=True) == (
        False,
        EVENTS,
    )
    coded = with_types(JSON, body=EVENTS)
    coded.headers.append((b"content-encoding", b"br"))
    assert await inspect(coded, stream_requested=True) == (False, EVENTS)


@pytest.mark.parametrize("body", [b"", b"da", b"data: {", b'{"choi'])
async def test_a_break_within_the_first_bytes(body: bytes) -> None:
    """It reaches the client after the bytes that came."""
    _, received = await inspect(with_types(JSON, body=body, breaks=True), stream_requested=True)
    assert received == body + b" broken"


async def test_the_status_of_a_broken_error_counts() -> None:
    """A 429 that breaks off while it is examined is still the upstream's 429."""
    upstream = ScriptedUpstream(ScriptedResponse(429, b'{"error":', breaks=True))
    call = UpstreamCall(upstream, StreamOptionsSupport(ManualClock()), exchange(), b"/")
    response = await call.open(RequestContent(HeldBody(PLAIN), HeldBody(WITH_ADDITION)))
    received: list[bytes] = []
    with pytest.raises(UpstreamInterrupted):
        received += [piece async for piece in call.pieces()]
    assert response.status == 429
    assert upstream.bodies == [WITH_ADDITION]
