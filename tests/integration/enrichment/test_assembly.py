"""Assembling events: the same bytes in place and in a child, and an event loop that keeps going."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import io
import json
import sys
import zlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, cast

import psutil
import pytest

from harness.sample_envelope import sample_envelope
from harness.schema import valid
from harness.waiting import poll_until_async
from local.repository import ROOT
from shared import rate_files
from shared.core.content.detect.custom import NO_PATTERNS, CustomPatterns
from shared.core.cost import deployments
from shared.core.cost.rates import parse_card
from shared.core.event import builder, event_cost, truncation
from shared.core.records.exchange.capture import Capture, CaptureStream
from shared.core.records.exchange.envelope import Envelope
from shared.core.telemetry import exchange_telemetry
from shared.core.wire.content_mode import ContentMode
from shared.enrichment import assembly_process
from shared.enrichment.assembled_event import AssembledEvent, EventOptions, RedactorCache
from shared.enrichment.assembly import IN_PLACE_BYTES, STREAM_IN_PLACE_BYTES, Assembler
from shared.enrichment.assembly_failure import reported_failure
from shared.errors import AssemblyError, StorageError
from tests.integration.support.loop_turns import loop_turns, parsed_json

pytestmark = pytest.mark.anyio

LIMIT = 1_000_000


class ValidatingAssembler(Assembler):
    """An assembler that checks each event against the published schema."""

    async def __call__(self, *exchange: Any, **options: Any) -> AssembledEvent:
        assembled = await super().__call__(*exchange, **options)
        valid(json.loads(assembled.body))
        return assembled


def sample_request(size: int) -> Capture:
    messages = [{"role": "user", "content": "žluť " * (size // 7)}]
    return Capture(
        header={},
        body=json.dumps({"stream": True, "messages": messages}, ensure_ascii=False).encode(),
    )


def sample_answer(text: str = "hello", region: str = "Sweden Central") -> Capture:
    chunk = {
        "model": "gpt-4o-2024-08-06",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": "stop"}],
    }
    body = b"data: " + json.dumps(chunk).encode() + b"\n\ndata: [DONE]\n\n"
    return Capture(
        header={"headers": {"x-ms-region": region, "content-type": "text/event-stream"}}, body=body
    )


@pytest.mark.parametrize("limit", [LIMIT, 50_000_000])
async def test_a_large_exchange_gives_the_same_bytes_as_in_place(limit: int) -> None:
    request, response = sample_request(4 * IN_PLACE_BYTES), sample_answer("🐎 and text")
    known = deployments.parse('{"*": {"sku": "DataZoneStandard", "zone": "eu"}}')
    event = builder.build(sample_envelope(), request, response, "default", known)
    assert event.quantities.sku == "DataZoneStandard"
    texts = rate_files.read_texts()
    expected = event_cost.with_cost(event, parse_card(texts))
    assembler = ValidatingAssembler("default", known, rates=texts)
    assembled = await assembler(sample_envelope(), request, response, limit)
    assert assembled.body == truncation.truncate(expected, limit)
    assert json.loads(assembled.body)["cost"]["card"]


@pytest.mark.parametrize(("limit", "truncated"), [(10_000, True), (50_000_000, False)])
async def test_what_telemetry_reports_is_the_same_from_the_child(
    limit: int, truncated: bool
) -> None:
    request, response = sample_request(4 * IN_PLACE_BYTES), sample_answer("🐎 and text")
    event = builder.build(sample_envelope(), request, response, "default")
    expected = exchange_telemetry.telemetry_of(
        event, sample_envelope(), truncated=truncated, with_messages=True
    )
    assembler = Assembler("default", for_telemetry=True, with_messages=True)
    assembled = await assembler(sample_envelope(), request, response, limit)
    assert assembled.telemetry == expected
    assert (
        await Assembler("default")(sample_envelope(), request, response, limit)
    ).telemetry is None


async def test_a_small_exchange_is_assembled_without_a_child() -> None:
    request, response = sample_request(1000), sample_answer()
    expected = truncation.truncate(builder.build(sample_envelope(), request, response, None), LIMIT)
    assert (
        await ValidatingAssembler(None)(sample_envelope(), request, response, LIMIT)
    ).body == expected


def stream(stored: Capture, failure: StorageError | None = None) -> CaptureStream:
    """The capture as storage gives it in pieces; with `failure`, only the first half of them."""

    async def pieces() -> AsyncIterator[bytes]:
        end = len(stored.body) // 2 if failure else len(stored.body)
        for at in range(0, end, 100_000):
            yield stored.body[at : min(end, at + 100_000)]
        if failure:
            raise failure

    return CaptureStream(header=stored.header, body_bytes=len(stored.body), pieces=pieces)


async def test_a_capture_in_pieces_gives_the_same_event() -> None:
    request, response = sample_request(1_000_000), sample_answer("🐎 and text")
    expected = await Assembler(None)(sample_envelope(), request, response, LIMIT)
    sides = stream(request), stream(response)
    assert await ValidatingAssembler(None)(sample_envelope(), *sides, LIMIT) == expected


async def children_have_ended(*, since: set[int]) -> None:
    """Returns when no other child process lives. A child that is killed needs a moment to end."""
    await poll_until_async(
        lambda: not living_children() - since,
        lambda: f"children are left: {living_children() - since}",
    )


async def test_a_child_that_takes_too_long_is_killed() -> None:
    before = living_children()
    assemble = Assembler(None, child_timeout_s=0)
    with pytest.raises(AssemblyError, match="took longer than 0 s"):
        await assemble(sample_envelope(), sample_request(1_000_000), sample_answer(), LIMIT)
    await children_have_ended(since=before)


async def test_a_capture_that_breaks_off_is_no_event() -> None:
    """The queue tries again. The child that has read the half of it does not stay."""
    before = living_children()
    request = stream(sample_request(1_000_000), StorageError("not now"))
    with pytest.raises(StorageError, match="not now"):
        await Assembler(None)(sample_envelope(), request, sample_answer(), LIMIT)
    await children_have_ended(since=before)


class Pipe:
    """The standard input of a child that is not there."""

    def __init__(self) -> None:
        self.written = io.BytesIO()

    def write(self, data: bytes) -> None:
        self.written.write(data)

    async def drain(self) -> None:
        """There is always room."""


SIDES = sample_request(500_000), sample_answer()


async def event_with_limit(envelope: Envelope, max_body_bytes: int) -> dict[str, Any]:
    """The event that a child builds if bodies of more bytes are too large."""
    options = EventOptions(
        region=None,
        limit_bytes=LIMIT,
        deployments={},
        rates=None,
        for_telemetry=False,
        with_messages=False,
        custom_patterns=NO_PATTERNS,
    )
    pipe = Pipe()
    await assembly_process.send_exchange(
        cast("asyncio.StreamWriter", pipe), envelope, *SIDES, options
    )
    pipe.written.seek(0)
    output = assembly_process.assemble_next(pipe.written, RedactorCache(), max_body_bytes)
    assert output is not None
    assert assembly_process.assemble_next(pipe.written, RedactorCache()) is None
    event: dict[str, Any] = json.loads(assembly_process.unpack_assembled(output).body)
    valid(event)
    return event


async def test_a_body_that_is_too_large_costs_its_text_alone() -> None:
    """It is hashed as it comes, so that an alteration still shows."""
    envelope = sample_envelope()
    whole, without = [await event_with_limit(envelope, limit) for limit in (10**6, 10**5)]
    size = len(SIDES[0].body)
    assert without["problems"] == [f"the request cannot be read: {size} bytes are too many"]
    assert without["prompt"] is None
    assert without["content"] == whole["content"] == "hello"
    for name in ("request_sha256", "request_bytes", "response_sha256"):
        assert without[name] == whole[name]


async def test_an_answer_that_is_too_large_is_unreadable() -> None:
    event = await event_with_limit(sample_envelope(), 100)
    message = f"the answer cannot be read: {len(SIDES[1].body)} bytes are too many"
    assert event["error"] == {"code": "unreadable_answer", "message": message}
    assert (event["content"], event["stream"]) == ("", True)
    file = await event_with_limit(sample_envelope(operation="call"), 100)
    assert file["error"] is None


@pytest.mark.parametrize(("request_there", "response_there"), [(True, False), (False, True)])
async def test_a_side_that_is_missing_stays_missing_in_the_child(
    request_there: bool, response_there: bool
) -> None:
    request = sample_request(2 * IN_PLACE_BYTES) if request_there else None
    response = sample_answer("x" * 2 * IN_PLACE_BYTES) if response_there else None
    expected = truncation.truncate(builder.build(sample_envelope(), request, response, None), LIMIT)
    assert (
        await ValidatingAssembler(None)(sample_envelope(), request, response, LIMIT)
    ).body == expected


@pytest.mark.no_cover
async def test_the_event_loop_keeps_going_meanwhile() -> None:
    """These 20 MB are not parsed in place, and others have their turns while the child is waited
    for.
    """
    request = sample_request(20_000_000)
    with parsed_json() as lengths:
        async with loop_turns(pause_s=0.002, count_lines=False) as turns:
            await ValidatingAssembler(None)(sample_envelope(), request, sample_answer(), LIMIT)
    assert lengths
    assert max(lengths) <= LIMIT
    assert turns.count > 20


async def test_a_long_stream_is_read_in_place_with_pauses(children: list[dict[str, str]]) -> None:
    """A child would cost more than it saves; in one go these 4,000 chunks would hold up other
    streams for their length.
    """
    chunk = sample_answer("a few words").body.partition(b"data: [DONE]")[0]
    response = Capture(header=sample_answer().header, body=chunk * 4000 + b"data: [DONE]\n\n")
    assert IN_PLACE_BYTES < len(response.body) < STREAM_IN_PLACE_BYTES
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    served = asyncio.create_task(others())
    await ValidatingAssembler(None)(
        sample_envelope(sent_bytes=len(response.body)), sample_request(1000), response, LIMIT
    )
    served.cancel()
    assert turns > 50
    assert not children


@pytest.mark.parametrize("size", [1000, 2 * IN_PLACE_BYTES], ids=["in place", "in the child"])
async def test_without_a_policy_a_redacted_event_is_empty(size: int) -> None:
    """The operator's patterns are not known then, so no text goes into the event of a redacted
    exchange. The figures do.
    """

    async def unknown() -> None:
        return None

    assembler = ValidatingAssembler(None, custom_patterns=unknown)
    envelope = sample_envelope(content_mode=ContentMode.REDACTED, content_rule="CONTENT_MODE")
    body = (await assembler(envelope, sample_request(size), sample_answer("plum"), LIMIT)).body
    event = json.loads(body)
    assert (event["content_mode"], event["content_rule"]) == ("metadata", "no policy")
    assert (event["prompt"], event["content"], event["choices"][0]["content"]) == (None, "", "")
    assert b"plum" not in body
    assert "žluť" not in body.decode()
    assert (event["model"], event["finish_reason"]) == ("gpt-4o-2024-08-06", "stop")
    full = json.loads(
        (
            await Assembler(None)(
                sample_envelope(), sample_request(size), sample_answer("plum"), LIMIT
            )
        ).body
    )
    for name in ("request_sha256", "request_bytes", "response_sha256", "response_bytes"):
        assert event[name] == full[name]


async def test_each_exchange_gets_the_newest_patterns() -> None:
    """It may have changed since the last one; and it is asked for where it matters alone."""
    wanted = [CustomPatterns(words={"fruit": ("plum",)}), NO_PATTERNS]

    async def patterns() -> CustomPatterns:
        return wanted.pop(0)

    assembler = ValidatingAssembler(None, custom_patterns=patterns)
    redacted = sample_envelope(content_mode=ContentMode.REDACTED)
    contents = [
        json.loads((await assembler(envelope, None, sample_answer("plum"), LIMIT)).body)["content"]
        for envelope in (redacted, sample_envelope(), redacted)
    ]
    assert contents == ["[FRUIT]", "plum", "plum"]


async def test_a_compressed_body_goes_to_the_child(children: list[dict[str, str]]) -> None:
    """A small body may unfold to a large one."""
    packed = zlib.compress(b" " * 50_000_000)
    assert len(packed) < IN_PLACE_BYTES
    response = Capture(header={"headers": {"content-encoding": "deflate"}}, body=packed)
    await ValidatingAssembler(None)(sample_envelope(stream=False), None, response, LIMIT)
    assert children


def living_children() -> set[int]:
    """The pids of this process's children, without those that have ended."""
    living = set()
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):  # it ends meanwhile
            if child.status() != psutil.STATUS_ZOMBIE:
                living.add(child.pid)
    return living


