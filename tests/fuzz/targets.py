"""The readers of strangers' bytes. Each target takes any bytes, and raises if the reader does what
it must not: it raises anything but its own error, or breaks what the target asserts.
"""

from __future__ import annotations

import contextlib
import functools
import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import unquote

from harness.sample_envelope import PLAIN
from shared.core.content import decision, policy
from shared.core.content.detect.redactor import Redactor
from shared.core.event import builder, content_redaction, shape, truncation
from shared.core.records.exchange import capture
from shared.core.records.exchange import envelope as envelopes
from shared.core.records.exchange.capture import Capture
from shared.core.records.operator import erasure_request, replay_request
from shared.core.records.queue import envelope_message
from shared.core.wire.content_mode import STRICTEST, ContentMode
from shared.core.wire.http import forwarding, multipart, upstream_target
from shared.core.wire.http.content_coding import ContentDecoder, PieceDecoder
from shared.core.wire.json import json_shape
from shared.core.wire.operations import OPERATIONS
from shared.core.wire.request import routing, usage_request
from shared.core.wire.steps import run_to_end
from shared.core.wire.stream.sse import SseDecoder, decode
from shared.core.wire.stream.stream_scan import StreamScan, scan
from shared.core.wire.token import caller_token
from shared.errors import (
    CaptureError,
    ContentPolicyError,
    EnvelopeError,
    OperatorRequestError,
)
from tests.fuzz.http import request
from view.errors import FilterError
from view.filters import parse as parse_filter
from view.filters.sql import condition
from view.store.schema import STATEMENTS

_NOW: Final = datetime(2026, 11, 27, 10, tzinfo=UTC)
_NOW_MS: Final = 1_795_773_600_000
_RETENTION: Final = timedelta(days=30)
_CREDENTIAL: Final = (b"api-key", b"the proxy's own")
_CODINGS: Final = ("gzip", "deflate", "br", "", "gzip, gzip")
_TYPES: Final = ("text/event-stream", "application/json", "multipart/form-data; boundary=b", "")
_CHAT: Final = next(spec for spec in OPERATIONS if spec.name == "chat.completions")
_MOST_DECODED_BYTES: Final = 2**20
_LIMIT_BYTES: Final = 10_000  # of an event


def _choice[T](data: bytes, options: tuple[T, ...]) -> tuple[T, bytes]:
    """One of the options, by the first byte, and the other bytes."""
    return options[(data[0] if data else 0) % len(options)], data[1:]


def route(data: bytes) -> None:
    """A path and a query that are relayed stay below /openai/, and in their line."""
    path, _, query = data.partition(b"?")
    found = routing.route("POST", path.decode("latin-1"))
    if not isinstance(found, routing.Operation):
        return
    target = upstream_target.upstream_path(path) + b"?" + upstream_target.upstream_query(query, "1")
    assert all(0x20 < byte < 0x7F for byte in target), target
    assert target.startswith(b"/openai/"), target
    decoded = unquote(unquote(target.partition(b"?")[0].decode())).replace("\\", "/")
    assert ".." not in decoded.split("/"), target
    upstream_target.query_value(query, b"api-version")


def headers(data: bytes) -> None:
    """The proxy's credential goes upstream once, and no other."""
    pairs = [
        (name, value.strip())
        for name, _, value in (line.partition(b":") for line in data.split(b"\n"))
    ]
    sent = forwarding.request_headers(pairs, [_CREDENTIAL])
    names = [name.lower() for name, _ in sent]
    assert [pair for pair in sent if pair[0].lower() == b"api-key"] == [_CREDENTIAL]
    assert not {b"authorization", b"cookie", b"host", b"transfer-encoding"} & set(names)
    assert names.count(b"accept-encoding") == 1
    received = forwarding.response_headers(pairs, "id")
    assert [value for name, value in received if name == b"x-exchange-id"] == [b"id"]
    assert all(value.isascii() for _, value in received)


def sse(data: bytes) -> None:
    """A stream cut anywhere has the events of the whole one."""
    at = data[0] if data else 0
    body = data[1:]
    decoder = SseDecoder()
    events = [*decoder.feed(body[:at]), *decoder.feed(body[at:])]
    open_event = decoder.flush()
    assert [*events, *([open_event] if open_event else [])] == list(decode(body))
    cut = StreamScan()
    cut.feed(body[:at])
    cut.feed(body[at:])
    assert cut.tail() == scan(body)


