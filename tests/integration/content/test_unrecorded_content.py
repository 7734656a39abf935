"""Content mode `metadata`: no byte of a body leaves the relay's memory, but to client and upstream,
however the exchange ends; and what was counted reaches the event.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import replace

import httpx
import pytest

from shared.core.content import policy
from shared.core.event import builder, shape
from shared.core.records.exchange import capture
from shared.core.records.exchange.aborted import aborted_envelope
from shared.core.records.exchange.envelope import Envelope, dump
from shared.core.records.exchange.outcome import Outcome
from shared.core.wire.content_mode import ContentMode
from tests.integration.support.exchanges import (
    DEADLINE_S,
    DONE,
    UNTOUCHED,
    MemoryQueue,
    MemoryStore,
    RelayCase,
    RelayClient,
    RelaySetup,
    document,
    event_of,
    relay_setup,
    sse,
)

pytestmark = pytest.mark.anyio

# Each stands once in one place of a body.
PROMPT, ANSWER, CALL, ERROR = "plum-Prompt", "plum-Answer", "plum-Arguments", "plum-Error"
MARK = "plum-"
ASK = json.dumps(
    {"stream": True, "model": "gpt-4o", "messages": [{"role": "user", "content": PROMPT}]}
).encode()
LONG_ASK = json.dumps({"messages": [{"content": PROMPT * 500_000}]}).encode()
TEXT = event_of(model="gpt-4o-2024-11-20", choices=[{"index": 0, "delta": {"content": ANSWER}}])
TOOL = event_of(
    choices=[
        {
            "index": 0,
            "delta": {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": CALL}}]},
        }
    ]
)
STOP = event_of(choices=[{"index": 0, "delta": {}, "finish_reason": "tool_calls"}])
USAGE = event_of(choices=[], usage={"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7})
FAILED = event_of(error={"code": "server_error", "message": ERROR})
STREAM = (TEXT, TOOL, STOP, USAGE, DONE)
REFUSAL = json.dumps({"error": {"code": "content_filter", "message": ERROR}}).encode()


async def whole(setup: RelaySetup) -> None:
    await RelayClient(setup.relay, ASK).run()


async def disconnect_within_the_response(setup: RelaySetup) -> None:
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(TEXT)
    client.disconnect()
    await asyncio.wait({running}, timeout=DEADLINE_S)


async def disconnect_within_the_request(setup: RelaySetup) -> None:
    """The client disconnects after a placeholder and, in the mode `full`, a block were stored."""
    client = RelayClient(setup.relay, LONG_ASK, headers={"transfer-encoding": "chunked"})
    client.body_is_whole = False
    running = client.start()
    await asyncio.wait_for(setup.store.stored.wait(), DEADLINE_S)
    client.disconnect()
    await asyncio.wait({running}, timeout=DEADLINE_S)


async def with_a_long_request(setup: RelaySetup) -> None:
    await RelayClient(setup.relay, LONG_ASK).run()


def refusing(body_bytes: int) -> Callable[[], RelaySetup]:
    return lambda: metadata_setup(request_body_bytes=body_bytes)


def metadata_setup(*answers: httpx.Response | Exception, **options: object) -> RelaySetup:
    bounds = {"request_body_bytes": 10_000_000} | options
    return relay_setup(*answers, content_mode=ContentMode.METADATA, **bounds)  # type: ignore[arg-type]


CASES: Mapping[str, RelayCase] = {
    "stream": (lambda: metadata_setup(sse(*STREAM)), whole, Outcome.COMPLETED),
    "stream of required": (
        lambda: metadata_setup(sse(*STREAM), capture_required=True),
        whole,
        Outcome.COMPLETED,
    ),
    "long stream": (lambda: metadata_setup(sse(TEXT * 2000, *STREAM)), whole, Outcome.COMPLETED),
    "long request": (
        lambda: metadata_setup(sse(*STREAM)),
        with_a_long_request,
        Outcome.COMPLETED,
    ),
    "long request of required": (
        lambda: metadata_setup(sse(*STREAM), capture_required=True),
        with_a_long_request,
        Outcome.COMPLETED,
    ),
    "error": (lambda: metadata_setup(document(REFUSAL, status=400)), whole, Outcome.UPSTREAM_ERROR),
    "error in a stream": (
        lambda: metadata_setup(sse(TEXT, FAILED, DONE)),
        whole,
        Outcome.UPSTREAM_ERROR,
    ),
    "broken": (
        lambda: metadata_setup(sse(TEXT, httpx.ReadError(ERROR))),
        whole,
        Outcome.UPSTREAM_INTERRUPTED,
    ),
    "unreachable": (
        lambda: metadata_setup(httpx.ConnectError(ERROR)),
        whole,
        Outcome.UPSTREAM_ERROR,
    ),
    "disconnected within the response": (
        lambda: metadata_setup(sse(TEXT, asyncio.Event())),
        disconnect_within_the_response,
        Outcome.CLIENT_DISCONNECTED,
    ),
    "disconnected within the request": (
        metadata_setup,
        disconnect_within_the_request,
        Outcome.CLIENT_DISCONNECTED,
    ),
    "too large": (refusing(100_000), with_a_long_request, Outcome.REJECTED),
}


def all_output(setup: RelaySetup, log: str) -> str:
    """All that the relay wrote anywhere."""
    blobs = b"".join([*setup.store.blobs.values(), *setup.store.blocks.values()])
    queued = "".join(map(dump, setup.envelopes.queued))
    return blobs.decode("utf-8", "replace") + queued + log


def build(setup: RelaySetup, envelope: Envelope) -> dict[str, object]:
    """The event."""
    request, response = (
        capture.load(setup.store.blobs[name]) if name in setup.store.blobs else None
        for name in (envelope.request_capture or "", envelope.response_capture or "")
    )
    event = builder.build(envelope, request, response, default_region=None)
    members: dict[str, object] = json.loads(shape.dump(event))
    return members


@pytest.mark.parametrize("name", CASES)
async def test_no_body_is_written(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """This holds however the exchange ends."""
    caplog.set_level("DEBUG")
    make, run, outcome = CASES[name]
    setup = make()
    await run(setup)
    envelope = await setup.envelope()
    assert envelope.outcome is outcome
    event = build(setup, envelope)
    assert MARK not in all_output(setup, caplog.text) + json.dumps(event)
    assert (event["content_mode"], event["content_rule"]) == ("metadata", "CONTENT_MODE")
    assert event["outcome"] == outcome


async def test_no_body_is_written_in_an_outage(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Storage and queue are down; the log has the envelope then."""
    caplog.set_level("DEBUG")
    setup = metadata_setup(
        sse(*STREAM),
        store=MemoryStore(failing=True),
        envelopes=MemoryQueue(failing=True),
        retry_interval_s=0.01,
        give_up_after_s=0.02,
    )
    await whole(setup)
    await setup.wait_until_recorded()
    assert "Its envelope" in caplog.text
    assert MARK not in all_output(setup, caplog.text)