@pytest.fixture
async def children() -> AsyncIterator[list[dict[str, str]]]:
    """The environments of child processes that were seen during the test."""
    environments: list[dict[str, str]] = []

    async def look() -> None:
        while True:
            for child in psutil.Process().children():
                with contextlib.suppress(psutil.Error):
                    if "shared.enrichment.assembly_process" in child.cmdline():
                        environments.append(child.environ())
            await asyncio.sleep(0.005)

    looking = asyncio.create_task(look())
    try:
        yield environments
    finally:
        looking.cancel()


async def test_no_setting_reaches_the_child(
    children: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_OPENAI_KEY", "a secret")
    await ValidatingAssembler(None)(
        sample_envelope(), sample_request(5_000_000), sample_answer(), LIMIT
    )
    assert children
    assert all("AZURE_OPENAI_KEY" not in environment for environment in children)


async def test_one_child_at_a_time_bounds_the_memory(children: list[dict[str, str]]) -> None:
    assembler = ValidatingAssembler(None)
    most = 0

    async def count() -> None:
        nonlocal most
        while True:
            most = max(most, len(living_children()))
            await asyncio.sleep(0.005)

    before = len(living_children())
    counting = asyncio.create_task(count())
    request, response = sample_request(2 * IN_PLACE_BYTES), sample_answer()
    events = await asyncio.gather(
        *(assembler(sample_envelope(), request, response, LIMIT) for _ in range(3))
    )
    counting.cancel()
    assert len(set(events)) == 1
    assert most <= before + 1


async def test_a_failing_child_reports_its_frame() -> None:
    """The message names the innermost frame, for an operator to find the bug, and holds no content:
    the exception's text may quote the prompt.
    """
    broken = sample_envelope(started_at="a secret that is no time")
    with pytest.raises(
        AssemblyError, match=r": EnvelopeError at shared\.core\.records\.exchange\.envelope:\d+$"
    ) as error:
        await ValidatingAssembler(None)(
            broken, sample_request(2 * IN_PLACE_BYTES), sample_answer(), LIMIT
        )
    assert "a secret" not in str(error.value)


async def test_a_failure_in_place_reports_its_frame() -> None:
    """The message names the innermost frame and holds no content."""
    with pytest.raises(
        AssemblyError, match=r": ValueError at shared\.core\.[a-z_.]+:\d+$"
    ) as error:
        await Assembler(None)(
            sample_envelope(started_at="a secret that is no time"),
            sample_request(100),
            sample_answer(),
            LIMIT,
        )
    assert "a secret" not in str(error.value)


@pytest.mark.parametrize(
    ("errors", "reported"),
    [
        (b"KeyError at shared.core.answer.chat:57", "KeyError at shared.core.answer.chat:57"),
        (b"a warning\nKeyError at shared.core.x:1\n", "KeyError at shared.core.x:1"),
        (b"KeyError: a secret", "no reason was reported"),
        (b"KeyError at a secret:1", "no reason was reported"),
        (b"\xff" * 1000, "no reason was reported"),
        (b"", "no reason was reported"),
    ],
)
def test_only_a_failure_is_read_from_a_child(errors: bytes, reported: str) -> None:
    """Other output of the child, such as a traceback, may quote the prompt and is ignored."""
    assert reported_failure(errors) == reported


async def test_a_cancelled_assembly_leaves_no_child() -> None:
    before = living_children()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.05):
            await ValidatingAssembler(None)(
                sample_envelope(), sample_request(20_000_000), sample_answer(), LIMIT
            )
    await children_have_ended(since=before)