def codings(data: bytes) -> None:
    """No body unfolds into more than the limit."""
    coding, body = _choice(data, _CODINGS)
    decoder = ContentDecoder(coding, _MOST_DECODED_BYTES)
    decoded = b"".join(decoder.decode([body[:10], body[10:]]))
    assert len(decoded) <= _MOST_DECODED_BYTES + len(body)
    PieceDecoder(coding).feed(body)


def json_body(data: bytes) -> None:
    """The relay changes nothing in a request for a stream but its own addition."""
    json.dumps(json_shape.parse(data), allow_nan=False)
    examined = run_to_end(usage_request.examine(data, _CHAT, may_ask=True))
    asking = examined.with_usage_request
    if asking and isinstance(document := json_shape.parse(data), dict):
        changed = json_shape.parse_object(b"".join(map(bytes, asking)))
        options = json_shape.mapping(document.get("stream_options"))
        assert changed["stream_options"] == {**options, "include_usage": True}
        assert {**changed, "stream_options": None} == {**document, "stream_options": None}


def form(data: bytes) -> None:
    """Any bytes are a form, if only an empty one."""
    content_type, body = _choice(data, ("multipart/form-data; boundary=b", "multipart/form-data"))
    multipart.read(body, content_type)


def envelope(data: bytes) -> None:
    """An envelope that is read is written as it was read."""
    with contextlib.suppress(EnvelopeError):
        read = envelopes.load(data)
        assert envelopes.load(envelopes.dump(read)) == read
    with contextlib.suppress(EnvelopeError):
        envelope_message.load(data)


def stored_capture(data: bytes) -> None:
    """A capture that is read gives headers of text."""
    with contextlib.suppress(CaptureError):
        read = capture.load(data)
        assert all(isinstance(value, str) for value in read.headers.values())
        assert capture.load_header(data) == read.header


def event(data: bytes) -> None:
    """Any request and response give an event that can be sent, redacted or not."""
    content_type, rest = _choice(data, _TYPES)
    request_type, rest = _choice(rest, _TYPES)
    coding, rest = _choice(rest, _CODINGS)
    request_body, _, response_body = rest.partition(b"\0\0")
    built = builder.build(
        PLAIN,
        Capture(header={"headers": {"content-type": request_type}}, body=request_body),
        Capture(
            header={"headers": {"content-type": content_type, "content-encoding": coding}},
            body=response_body,
        ),
        None,
    )
    redacted = content_redaction.redact(built, _redactor())
    for one in (built, redacted):
        json.loads(shape.dump(one))
        assert len(truncation.truncate(one, _LIMIT_BYTES)) <= _LIMIT_BYTES


def content_policy(data: bytes) -> None:
    """A policy that is read decides; a requested mode does not make it looser."""
    text, _, requested = data.decode("utf-8", "replace").partition("\0")
    with contextlib.suppress(ContentPolicyError):
        read = policy.parse(text, ContentMode.FULL)
        subject = {**dict.fromkeys(policy.CONDITIONS), "product": requested}
        plain, wished = (
            decision.decide(read, subject, requested_modes)
            for requested_modes in ((), (requested,))
        )
        assert wished.mode.strictness >= plain.mode.strictness
        if requested.strip().lower() not in list(ContentMode):
            assert wished.mode is STRICTEST


def operator(data: bytes) -> None:
    """The body of POST /ops/replay and /ops/erase."""
    value = json_shape.parse(data)
    with contextlib.suppress(OperatorRequestError):
        replay = replay_request.parse(value, _NOW, _RETENTION)
        assert replay_request.from_json(replay.to_json()) == replay
        assert replay.first < replay.end
    with contextlib.suppress(OperatorRequestError):
        erasure_request.parse(value, _NOW)


def view_filter(data: bytes) -> None:
    """A filter that is read is SQL that can be prepared."""
    with contextlib.suppress(FilterError):
        found = condition(parse_filter(data.decode("utf-8", "replace"), now_ms=_NOW_MS))
        _database().execute(f"SELECT 1 FROM exchanges WHERE {found.sql}", found.parameters)  # noqa: S608 - what is tried


def token(data: bytes) -> None:
    """A token is rejected by a reason."""
    found = caller_token.bearer([(b"authorization", data.replace(b"\n", b""))])
    if isinstance(found, bytes):
        caller_token.key_id(found)
    caller_token.failed_check(data)


@functools.cache
def _redactor() -> Redactor:
    return Redactor()


@functools.cache
def _database() -> sqlite3.Connection:
    database = sqlite3.connect(":memory:")
    for statement in STATEMENTS:
        database.execute(statement)
    return database


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    target.__name__: target
    for target in (
        request, route, headers, sse, codings, json_body, form, envelope, stored_capture, event,
        content_policy, operator, view_filter, token,
    )
}  # fmt: skip
