"""The notes of an answer that is not stored. The golden set has the answers that are read whole;
here are those that are longer than that.
"""

from __future__ import annotations

import dataclasses
import gzip
import json
from typing import Any

import pytest

from harness.sample_envelope import sample_envelope
from shared.core.answer.shapes import ParsedAnswer
from shared.core.event import answer_notes
from shared.core.records.exchange.unstored_body import WHOLE_BYTES, UnstoredBody
from shared.core.wire.content_mode import ContentMode
from shared.core.wire.steps import run_to_end

SECRET = "Rosemarie's address"
USAGE = {"prompt_tokens": 3, "completion_tokens": 40_000, "total_tokens": 40_003}


def note(
    body: bytes, headers: dict[str, str], **fields: Any
) -> tuple[dict[str, Any], ParsedAnswer, ParsedAnswer]:
    """The members of the header as storage has them, and what is read of them."""
    taken = UnstoredBody()
    taken.feed(body)
    envelope = sample_envelope(
        **{
            "content_mode": ContentMode.METADATA,
            "response_bytes": len(body),
            "sent_bytes": len(body),
            **fields,
        }
    )
    members = json.loads(
        json.dumps(run_to_end(answer_notes.members_steps(taken, headers, envelope)))
    )
    return members, *answer_notes.answers(members)


def event(**chunk: Any) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def long_stream(end_of_line: bytes = b"\n") -> bytes:
    text = event(model="gpt-4o-2024-11-20", choices=[{"index": 0, "delta": {"content": SECRET}}])
    call = {"index": 0, "id": "call_1", "function": {"name": "get_weather", "arguments": SECRET}}
    last = event(choices=[{"index": 0, "delta": {"tool_calls": [call]}}])
    stop = event(choices=[{"index": 0, "delta": {}, "finish_reason": "tool_calls"}])
    stream = text * 2000 + last + stop + event(choices=[], usage=USAGE) + b"data: [DONE]\n\n"
    return stream.replace(b"\n", end_of_line)