async def test_the_child_needs_nothing_but_the_standard_library() -> None:
    """In Azure the dependencies lie where only the worker's own process finds them."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-I", "-S", "-c"),
        "import sys; sys.path.insert(0, sys.argv[1]); import shared.enrichment.assembly_process",
        str(ROOT),
    )
    assert await child.wait() == 0


@pytest.mark.no_cover
async def test_a_compressed_body_is_never_decoded_in_place() -> None:
    """The size of the decoded body is not known before it is decoded."""
    body = gzip.compress(json.dumps({"messages": [{} for _ in range(500_000)]}).encode())
    assert len(body) < IN_PLACE_BYTES
    request = Capture(header={"headers": {"content-encoding": "gzip"}}, body=body)
    with parsed_json() as lengths:
        await ValidatingAssembler(None)(sample_envelope(), request, None, LIMIT)
    assert lengths
    assert max(lengths) <= LIMIT


async def test_telemetry_has_the_redacted_texts_or_none() -> None:
    """Telemetry follows the mode of the exchange, as the event does."""
    request, response = sample_request(1000), sample_answer("Write to jane.doe@contoso.com")
    assembler = Assembler("default", for_telemetry=True, with_messages=True)
    texts = {}
    for mode in ContentMode:
        envelope = replace(sample_envelope(), content_mode=mode)
        telemetry = (await assembler(envelope, request, response, LIMIT)).telemetry
        assert telemetry is not None
        texts[mode] = telemetry.messages and telemetry.messages.output
    assert "jane.doe@contoso.com" in (texts[ContentMode.FULL] or "")
    assert "Write to [EMAIL]" in (texts[ContentMode.REDACTED] or "")
    assert texts[ContentMode.METADATA] is None
