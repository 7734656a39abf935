"""Content types, as clients and upstreams write them."""

from __future__ import annotations

import pytest

from shared.core.wire.http.headers import (
    event_stream_announced,
    is_event_stream_type,
    is_json,
    media_type,
    names_event_stream,
)


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        ("", ""),
        ("application/json", "application/json"),
        (" Audio/MPEG ; rate=24000", "audio/mpeg"),
        ("text/event-stream; charset=utf-8; q=1", "text/event-stream"),
    ],
)
def test_a_media_type_has_no_parameters_and_no_case(content_type: str, kind: str) -> None:
    assert media_type(content_type) == kind


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("text/event-stream", True),
        (" Text/Event-Stream;charset=utf-8", True),
        ("text/event-stream, text/event-stream", True),
        ("application/json, text/event-stream", False),
        ("application/json; profile=text/event-stream", False),
        ("", False),
    ],
)
def test_the_first_content_type_says_whether_it_is_a_stream(
    content_type: str, expected: bool
) -> None:
    assert is_event_stream_type(content_type) is expected
    assert names_event_stream([(b"Content-Type", content_type.encode())]) is expected


@pytest.mark.parametrize(
    ("content_types", "announced"),
    [
        ([], None),
        ([b"text/event-stream"], True),
        ([b"text/event-stream, text/event-stream;charset=utf-8"], True),
        ([b"text/event-stream, application/json"], None),
        ([b"application/json", b"text/event-stream"], None),
        ([b"application/json", b"text/plain"], False),
    ],
)
def test_content_types_that_differ_leave_doubt(
    content_types: list[bytes], announced: bool | None
) -> None:
    headers = [(b"content-type", value) for value in content_types]
    assert event_stream_announced(headers) is announced


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/json; charset=utf-8", True),
        ("application/problem+json", True),
        ("text/json", False),
        ("application/jsonl", False),
    ],
)
def test_a_json_type_is_application_json_or_ends_with_json(
    content_type: str, expected: bool
) -> None:
    assert is_json(content_type) is expected
