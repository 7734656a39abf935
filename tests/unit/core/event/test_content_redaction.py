"""The redaction of an event: every text of it that callers or models wrote, and no other."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from shared.core.content.mode import ContentMode
from shared.core.detect.redactor import Redactor
from shared.core.event import builder, content_redaction, truncation
from shared.core.event.shape import Event, to_json
from tests.golden import load, names

REDACTOR = Redactor()
MAIL = "anna@example.com"
# Fields that name, count or time; no caller and no model writes into them. The names of callers
# are those that API Management knows.
KEPT = {
    *("type", "usage", "model", "region", "latency_ms", "time_to_first_chunk_ms", "timestamp"),
    *(
        "streaming_duration_ms",
        "create_exchange_id",
        "exchange_id",
        "schema_version",
        "operation",
        "deployment",
    ),
    *("api_version", "method", "stream", "status_code", "upstream_status_code", "attempts"),
    *("outcome", "response_id", "response_status", "background", "embeddings", "usage_source"),
    *("usage_estimate", "usage_repeated", "tokens", "time_to_headers_ms", "chunk_count"),
    *("time_to_first_token_ms", "caller", "client", "correlation", "attempt", "served"),
    *("rate_limit", "request_capture", "request_bytes", "request_sha256", "response_capture"),
    *("response_bytes", "response_sha256", "sent_bytes", "truncated", "truncated_texts"),
    *("replayed", "content_mode", "content_rule", "redactions", "quantities", "cost", "batch"),
    "retention_days",
}


def an_event(**fields: Any) -> Event:
    case = load("chat")
    event = builder.build(case.envelope, case.request, case.response, None)
    return dataclasses.replace(event, **{"content_mode": ContentMode.REDACTED, **fields})


def redacted(**fields: Any) -> Event:
    return content_redaction.redact(an_event(**fields), REDACTOR)


def test_every_field_of_an_event_is_considered() -> None:
    """Whoever adds one must say whether callers or models write into it."""
    every = [field.name for field in dataclasses.fields(Event)]
    event = redacted(**dict.fromkeys(every, MAIL))
    assert {name for name in every if getattr(event, name) == MAIL} == KEPT - {"redactions"}
    assert event.redactions == {"email": len(every) - len(KEPT)}


@pytest.mark.parametrize(
    "value",
    [
        {"content": MAIL},
        {"prompt": [{"role": "user", "content": [{"type": "text", "text": MAIL}]}]},
        {"prompt": {MAIL: 1}},
        {"error": {"message": MAIL}},
        {"metadata": {"owner": MAIL}},
        {"user": MAIL},
        {"instructions": MAIL},
        {"path": f"/openai/files/{MAIL}"},
        {"problems": (MAIL,)},
        {"request_headers": {"x-owner": MAIL}},
        {"output": ({"type": "function_call", "arguments": json.dumps({"to": MAIL})},)},
    ],
    ids=lambda value: next(iter(value)),
)
def test_a_text_is_redacted_wherever_it_is(value: dict[str, Any]) -> None:
    event = redacted(**value)
    assert MAIL not in json.dumps(to_json(event))
    assert event.redactions == {"email": 1}


def test_escaped_json_within_json_is_read() -> None:
    """An `@` may be written as `\\u0040` in the arguments of a tool, at each level."""
    inner = '{"mail": "anna\\u0040example.com"}'
    outer = json.dumps({"body": inner, "n": 1})
    event = redacted(content=outer)
    assert json.loads(event.content) == {"body": '{"mail": "[EMAIL]"}', "n": 1}
    assert event.redactions == {"email": 1}


def test_json_that_is_cut_is_redacted_as_well() -> None:
    event = redacted(content='{"mail": "anna\\u0040example.com", "te')
    assert event.content == '{"mail": "[EMAIL]", "te'


def test_json_in_which_nothing_is_found_stays_as_it_came() -> None:
    text = '{ "path":"C:\\\\temp", "x" : 1.50 }'
    assert redacted(content=text).content == text


def test_a_number_that_is_a_card_is_found() -> None:
    event = redacted(prompt={"card": 4111111111111111, "count": 12, "ms": 1732700000000})
    assert event.prompt == {"card": "[CARD]", "count": 12, "ms": 1732700000000}


def test_two_keys_do_not_become_one() -> None:
    event = redacted(prompt={"a@example.com": 1, "b@example.com": 2})
    assert event.prompt == {"[EMAIL]": 1, "[EMAIL]_": 2}


def test_it_is_done_before_truncation() -> None:
    """A text cut in two would hide what stands at the cut."""
    event = redacted(content=f"{MAIL} " * 5000)
    assert MAIL[:8] not in truncation.truncate(event, 8192).decode()


@pytest.mark.parametrize("name", names())
def test_the_golden_set_keeps_its_shape(name: str) -> None:
    """Every event can be redacted, and has the same keys and types afterwards."""
    case = load(name)
    event = builder.build(case.envelope, case.request, case.response, None)
    after = to_json(content_redaction.redact(event, REDACTOR))
    before = to_json(event)
    assert isinstance(after, dict)
    assert isinstance(before, dict)
    assert {key: type(value) for key, value in after.items()} == {
        key: type(value) for key, value in before.items()
    }
