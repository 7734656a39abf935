"""Parsing a captured answer: what the documents and chunks of one body hold together."""

from __future__ import annotations

import json

import pytest

from shared.core.answer.reader import AnswerBody, read
from shared.core.wire.operations import CALL, OPERATIONS, OperationSpec
from shared.core.wire.sse import EVENT_STREAM


def chunk(content: str) -> dict[str, object]:
    return {"id": "c", "choices": [{"index": 0, "delta": {"content": content}}], "error": None}


def test_a_chunk_whose_event_is_named_error_is_an_error() -> None:
    """Also where it looks like the chunk before it."""
    chunks = [f"data: {json.dumps(chunk(text))}\n\n" for text in "aab"]
    chunks[2] = "event: error\n" + chunks[2]
    body = AnswerBody(operation="chat.completions", status_code=200, content_type=EVENT_STREAM)
    answer = read(["".join(chunks).encode()], body)
    assert (answer.content, answer.error) == ("aab", chunk("b"))


@pytest.mark.parametrize("spec", [*OPERATIONS, CALL], ids=lambda spec: spec.name)
def test_every_operation_has_a_reader_that_takes_any_document(spec: OperationSpec) -> None:
    """Its table row names the reader; a document of another shape leaves the answer empty."""
    body = AnswerBody(operation=spec.name, content_type="application/json")
    assert read([b'{"unknown": 1}'], body).content == ""
