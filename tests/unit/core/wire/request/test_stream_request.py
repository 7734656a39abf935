"""Which requests can ask for a stream in their JSON body, and by which member they do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.core.event import request_summary
from shared.core.wire.operations import spec_of
from shared.core.wire.request.stream_request import (
    is_examined,
    requests_stream,
    stream_without_body,
)
from shared.core.wire.request.usage_request import examine
from tests.unit.core.wire.scanning import run


@pytest.mark.parametrize(
    ("operation", "method", "content_type", "examined"),
    [
        ("chat.completions", "POST", "", True),
        ("completions", "POST", "text/plain", True),
        ("responses", "POST", "application/json", True),
        ("images.generations", "POST", "application/json", True),
        ("images.edits", "POST", "Application/JSON; charset=utf-8", True),
        ("images.edits", "POST", "multipart/form-data; boundary=b", False),
        ("audio.speech", "POST", "application/json", True),
        ("audio.transcriptions", "POST", "multipart/form-data", False),
        ("embeddings", "POST", "application/json", False),
        ("call", "POST", "application/json", True),
        ("call", "POST", "application/merge-patch+json", True),
        ("call", "POST", "application/octet-stream", False),
        ("call", "POST", "", False),
        ("call", "PUT", "application/json", False),
        ("responses.cancel", "POST", "application/json", True),
    ],
)
def test_which_bodies_are_looked_at(
    operation: str, method: str, content_type: str, examined: bool
) -> None:
    assert is_examined(spec_of(operation), method, content_type) is examined


@pytest.mark.parametrize(
    ("operation", "query_value", "expected"),
    [
        ("responses.get", "true", True),
        ("responses.get", "false", False),
        ("responses.get", None, False),
        ("embeddings", "true", False),
        ("chat.completions", "true", None),
        ("call", None, None),
    ],
)
def test_what_is_known_of_a_stream_before_the_body(
    operation: str, query_value: str | None, expected: bool | None
) -> None:
    """None: only the body says it."""
    assert stream_without_body(spec_of(operation), query_value) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{}", False),
        (b'{"stream": false}', False),
        (b'{"stream": null}', False),
        (b'{"stream": true}', True),
        (b'{"stream": 1}', None),
        (b'{"stream": "true"}', None),
        (b"[1]", None),
        (b"\x8b\x00coded", None),
    ],
)
def test_what_a_body_says_of_a_stream(body: bytes, expected: bool | None) -> None:
    """None: it cannot be said."""
    examination = examine(bytearray(body), spec_of("chat.completions"), may_ask=False)
    assert run(examination).stream is expected


DOCUMENTS: list[tuple[str, dict[str, Any], bool]] = [
    ("chat.completions", {"stream": True}, True),
    ("chat.completions", {"stream": "true"}, False),
    ("chat.completions", {"stream": 1}, False),
    ("chat.completions", {"stream": None}, False),
    ("chat.completions", {"stream_format": "sse"}, False),
    ("images.edits", {"stream": True}, True),
    ("call", {"stream": True}, True),
    ("audio.speech", {"stream": True}, False),
    ("audio.speech", {"stream_format": "sse"}, True),
    ("audio.speech", {"stream_format": "audio"}, False),
    ("audio.speech", {"stream_format": ["sse"]}, False),
]


@pytest.mark.parametrize(("operation", "document", "stream"), DOCUMENTS)
def test_relay_and_enrichment_agree_on_which_requests_stream(
    operation: str, document: dict[str, Any], stream: bool
) -> None:
    """The one finds the member without parsing, the other parses."""
    body = json.dumps(document, indent=1).encode()
    assert requests_stream(document, spec_of(operation)) is stream
    assert bool(run(examine(body, spec_of(operation), may_ask=False)).stream) is stream
    assert request_summary.parse(body, operation).stream is (
        stream and operation != "call"
    )  # a call's request is not looked into
