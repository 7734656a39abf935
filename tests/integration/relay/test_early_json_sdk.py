"""OpenAI's SDKs for Python and for Node.js read a JSON response that was kept alive as any other;
and what they make of an error in it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any, Final

import openai
import pytest

from harness.stand_in_process import StandIn, running
from harness.tools import missing
from local.repository import ROOT
from shared.core.records.exchange.outcome import Outcome
from tests.integration.relay.sdk_streams import MESSAGES
from tests.integration.support.exchanges import DEADLINE_S
from tests.integration.support.served_relay import ServedRelay, serve_relay

pytestmark = pytest.mark.anyio

EARLY: Final[dict[str, Any]] = {"early_json_response_after_s": 0.05, "keep_alive_s": 0.05}
LATE: Final = "headers_ms=400"  # several times the intervals of EARLY
NPM: Final = ROOT / "tests" / "npm"


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandIn]:
    with running() as started:
        yield started


@pytest.fixture(scope="session")
def node() -> str:
    """The path of Node.js, with the SDK installed."""
    recorded = NPM / "node_modules" / ".node"
    if not recorded.exists():
        missing("needs the packages of tests/npm: run local/install (make test does)")
    return recorded.read_text("utf-8").strip()


def python_calls(relay: ServedRelay, directives: str) -> dict[str, Any]:
    """The results of the SDK for Python for calls of text models."""
    with relay.client(default_headers={"x-stand-in": directives}) as client:
        return {
            "chat": client.chat.completions.create(model="gpt-4o", messages=MESSAGES),
            "responses": client.responses.create(model="gpt-4o", input="a"),
        }


def python_embeddings(relay: ServedRelay, directives: str) -> list[float]:
    """The vector that the SDK for Python returns."""
    with relay.client(default_headers={"x-stand-in": directives}) as client:
        answer = client.embeddings.create(model="text-embedding-3-small", input="a")
        return answer.data[0].embedding


async def node_calls(node: str, relay: ServedRelay, directives: str) -> dict[str, Any]:
    """The result of the SDK for Node.js for each call."""
    script = NPM / "early_json.mjs"
    process = await asyncio.create_subprocess_exec(
        *(node, str(script), relay.url, directives),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await asyncio.wait_for(process.communicate(), DEADLINE_S)
    assert process.returncode == 0, errors.decode()
    answers = [json.loads(line) for line in out.splitlines()]
    assert [answer["status"] for answer in answers] == [200] * 3
    return {answer["name"]: answer["data"] for answer in answers}


async def all_were_early(relay: ServedRelay) -> None:
    """Each of the responses began before the upstream's: it had no headers of the upstream."""
    await relay.all_recorded()
    for envelope in relay.envelopes.queued:
        assert envelope.timings.to_headers_ms is not None
        assert envelope.timings.to_headers_ms > 350
        assert envelope.status_code == 200


@pytest.mark.parametrize("coding", ["", ";gzip"], ids=["uncoded", "gzip"])
async def test_the_sdk_for_python_parses_what_was_kept_alive(
    stand_in: StandIn, coding: str
) -> None:
    async with serve_relay(stand_in, **EARLY) as relay:
        answers = await asyncio.to_thread(python_calls, relay, LATE + coding)
        assert await asyncio.to_thread(python_embeddings, relay, LATE + coding)
        await all_were_early(relay)
        assert {envelope.outcome for envelope in relay.envelopes.queued} == {Outcome.COMPLETED}
    assert answers["chat"].choices[0].message.content
    assert answers["chat"].usage.total_tokens
    assert answers["responses"].output_text


async def test_the_asynchronous_sdk_for_python_does_too(stand_in: StandIn) -> None:
    async with (
        serve_relay(stand_in, **EARLY) as relay,
        relay.async_client(default_headers={"x-stand-in": LATE}) as client,
    ):
        completion = await client.chat.completions.create(model="gpt-4o", messages=MESSAGES)
        raw = await client.chat.completions.with_raw_response.create(
            model="gpt-4o", messages=MESSAGES
        )
        await all_were_early(relay)
    assert completion.choices[0].message.content
    assert raw.content.startswith(b"\n\n")
    assert raw.headers["x-exchange-id"]


@pytest.mark.parametrize("coding", ["", ";gzip"], ids=["uncoded", "gzip"])
async def test_the_sdk_for_node_parses_what_was_kept_alive(
    stand_in: StandIn, node: str, coding: str
) -> None:
    async with serve_relay(stand_in, **EARLY) as relay:
        answers = await node_calls(node, relay, LATE + coding)
        await all_were_early(relay)
    assert answers["chat"]["choices"][0]["message"]["content"]
    assert answers["responses"]["output_text"]
    assert answers["embeddings"]["data"][0]["embedding"]


async def test_a_late_error_is_a_member_of_the_result(stand_in: StandIn, node: str) -> None:
    """Neither calls again, so that each call is one exchange. None raises it as an API error; that
    for Python misses the vector. docs/reference/errors.md shows how to look for it.
    """
    late = f"{LATE};status=429"
    async with serve_relay(stand_in, **EARLY) as relay:
        by_python = await asyncio.to_thread(python_calls, relay, late)
        with pytest.raises(ValueError, match="No embedding data"):
            await asyncio.to_thread(python_embeddings, relay, late)
        by_node = await node_calls(node, relay, late)
        await all_were_early(relay)
        outcomes = [
            (envelope.outcome, envelope.upstream_status_code) for envelope in relay.envelopes.queued
        ]
    assert outcomes == [(Outcome.UPSTREAM_ERROR, 429)] * 6
    for answer in by_python.values():
        assert error_of(answer)["status"] == 429
    for answer in by_node.values():
        assert (answer["error"]["status"], answer["error"]["code"]) == (429, "429")
    assert by_python["chat"].choices is None


def error_of(answer: Any) -> Any:
    """The error as the docs find it."""
    error = getattr(answer, "error", None)
    assert error is not None
    return error if isinstance(error, dict) else error.model_dump()


async def test_a_broken_document_is_a_connection_error(stand_in: StandIn) -> None:
    """It was begun, so that no error can take its place."""
    directives = f"{LATE};content_size=100000;reset_after=3"
    async with serve_relay(stand_in, **EARLY) as relay:
        with pytest.raises(openai.APIConnectionError):
            await asyncio.to_thread(python_calls, relay, directives)
        assert (await relay.envelope()).outcome is Outcome.UPSTREAM_INTERRUPTED
