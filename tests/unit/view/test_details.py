"""The page's details of an exchange beside its conversation: times, usage, capture, command."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime, timedelta

import pytest

from shared.core.records.exchange.capture import Capture
from shared.core.records.exchange.piece_times import PieceTimes
from shared.core.wire.json.json_shape import Json, JsonObject, items, mapping
from tests.unit.view.events import GOLDEN, golden, sample_event
from view.exchange import capture_view, curl
from view.exchange.timeline import start_of, timeline
from view.exchange.usage import figures

ENVELOPE: JsonObject = {
    "arrivals": [[10, 100.5], [20, 150.25], [40, 900.0]],
    "timings": {"to_last_chunk_ms": 2000.0},
}


def capture_of(body: bytes, headers: Json = None, envelope: Json = None) -> Capture:
    return Capture(
        header={"headers": headers or {}, "envelope": envelope, "status_code": 200}, body=body
    )


# --- times


def test_marks_stand_in_milliseconds_from_the_start() -> None:
    event = sample_event(
        time_to_headers_ms=250,
        time_to_first_chunk_ms=300,
        time_to_first_token_ms=None,
        latency_ms=1200,
    )
    end = datetime.fromisoformat(str(event["timestamp"])).replace(tzinfo=UTC)
    view = timeline(
        event,
        header={"envelope": ENVELOPE, "keep_alives_ms": [600.5]},
        recorded_at=end + timedelta(milliseconds=40),
        delivered_at=end + timedelta(milliseconds=300),
    )
    assert view["marks"] == [
        {"name": "request", "at_ms": 0, "exact_ms": 1},
        {"name": "headers", "at_ms": 250, "exact_ms": 1},
        {"name": "first chunk", "at_ms": 300, "exact_ms": 1},
        {"name": "keep-alive", "at_ms": 600.5, "exact_ms": 1},
        {"name": "last byte", "at_ms": 1200, "exact_ms": 1},
        {"name": "recorded", "at_ms": 1240, "exact_ms": 1000},
        {"name": "delivered", "at_ms": 1500, "exact_ms": 1},
    ]
    assert view["chunks"] == [[100.5, 10], [150.25, 20], [900.0, 40]]
    assert start_of(event) == end - timedelta(milliseconds=1200)


def test_marks_stand_in_the_order_of_their_times() -> None:
    """Storage says the second of the recording alone, which may begin before the last byte."""
    event = sample_event(latency_ms=1200, time_to_headers_ms=250)
    end = datetime.fromisoformat(str(event["timestamp"])).replace(tzinfo=UTC)
    view = timeline(
        event, header=None, recorded_at=end - timedelta(milliseconds=39), delivered_at=end
    )
    names = [mapping(mark)["name"] for mark in items(view["marks"])]
    assert names[-3:] == ["recorded", "last byte", "delivered"]


def test_the_header_has_the_remaining_times() -> None:
    """The header has the times that its envelope has no room for."""
    pieces = PieceTimes()
    pieces.sizes.extend([5, 7, 9])
    pieces.times_ms.extend([100.5, 220.125, 300.0])
    header = {"envelope": {"arrivals": [[5, 100.5]]}, "pieces": pieces.to_json()}
    view = timeline(sample_event(), header=header, recorded_at=None, delivered_at=None)
    assert view["chunks"] == [[100.5, 5], [220.125, 12], [300.0, 21]]


def test_chunks_are_not_known_without_the_capture() -> None:
    view = timeline(sample_event(), header=None, recorded_at=None, delivered_at=None)
    assert view["chunks"] is None


@pytest.mark.parametrize("case", GOLDEN)
def test_every_event_has_its_times_and_usage(case: str) -> None:
    event = golden(case)
    assert timeline(event, header={}, recorded_at=None, delivered_at=None)["chunks"] == []
    assert bool(figures(event)) is (event["usage_source"] != "none")


# --- usage


def test_each_figure_names_the_member_that_it_comes_from() -> None:
    usage: Json = {
        "prompt_tokens": 12,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 8},
        "output_tokens_details": {"reasoning_tokens": 2},
    }
    usage_figures = figures(sample_event(usage=usage))
    assert [(figure.name, figure.value, figure.source) for figure in usage_figures] == [
        ("input", 12, "usage.prompt_tokens"),
        ("output", 5, "usage.completion_tokens"),
        ("cached", 8, "usage.prompt_tokens_details.cached_tokens"),
        ("reasoning", 2, "usage.output_tokens_details.reasoning_tokens"),
    ]


def test_an_estimate_says_so() -> None:
    estimate: Json = {"prompt_tokens": 16, "completion_tokens": 3, "total_tokens": 19}
    usage_figures = figures(
        sample_event(usage=None, usage_source="estimated", usage_estimate=estimate)
    )
    assert [figure.value for figure in usage_figures] == [16, 3, 19]
    assert all(figure.source.startswith("estimated") for figure in usage_figures)


def test_a_repeated_usage_says_so() -> None:
    usage_figures = figures(sample_event(usage={"total_tokens": 3}, usage_repeated=True))
    assert usage_figures[0].source == "usage.total_tokens; another exchange counts it"


# --- capture


def test_the_times_of_a_streams_events() -> None:
    """The events of a stream have the times of their last bytes. The first pieces' times and the
    last one's are known, those between them are not.
    """
    body = b"data: one\n\ndata: two\n\ndata: three\n\nevent: x\ndata: four\n\n"
    envelope: JsonObject = {**ENVELOPE, "arrivals": [[15, 100.5], [22, 150.25]]}
    view = capture_view.response_view(capture_of(body, envelope=envelope), size=len(body))
    assert view["frames"] == [
        {"at_ms": 100.5, "offset": 0, "size": 11, "event": "message", "text": "one"},
        {"at_ms": 150.25, "offset": 11, "size": 11, "event": "message", "text": "two"},
        {"at_ms": None, "offset": 22, "size": 13, "event": "message", "text": "three"},
        {"at_ms": 2000.0, "offset": 35, "size": 21, "event": "x", "text": "four"},
    ]
    assert (view["body"], view["truncated"], view["encoding"]) == (body.decode(), False, "text")


def test_a_document_has_no_frames() -> None:
    view = capture_view.response_view(capture_of(b'{"a": 1}'), size=8)
    assert (view["frames"], view["status"], view["body"]) == (None, 200, '{"a": 1}')


@pytest.mark.parametrize("body", [b"\x89PNG\r\n\x1a\n\0\0", b"\xff\xfe\x00"])
def test_a_binary_body_is_shown_in_hexadecimal_digits(body: bytes) -> None:
    view = capture_view.response_view(capture_of(body), size=len(body))
    assert (view["body"], view["encoding"]) == (body.hex(" "), "hex")


def test_a_long_body_is_cut_between_characters() -> None:
    body = "ä".encode() * capture_view.MAX_BYTES
    view = capture_view.request_view(capture_of(b"x" + body), size=len(body) + 1)
    assert str(view["body"]).strip("xä") == ""
    assert (view["truncated"], view["size"]) == (True, len(body) + 1)


def test_a_compressed_body_is_shown_decoded() -> None:
    import gzip

    capture = capture_of(gzip.compress(b"data: one\n\n"), {"content-encoding": "gzip"}, ENVELOPE)
    view = capture_view.response_view(capture, size=len(capture.body))
    assert view["body"] == "data: one\n\n"
    assert view["frames"] == [
        {"at_ms": None, "offset": 0, "size": 11, "event": "message", "text": "one"}
    ]


# --- curl


def test_the_call_can_be_made_again() -> None:
    """The command is quoted for a shell, with a variable where the key belongs."""
    event = sample_event(path="/openai/deployments/gpt-4o/chat/completions", stream=True)
    words = shlex.split(curl.of_event(event, "http://127.0.0.1:7071").replace("\\\n", ""))
    assert words[:4] == ["curl", "-sS", "-N", words[3]]
    assert words[3].startswith("http://127.0.0.1:7071/openai/deployments/gpt-4o/chat/completions?")
    assert "api-key: $AZURE_OPENAI_KEY" in words
    assert '"stream": true' in words[-1]
    assert "καλημέρα" in words[-1]


def test_a_hostile_prompt_stays_within_its_quotes() -> None:
    prompt = '\'; rm -rf ~; echo "$HOME" `id` \\'
    event = sample_event(prompt=[{"role": "user", "content": prompt}], path="/openai/$(id)'/x")
    words = shlex.split(curl.of_event(event, None).replace(" \\\n", " "))
    assert words.count("rm") == 0
    assert any("rm -rf" in word and word.startswith("{") for word in words)


def test_the_captured_body_is_taken_byte_for_byte() -> None:
    body = b'{"messages":  [], "x": "it\'s"}'
    command = curl.of_capture(sample_event(), None, body)
    assert command is not None
    assert shlex.split(command.replace(" \\\n", " "))[-1] == body.decode()


def test_a_body_that_begins_with_at_names_no_file() -> None:
    """A caller chose the body, and who pastes the command must not send a file of their own."""
    command = curl.of_capture(sample_event(), None, b"@/home/me/.ssh/id_ed25519")
    assert command is not None
    words = shlex.split(command.replace(" \\\n", " "))
    assert words[-2:] == ["--data-raw", "@/home/me/.ssh/id_ed25519"]


@pytest.mark.parametrize("body", [b"\xff", b"a\0", b"x" * 100_001])
def test_a_body_that_no_command_line_takes_has_no_command(body: bytes) -> None:
    assert curl.of_capture(sample_event(), None, body) is None


@pytest.mark.parametrize("case", GOLDEN)
def test_every_exchange_has_a_command(case: str) -> None:
    words = shlex.split(curl.of_event(golden(case), "https://x").replace(" \\\n", " "))
    assert words[0] == "curl"
