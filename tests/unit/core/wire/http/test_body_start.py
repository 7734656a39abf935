"""The first bytes of a body say whether it is a stream of events, however they arrive."""

from __future__ import annotations

import pytest

from shared.core.wire.http.body_start import is_document, is_event_stream

BOM = b"\xef\xbb\xbf"
STREAMS = [
    b"data: {}\n\n",
    b"data:{}\n\n",
    b"event: response.created\ndata: {}\n\n",
    b"id: 1\ndata: {}\n\n",
    b"retry: 10\n\n",
    b": keep-alive\n\n",
    b":\n\n",
    BOM + b"data: {}\n\n",
    b"\n\r\n\ndata: {}\n\n",
]
DOCUMENTS = [b'{"choices": []}', b"  \r\n[1]", BOM + b"{}", b"<html></html>", b'"text"']
OTHERS = [b"database", b"dat", b"identity", b"ID3\x04", b"RIFF", b"1\n00:00", b"\xef\xbb text", b""]


@pytest.mark.parametrize("body", STREAMS, ids=repr)
def test_a_stream_of_events_is_recognized_by_its_first_field(body: bytes) -> None:
    """It is not called anything else before that is known."""
    answers = [is_event_stream(body[:size]) for size in range(len(body) + 1)]
    assert answers[-1] is True
    assert answers == sorted(answers, key=bool)
    assert False not in answers
    assert not is_document(body)


@pytest.mark.parametrize("body", DOCUMENTS + OTHERS, ids=repr)
def test_what_is_not_a_stream_is_never_called_one(body: bytes) -> None:
    """Once it is known, more bytes change nothing."""
    answers = [is_event_stream(body[:size]) for size in range(len(body) + 1)]
    assert True not in answers
    decided_at = answers.index(False) if False in answers else len(answers)
    assert set(answers[decided_at:]) <= {False}
    assert is_document(body) is (body in DOCUMENTS)


def test_a_body_of_white_space_is_not_waited_for() -> None:
    assert is_event_stream(b"\n" * 10) is None
    assert is_event_stream(b"\n" * 100) is False
