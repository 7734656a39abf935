"""The golden set: every recorded exchange gives its expected event, however its bytes come."""

from __future__ import annotations

import json

import pytest

from harness.cutting import every_way
from harness.schema import valid
from shared.core.answer import reader
from shared.core.event import shape, truncation
from shared.core.exchange.conclusion import COMPLETED, ResponseCompleteness
from shared.core.records.exchange.outcome import Outcome
from shared.core.wire.operations import spec_of
from shared.core.wire.stream import stream_scan
from shared.core.wire.stream.tail import tail_of_json
from tests.golden import GoldenCase, event_of, load, names, telemetry_text

# the last two begin the PNG and the WAV in Base64
_SECRETS = ("SECRET", "sk-not-in-the-event", "iVBORw0KGgo", "UklGR")


@pytest.fixture(params=names())
def case(request: pytest.FixtureRequest) -> GoldenCase:
    return load(request.param)


def test_the_captures_give_the_expected_event(case: GoldenCase) -> None:
    """Key by key; the file is the documentation of its case."""
    event = json.loads(shape.dump(event_of(case)))
    assert event == json.loads(case.event_path.read_text("utf-8"))
    valid(event)


def test_the_exchange_gives_the_expected_spans_and_metrics(case: GoldenCase) -> None:
    """Line by line; the file is the documentation of its case."""
    exchange = telemetry_text.exchange_of(case)
    rendered = telemetry_text.render(exchange, telemetry_text.first_delivery(exchange))
    assert rendered.splitlines() == case.telemetry_path.read_text("utf-8").splitlines()


def test_the_outcome_is_the_one_that_the_relay_decides(case: GoldenCase) -> None:
    """The relay's rules give the outcome that the hand-written envelope states, for each complete
    response.
    """
    envelope, response = case.envelope, case.response
    if (
        response is None
        or not envelope.content_mode.stores_bodies
        or envelope.failure is not None
        or envelope.outcome is Outcome.CLIENT_DISCONNECTED
    ):
        return
    tail = (
        stream_scan.scan(response.body, choices=None)
        if envelope.stream
        else tail_of_json(response.body, spec_of(envelope.operation))
    )
    known = (
        spec_of(envelope.operation).stream_end_is_known
        and "content-encoding" not in response.headers
    )
    completeness = ResponseCompleteness(
        tail=tail, is_stream=bool(envelope.stream), end_is_known=known
    )
    status = envelope.upstream_status_code
    assert envelope.outcome is completeness.outcome(COMPLETED, upstream_status=status)


def test_an_answer_reads_the_same_however_it_is_cut(case: GoldenCase) -> None:
    """Whole, byte by byte and at random, as the network may deliver it."""
    if case.response is None or not case.envelope.content_mode.stores_bodies:
        return
    headers = case.response.headers
    body = reader.AnswerBody(
        operation=case.envelope.operation,
        status_code=case.envelope.upstream_status_code,
        content_type=headers["content-type"],
        content_encoding=headers.get("content-encoding", ""),
    )
    whole = reader.read((case.response.body,), body)
    for pieces in every_way(case.response.body):
        assert reader.read(pieces, body) == whole


def test_no_secret_and_no_file_of_a_capture_reaches_its_event(case: GoldenCase) -> None:
    """The captures hold both; the event must hold neither."""
    written = shape.dump(event_of(case)).decode()
    assert [secret for secret in _SECRETS if secret in written] == []


@pytest.mark.parametrize("limit_bytes", [8192, 100_000])
def test_the_event_fits_a_limit(case: GoldenCase, limit_bytes: int) -> None:
    """This holds for the smallest limit as well."""
    fitted = truncation.truncate(event_of(case), limit_bytes)
    assert len(fitted) <= limit_bytes
    valid(json.loads(fitted))