@pytest.mark.parametrize("end_of_line", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
def test_of_a_long_stream_beginning_and_end_are_read(end_of_line: bytes) -> None:
    """Model, finish reason, tools, usage and the time of the first token are known."""
    headers = {"content-type": "text/event-stream"}
    members, answer, sent = note(long_stream(end_of_line), headers)
    assert SECRET not in str(members)
    assert sent == answer
    assert (answer.model, answer.usage, answer.finish_reason) == (
        "gpt-4o-2024-11-20",
        USAGE,
        "tool_calls",
    )
    (choice,) = answer.choices
    (call,) = choice.tool_calls or ()
    assert call.function is not None
    assert (call.function.name, call.function.arguments) == ("get_weather", "")
    assert answer.first_token_end is not None
    # the relay knows whether it is finished
    assert (answer.finished, answer.problems, answer.unreadable) == (None, (), False)


def test_a_long_stream_cut_by_the_client() -> None:
    """The client of a long stream disconnected: no finish reason is reported. The end of
    its part is not known.
    """
    headers = {"content-type": "text/event-stream"}
    _, answer, sent = note(long_stream(), headers, sent_bytes=100_000)
    assert (answer.model, answer.usage) == ("gpt-4o-2024-11-20", USAGE)
    assert (sent.finish_reason, sent.choices, sent.failed) == (None, (), False)


def test_a_short_stream_cut_by_the_client() -> None:
    """The client of a short stream disconnected: the part that it was sent is read."""
    first = event(model="gpt-4o", choices=[{"index": 0, "delta": {"content": SECRET}}])
    rest = event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
    headers = {"content-type": "text/event-stream"}
    members, answer, sent = note(first + rest, headers, sent_bytes=len(first))
    assert SECRET not in str(members)
    assert (answer.finish_reason, sent.finish_reason) == ("stop", None)


def test_of_a_long_document_model_and_usage_are_read() -> None:
    embeddings = [{"embedding": [0.25] * 1536, "index": number} for number in range(20)]
    body = {"object": "list", "data": embeddings, "model": "text-embedding-3-large", "usage": USAGE}
    _, answer, _ = note(json.dumps(body).encode(), {}, operation="embeddings", stream=False)
    assert (answer.model, answer.usage) == ("text-embedding-3-large", USAGE)


def test_of_a_long_response_its_status_is_read() -> None:
    body = {"id": "resp_1", "object": "response", "status": "completed", "model": "gpt-4o"}
    text = {"output": [{"type": "message", "content": [{"text": SECRET * 5000}]}], "usage": USAGE}
    data = json.dumps(body | text).encode()
    members, answer, _ = note(data, {}, operation="responses", stream=False)
    assert SECRET not in str(members)
    assert (answer.id, answer.response_status, answer.usage) == ("resp_1", "completed", USAGE)


def test_of_long_speech_size_and_hash_are_known() -> None:
    audio = bytes(range(256)) * 1000
    headers = {"content-type": "audio/mpeg"}
    _, answer, _ = note(audio, headers, operation="audio.speech", stream=False)
    assert answer.audio is not None
    assert answer.audio.bytes == len(audio)
    assert answer.audio.sha256 is not None


def test_a_short_answer_with_a_content_coding_is_decoded() -> None:
    body = {"model": "gpt-4o", "choices": [{"message": {"content": SECRET}}], "usage": USAGE}
    headers = {"content-encoding": "gzip"}
    members, answer, _ = note(gzip.compress(json.dumps(body).encode()), headers, stream=False)
    assert SECRET not in str(members)
    assert (answer.model, answer.usage) == ("gpt-4o", USAGE)


@pytest.mark.parametrize("size", [WHOLE_BYTES + 1, 100 * WHOLE_BYTES], ids=["some", "many"])
def test_what_a_content_coding_hides_is_not_known(size: int) -> None:
    """It would take too long to undo beside the streams of other clients."""
    body = gzip.compress(json.dumps({"model": "gpt-4o", "text": "x" * size}).encode())
    _, answer, _ = note(body, {"content-encoding": "gzip"}, stream=False)
    assert answer == ParsedAnswer()


@pytest.mark.parametrize(
    "text",
    ["call me on +49 30 901820", "a text of the answer", "x" * 65, "", "überraschung"],
    ids=["phone", "text", "long", "empty", "not ASCII"],
)
def test_a_text_in_the_place_of_a_word_is_left_out(text: str) -> None:
    """An upstream may put the prompt into any field."""
    usage = {"prompt_tokens": 1, "note": text, "details": {"note": text, "cached_tokens": 0}}
    body = {
        "model": text,
        "id": text,
        "usage": usage,
        "service_tier": text,
        "system_fingerprint": text,
        "choices": [{"index": 0, "finish_reason": text, "message": {"content": text}}],
        "error": {"code": text, "message": text, "type": text},
    }
    _, answer, _ = note(json.dumps(body).encode(), {}, stream=False)
    expected = {"prompt_tokens": 1, "details": {"cached_tokens": 0}}
    assert answer.usage == expected
    assert answer.error == {}
    assert (answer.model, answer.id, answer.finish_reason) == (None, None, None)


def test_a_header_without_an_answer_reads_as_an_empty_one() -> None:
    """Storage may hold a capture of another version."""
    assert answer_notes.answers({"answer": {"model": 5}}) == (ParsedAnswer(), ParsedAnswer())


def test_every_text_of_an_answer_is_considered() -> None:
    """A new field of an answer must be thought of in `without_content`."""
    names = {field.name for field in dataclasses.fields(ParsedAnswer)}
    kept = {"embeddings", "problems", "unreadable", "failed", "is_stream", "finished"}
    counted = {"first_token_end", "generated_bytes", "background", "completed_at"}
    reduced = {
        *("content", "choices", "output", "finish_reason", "images", "audio", "batch", "usage"),
        *("id", "model", "response_status", "service_tier", "system_fingerprint", "error"),
        *("prompt_filter_results", "content_filters"),
    }
    assert names == kept | counted | reduced