async def test_the_event_says_what_was_counted() -> None:
    setup = metadata_setup(sse(*STREAM))
    await whole(setup)
    event = build(setup, await setup.envelope())
    assert event["usage"] == {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    assert (event["usage_source"], event["model"]) == ("upstream", "gpt-4o-2024-11-20")
    assert (event["finish_reason"], event["problems"]) == ("tool_calls", [])
    assert (event["prompt"], event["content"]) == (None, "")
    assert event["request_bytes"] == len(ASK)
    assert event["response_bytes"] == sum(map(len, STREAM))
    assert event["time_to_first_token_ms"] is not None


async def test_the_sizes_and_hashes_are_those_of_the_mode_full() -> None:
    names = ("request_bytes", "request_sha256", "response_bytes", "response_sha256", "sent_bytes")
    sizes = []
    for mode in ContentMode:
        setup = relay_setup(
            sse(TEXT * 2000, *STREAM), content_mode=mode, request_body_bytes=10_000_000
        )
        await with_a_long_request(setup)
        event = build(setup, await setup.envelope())
        sizes.append([event[name] for name in names])
    assert sizes[0] == sizes[1] == sizes[2]


async def test_a_killed_instance_leaves_a_request_capture() -> None:
    """The event is built from it, with the size and the hash of the request."""
    setup = metadata_setup(sse(TEXT, asyncio.Event()))
    client = RelayClient(setup.relay, ASK)
    running = client.start()
    await client.until_body(TEXT)
    name = capture.request_name(client.exchange_id)
    assert list(setup.store.blobs) == [name]
    header = capture.load(setup.store.blobs[name]).header
    envelope = replace(aborted_envelope(client.exchange_id, header))
    event = build(setup, envelope)
    assert (event["outcome"], event["request_bytes"]) == ("aborted", len(ASK))
    assert (event["content_mode"], event["prompt"]) == ("metadata", None)
    assert event["request_sha256"] is not None
    running.cancel()
    await asyncio.wait({running}, timeout=DEADLINE_S)


async def test_what_the_proxy_may_add_stays_possible() -> None:
    """Usage that the proxy asked for is in the event, and not in what the client got."""
    setup = metadata_setup(sse(*STREAM), interventions=replace(UNTOUCHED, ask_for_usage=True))
    client = RelayClient(setup.relay, ASK)
    await client.run()
    assert USAGE not in client.body
    assert build(setup, await setup.envelope())["usage_source"] == "upstream"


HEADERS = {"content-length": str(len(ASK)), "x-apim-product-id": "hr"}


async def test_a_caller_gets_the_mode_of_its_rule() -> None:
    setup = relay_setup(sse(*STREAM))
    rules = policy.parse(
        '{"rules": [{"name": "hr", "product": "hr", "mode": "metadata"}]}', ContentMode.FULL
    )
    setup.relay.content_policy = lambda: rules
    await RelayClient(setup.relay, ASK, headers=HEADERS).run()
    event = build(setup, await setup.envelope())
    assert (event["content_mode"], event["content_rule"]) == ("metadata", "rule hr")
    assert MARK not in all_output(setup, "")


async def test_a_caller_may_ask_for_less() -> None:
    """Its header does not go upstream."""
    setup = relay_setup(sse(*STREAM))
    headers = HEADERS | {"x-fnsse-content": "metadata"}
    await RelayClient(setup.relay, ASK, headers=headers).run()
    event = build(setup, await setup.envelope())
    assert (event["content_mode"], event["content_rule"]) == ("metadata", "x-fnsse-content")
    assert MARK not in all_output(setup, "")
    ((sent, _),) = setup.upstream.requests
    assert "x-fnsse-content" not in sent.headers
