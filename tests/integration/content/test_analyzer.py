"""An analyzer beside the detectors: what it finds is redacted too, and an event over which it takes
too long goes out without texts.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import psutil
import pytest

from harness.sample_envelope import sample_envelope
from harness.schema import valid
from shared.core.records.exchange.capture import Capture, CaptureStream
from shared.core.wire.content_mode import ContentMode
from shared.enrichment.analyzer_process import AnalyzerProcess
from shared.enrichment.assembly import Assembler
from shared.errors import AssemblyError, StorageError
from tests.integration.content import stub_analyzer

pytestmark = pytest.mark.anyio

PATIENT_S = 60.0


@pytest.fixture
async def analyzer() -> AsyncIterator[AnalyzerProcess]:
    process = AnalyzerProcess(stub_analyzer.__name__, {"person": "Anna|Žofie"}, PATIENT_S)
    yield process
    await process.aclose()


async def event_of(analyzer: AnalyzerProcess, content: str, **fields: Any) -> dict[str, Any]:
    """The event of an exchange whose answer is this text."""
    message = {"model": "gpt-4o", "choices": [{"message": {"content": content}}]}
    response = Capture(
        header={"headers": {"content-type": "application/json"}},
        body=json.dumps(message, ensure_ascii=False).encode(),
    )
    envelope = sample_envelope(
        **{"stream": False, "content_mode": ContentMode.REDACTED, "content_rule": "rule hr"}
        | fields
    )
    assembled = await Assembler(None, analyzer=analyzer)(envelope, None, response, 1_000_000)
    event: dict[str, Any] = json.loads(assembled.body)
    valid(event)
    return event


def children() -> set[int]:
    """The processes of analyzers."""
    return {
        child.pid
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE
        and "shared.enrichment.analyzer_process" in child.cmdline()
    }


async def test_the_analyzers_findings_are_redacted(analyzer: AnalyzerProcess) -> None:
    """So are those of the detectors, by characters. One process does it for all events."""
    event = await event_of(analyzer, "žluť: Žofie and Anna, anna@example.com; Anna@example.com")
    assert event["content"] == "žluť: [PERSON] and [PERSON], [EMAIL]; [EMAIL]"
    assert event["redactions"] == {"email": 4, "person": 4}  # in `content` and in `choices`
    assert event["content_mode"] == "redacted"
    (pid,) = children()
    assert (await event_of(analyzer, "Anna"))["content"] == "[PERSON]"
    assert children() == {pid}


async def test_other_modes_do_without_it(analyzer: AnalyzerProcess) -> None:
    event = await event_of(analyzer, "Anna", content_mode=ContentMode.FULL)
    assert event["content"] == "Anna"
    assert children() == set()


async def test_an_event_over_which_it_takes_too_long_has_no_texts() -> None:
    """The process is killed, and the next event starts another."""
    analyzer = AnalyzerProcess(stub_analyzer.__name__, {"person": "Anna"}, timeout_s=1)
    try:
        event = await event_of(analyzer, stub_analyzer.SLOW)
        assert (event["content_mode"], event["content_rule"]) == ("metadata", "not analyzed")
        assert (event["content"], event["model"]) == ("", "gpt-4o")
        assert stub_analyzer.SLOW not in json.dumps(event)
        assert children() == set()
    finally:
        await analyzer.aclose()


async def test_a_start_that_takes_too_long_is_given_up() -> None:
    analyzer = AnalyzerProcess(
        stub_analyzer.__name__, {"person": "Anna"}, PATIENT_S, start_timeout_s=0
    )
    with pytest.raises(AssemblyError, match="the analyzer did not start within 0 s"):
        await event_of(analyzer, "Anna")
    assert children() == set()


async def test_a_failure_is_reported_without_the_text(analyzer: AnalyzerProcess) -> None:
    with pytest.raises(AssemblyError) as raised:
        await event_of(analyzer, stub_analyzer.FAILING)
    assert "RuntimeError at tests.integration.content.stub_analyzer:" in str(raised.value)
    assert stub_analyzer.FAILING not in str(raised.value)
    assert (await event_of(analyzer, "Anna"))["content"] == "[PERSON]"


async def test_a_process_that_ends_is_replaced(analyzer: AnalyzerProcess) -> None:
    with pytest.raises(AssemblyError, match="ended"):
        await event_of(analyzer, stub_analyzer.ENDING)
    assert (await event_of(analyzer, "Anna"))["content"] == "[PERSON]"


async def test_an_analyzer_that_cannot_start_is_an_error() -> None:
    """The queue tries again, and nothing goes out meanwhile."""
    analyzer = AnalyzerProcess(stub_analyzer.__name__, {"xx": "none"}, PATIENT_S)
    with pytest.raises(
        AssemblyError, match=r"OSError at tests\.integration\.content\.stub_analyzer:"
    ):
        await event_of(analyzer, "Anna")
    await analyzer.aclose()


async def test_a_capture_that_breaks_off_is_not_mixed(analyzer: AnalyzerProcess) -> None:
    """The process that has read the half of it would take the next event for the rest."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"{"
        raise StorageError("not now")

    broken = CaptureStream(header={}, body_bytes=100, pieces=pieces)
    envelope = sample_envelope(content_mode=ContentMode.REDACTED)
    with pytest.raises(StorageError, match="not now"):
        await Assembler(None, analyzer=analyzer)(envelope, None, broken, 1_000_000)
    assert (await event_of(analyzer, "Anna"))["content"] == "[PERSON]"


async def test_presidio_finds_what_its_recognizers_know() -> None:
    """Its pipeline is blank: names of people would need a model."""
    pytest.importorskip("presidio_analyzer", reason="Presidio is not installed")
    analyzer = AnalyzerProcess("shared.adapters.presidio", {"en": "blank"}, PATIENT_S)
    try:
        event = await event_of(analyzer, "žluť: NHS number 943 476 5919, card 4111 1111 1111 1111")
        assert event["content"] == "žluť: NHS number [UK_NHS], card [CARD]"
    finally:
        await analyzer.aclose()
