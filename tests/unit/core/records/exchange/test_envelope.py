"""The envelope: it survives a round trip, other JSON is rejected, and it stays small."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.sample_envelope import PLAIN, sample_envelope
from shared.core.records.exchange import capture
from shared.core.records.exchange.envelope import (
    MAX_ARRIVALS,
    MAX_TEXT,
    Caller,
    Envelope,
    Failure,
    Timings,
    bound_text,
    dump,
    from_fields,
    load,
    outcome_blob,
)
from shared.core.wire.stream.stream_scan import scan
from shared.errors import EnvelopeError
from tests.unit.core.strategies import envelopes, json_values

LIMIT_BYTES = 8 * 1024


@given(envelopes)
def test_what_is_dumped_is_loaded_again(envelope: Envelope) -> None:
    assert load(dump(envelope)) == envelope
    assert load(dump(envelope).encode()) == envelope


@given(envelopes)
def test_the_hosts_indentation_changes_nothing(envelope: Envelope) -> None:
    """The Functions host hands JSON messages over re-indented."""
    assert load(json.dumps(json.loads(dump(envelope)), indent=2)) == envelope


def test_an_envelope_is_written_in_ascii() -> None:
    assert dump(sample_envelope(deployment="žluť 🐎")).isascii()


@pytest.mark.parametrize("character", ["x", '"', "\\", "\0", "é", "→", "🐎", "\ud800"])
def test_an_envelope_stays_below_8_kb(character: str) -> None:
    """The texts of callers and upstream do not matter."""
    text = bound_text(character * 70_000)
    usage_chunk = json.dumps({"choices": [], "usage": {"note": character * 2500}}).encode(
        "utf-8", "replace"
    )
    usage = scan(b"data: " + usage_chunk + b"\n\n")
    worst = sample_envelope(
        deployment=text,
        api_version=text,
        trace_parent=text,
        caller=Caller(**{field.name: text for field in dataclasses.fields(Caller)}),
        failure=Failure(code="upstream_unreachable", message="m" * 250),
        timings=Timings(
            **{field.name: 1739999.1234567890 for field in dataclasses.fields(Timings)}
        ),
        arrivals=((104857600, 1739999.1234567890),) * MAX_ARRIVALS,
        usage=usage.usage,
        usage_source="estimated",
    )
    assert len(dump(worst)) < LIMIT_BYTES


@given(st.text())
def test_a_bounded_text_is_the_beginning_of_the_text(text: str) -> None:
    cut = bound_text(text)
    assert cut is not None
    assert text.startswith(cut)
    assert len(json.dumps(cut)) <= MAX_TEXT + 2
    assert cut == text or len(json.dumps(text[: len(cut) + 1])) > MAX_TEXT + 2


def test_a_text_that_fits_is_not_cut() -> None:
    assert bound_text("a" * MAX_TEXT) == "a" * MAX_TEXT
    assert bound_text("a" * (MAX_TEXT + 1)) == "a" * MAX_TEXT
    assert bound_text(None) is None
    assert bound_text("") == ""


def change(name: str, value: Any) -> str:
    return json.dumps(json.loads(dump(PLAIN)) | {name: value})


def with_timing(name: str, value: Any) -> str:
    return change("timings", dataclasses.asdict(PLAIN.timings) | {name: value})


NOT_ENVELOPES: dict[str, str | bytes] = {
    "empty": "",
    "no JSON": "{",
    "not UTF-8": b"\xff\xfe\xff",
    "null": "null",
    "a number": "1",
    "a text": '"text"',
    "a list": "[]",
    "an empty object": "{}",
    "only a version": '{"schema_version": 1}',
    "nested too deep": "[" * 100_000,
    "another version": change("schema_version", 2),
    "an unknown outcome": change("outcome", "fine"),
    "an id that is none": change("exchange_id", "secret-text"),
    "an id that is a number": change("exchange_id", 7),
    "an id behind the calendar": change("exchange_id", "ffffffff-ffff-7cc3-98c4-dc0c0c07398f"),
    "timings that are none": change("timings", "secret-text"),
    "timings that lack some": change("timings", {"to_end_ms": 1}),
    "arrivals that are no pairs": change("arrivals", [[1]]),
    "arrivals that are no numbers": change("arrivals", [["secret-text", 1]]),
    "arrivals beyond all numbers": '{"schema_version":1,'
    + change("arrivals", [])[1:].replace("[]", "[[Infinity, 1]]"),
    "a caller that is none": change("caller", []),
    "arrivals that took for ever": change("arrivals", [[1, 1e300]]),
    "a start that is no time": change("started_at", "secret-text"),
    "a start that is a number": change("started_at", 7),
    "a start without its offset": change("started_at", "2024-11-13T06:59:30"),
    "a start at the calendar's end": change("started_at", "9999-12-31T23:59:59+00:00"),
    "an operation that is none": change("operation", None),
    "an operation that is a list": change("operation", ["secret-text"]),
    "a usage that is a text": change("usage", "secret-text"),
    "a size that is a text": change("request_bytes", "secret-text"),
    "a size that is none": change("response_bytes", None),
    "a capture's name that is a number": change("response_capture", 7),
    "an end that is a text": with_timing("to_end_ms", "secret-text"),
    "an end that never came": with_timing("to_end_ms", None),
    "an end beyond all times": with_timing("to_end_ms", 1e300),
    "an end before the start": with_timing("to_end_ms", -1),
    "headers that came at a text": with_timing("to_headers_ms", "secret-text"),
    "a first chunk that came at a text": with_timing("to_first_chunk_ms", "secret-text"),
    "a last chunk beyond all times": with_timing("to_last_chunk_ms", 1e300),
    "a failure that is none": change("failure", {"code": "a", "message": 1, "secret-text": 1}),
}


@pytest.mark.parametrize("case", NOT_ENVELOPES)
def test_other_json_is_rejected_without_being_quoted(case: str) -> None:
    with pytest.raises(EnvelopeError) as error:
        load(NOT_ENVELOPES[case])
    assert "secret-text" not in str(error.value)
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__ or error.value.__context__ is None


@given(st.binary())
def test_arbitrary_bytes_are_rejected(data: bytes) -> None:
    with pytest.raises(EnvelopeError):
        load(data)


@given(st.sampled_from([field.name for field in dataclasses.fields(Envelope)]), json_values)
def test_any_value_is_loaded_or_rejected(name: str, value: object) -> None:
    """Any value in the place of any member."""
    try:
        loaded = load(change(name, value))
    except EnvelopeError:
        return
    assert isinstance(loaded, Envelope)


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Envelope)])
def test_the_type_of_every_field_is_checked(name: str) -> None:
    """No field holds such an array, so a field without a check would let it in."""
    with pytest.raises(EnvelopeError):
        load(change(name, [1.5, "secret-text"]))


members = st.sampled_from(
    [(field.name,) for field in dataclasses.fields(Envelope)]
    + [
        (holder, field.name)
        for holder, cls in (("timings", Timings), ("caller", Caller), ("failure", Failure))
        for field in dataclasses.fields(cls)
    ]
)


@given(envelopes, st.lists(st.tuples(members, st.booleans(), json_values), min_size=1, max_size=3))
def test_a_hostile_envelope_is_rejected_or_kept(
    envelope: Envelope, changes: list[tuple[tuple[str, ...], bool, Any]]
) -> None:
    """Members of any value and missing ones raise EnvelopeError, and nothing else."""
    document = json.loads(dump(envelope))
    for path, remove, value in changes:
        holder = document
        for name in path[:-1]:
            holder = holder.get(name)
        if not isinstance(holder, dict):
            continue
        if remove:
            holder.pop(path[-1], None)
        else:
            holder[path[-1]] = value
    try:
        loaded = load(json.dumps(document))
    except EnvelopeError:
        return
    assert load(dump(loaded)) == loaded


@given(envelopes, st.data())
def test_a_damaged_message_is_rejected_or_loaded(envelope: Envelope, data: st.DataObject) -> None:
    """Bytes that were changed, cut or inserted raise EnvelopeError, and nothing else."""
    message = dump(envelope).encode()
    first = data.draw(st.integers(0, len(message)))
    last = data.draw(st.integers(first, min(first + 8, len(message))))
    damaged = message[:first] + data.draw(st.binary(max_size=8)) + message[last:]
    try:
        loaded = load(damaged)
    except EnvelopeError:
        return
    assert isinstance(loaded, Envelope)


def test_members_that_a_later_version_added_are_ignored() -> None:
    """While versions take turns in a deployment, the older one delivers what the newer one sent."""
    later = json.loads(dump(PLAIN)) | {"surprise": {"at": 1}}
    later["timings"]["surprise_ms"] = 7
    assert load(json.dumps(later)) == PLAIN


def test_another_schema_version_says_which_one_is_expected() -> None:
    with pytest.raises(EnvelopeError, match="schema version 1 is expected"):
        load(change("schema_version", 2))


@pytest.mark.parametrize("pending", [True, False])
def test_the_envelope_of_an_outcome_capture_is_not_pending(pending: bool) -> None:
    name, blob = outcome_blob(replace(PLAIN, outcome_pending=pending))
    assert name == capture.outcome_name(PLAIN.exchange_id)
    stored = capture.load(blob)
    assert (from_fields(stored.header["envelope"]), stored.body) == (PLAIN, b"")
