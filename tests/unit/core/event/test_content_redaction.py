"""The redaction of an event: every text of it that callers or models wrote, and no other."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from random import Random
from typing import Any
from uuid import UUID

import pytest

from shared.core.content.detect.custom import CustomPatterns
from shared.core.content.detect.redactor import Redactor
from shared.core.event import builder, content_redaction, truncation
from shared.core.event.shape import Client, Correlation, Event, to_json
from shared.core.wire.content_mode import ContentMode
from tests.golden import load, names

REDACTOR = Redactor()
MAIL = "anna@example.com"
# Fields that name, count or time; no caller and no model writes into them. The names of callers
# are those that API Management knows; `served` and ids of responses are the upstream's words.
KEPT = {
    *("type", "usage", "model", "region", "latency_ms", "time_to_first_chunk_ms", "timestamp"),
    *(
        "streaming_duration_ms",
        "create_exchange_id",
        "exchange_id",
        "schema_version",
        "operation",
    ),
    *("method", "stream", "status_code", "upstream_status_code", "attempts"),
    *("outcome", "response_id", "response_status", "background", "embeddings", "usage_source"),
    *("usage_estimate", "usage_repeated", "tokens", "time_to_headers_ms", "chunk_count"),
    *("time_to_first_token_ms", "caller", "attempt", "served"),
    *("rate_limit", "request_capture", "request_bytes", "request_sha256", "response_capture"),
    *("response_bytes", "response_sha256", "sent_bytes", "truncated", "truncated_texts"),
    *("replayed", "content_mode", "content_rule", "redactions", "cost", "batch"),
    "retention_days",
}


def sample_event(**fields: Any) -> Event:
    case = load("chat")
    event = builder.build(case.envelope, case.request, case.response, None)
    return dataclasses.replace(event, **{"content_mode": ContentMode.REDACTED, **fields})


def redacted_event(**fields: Any) -> Event:
    return content_redaction.redact(sample_event(**fields), REDACTOR)


def test_every_field_of_an_event_is_considered() -> None:
    """A new field has to say whether callers or models write into it."""
    every = [field.name for field in dataclasses.fields(Event)]
    in_parts = {
        "client": Client(user_agent=MAIL),
        "correlation": Correlation(tracestate=MAIL),
        "quantities": dataclasses.replace(sample_event().quantities, model=MAIL),
    }
    texts = dict.fromkeys(every, MAIL) | in_parts | {"upstream_status_code": 404}
    event = redacted_event(**texts)
    assert {name for name in every if getattr(event, name) == texts[name]} == KEPT - {"redactions"}
    # `quantities` repeats the deployment's name
    assert event.redactions == {"email": len(every) - len(KEPT) - 1}


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
        {"api_version": f"2024-10-21 {MAIL}"},
        {"client": Client(user_agent=f"{MAIL} curl/8.5.0")},
        {"correlation": Correlation(x_ms_client_request_id=MAIL)},
        {"request_headers": {"x-owner": MAIL}},
        {"output": ({"type": "function_call", "arguments": json.dumps({"to": MAIL})},)},
    ],
    ids=lambda value: next(iter(value)),
)
def test_a_text_is_redacted_wherever_it_is(value: dict[str, Any]) -> None:
    event = redacted_event(**value)
    assert MAIL not in json.dumps(to_json(event))
    assert event.redactions == {"email": 1}


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Client)])
def test_each_word_of_a_program_is_redacted(name: str) -> None:
    event = redacted_event(client=Client(**{name: MAIL}))
    assert to_json(event.client) == {name: "[EMAIL]"}


@pytest.mark.parametrize(
    "name", ["x_request_id", "x_ms_client_request_id", "traceparent", "tracestate"]
)
def test_each_id_that_a_caller_may_write_is_redacted(name: str) -> None:
    event = redacted_event(correlation=Correlation(**{name: f"for {MAIL}"}))
    assert to_json(event.correlation) == {name: "for [EMAIL]"}


def test_generated_ids_are_never_taken_for_findings() -> None:
    """Parts of them read as phone numbers, IBANs and cards now and then."""
    event, random = sample_event(), Random(13)  # noqa: S311 - a test's
    for _ in range(1000):
        a, b = (f"{random.getrandbits(128):032x}" for _ in range(2))
        ids = Correlation(
            apim_request_id=str(UUID(a)),
            x_ms_request_id=str(UUID(b)),
            x_request_id=str(UUID(int=random.getrandbits(128))),
            x_ms_client_request_id=a,
            completion_id=f"chatcmpl-{a}",
            traceparent=f"00-{a}-{b[:16]}-01",
        )
        assert (
            content_redaction.redact(
                dataclasses.replace(event, correlation=ids), REDACTOR
            ).correlation
            == ids
        )


@pytest.mark.parametrize(
    "text",
    [
        "0c909a8c-7d20-4f55-be79-c9c47c262fb6",
        "1D635AA6-0040-4268-BAA4-E804BB58E8BE",
        "00-00000000000000004111111111111111-4111111111111111-01",
    ],
)
def test_an_id_that_looks_like_a_finding_stays(text: str) -> None:
    ids = Correlation(x_request_id=text, x_ms_client_request_id=text, traceparent=text)
    own = Redactor(CustomPatterns(patterns={"room": "[0-9]{4}"}))
    assert content_redaction.redact(sample_event(correlation=ids), own).correlation == ids


@pytest.mark.parametrize(
    "client",
    [
        Client(user_agent="Mozilla/5.0 (X11; Linux x86_64) Chrome/119.0.0.0 Edg/119.0.0.0"),
        Client(user_agent="semantic-kernel/1.2.3.4 (.NET 8.0.11; Windows/10.0.226.31)"),
        Client(sdk_version="1.2.3.4", runtime_version="v17.0.1.12"),
    ],
    ids=["browser", "products", "versions"],
)
def test_versions_are_not_taken_for_addresses(client: Client) -> None:
    assert redacted_event(client=client).client == client


def test_an_address_in_a_user_agent_is_found() -> None:
    client = Client(user_agent="bot from 203.0.113.7 (10.1.2.3)")
    assert redacted_event(client=client).client.user_agent == "bot from [IP] ([IP])"


@pytest.mark.parametrize("status", [None, 400, 401, 404, 503])
def test_the_name_of_a_deployment_that_may_not_exist_is_redacted(status: int | None) -> None:
    quantities = dataclasses.replace(sample_event().quantities, model=MAIL)
    event = redacted_event(deployment=MAIL, quantities=quantities, upstream_status_code=status)
    assert (event.deployment, event.quantities.model) == ("[EMAIL]", "[EMAIL]")
    assert event.redactions == {"email": 1}


@pytest.mark.parametrize("status", [200, 429])
def test_the_name_of_a_deployment_stays_if_the_upstream_has_it(status: int) -> None:
    """It may look like something: `20241120-0815` has the form of a Swedish personnummer."""
    name = "prod-gpt4o-20241120-0815"
    assert REDACTOR.redact(name, Counter()) != name
    assert redacted_event(deployment=name, upstream_status_code=status).deployment == name


def test_escaped_json_within_json_is_read() -> None:
    """An `@` may be written as `\\u0040` in the arguments of a tool, at each level."""
    inner = '{"mail": "anna\\u0040example.com"}'
    outer = json.dumps({"body": inner, "n": 1})
    event = redacted_event(content=outer)
    assert json.loads(event.content) == {"body": '{"mail": "[EMAIL]"}', "n": 1}
    assert event.redactions == {"email": 1}


@pytest.mark.parametrize(
    ("text", "redacted_text"),
    [
        ('{"n": 4111111111111111}', '{"n": "[CARD]"}'),
        ('{"n": -4111111111111111, "t": "4111111111111111 [X]"}', '{"n": "[CARD]", "t": "[CARD] [X]"}'),
        ('[4111111111111111,1]', '["[CARD]",1]'),
        ('{"4111111111111111": [12]}', '{"[CARD]": [12]}'),
        ('[as noted] 4111111111111111', '[as noted] [CARD]'),
    ],
)  # fmt: skip
def test_a_number_in_json_becomes_a_string(text: str, redacted_text: str) -> None:
    assert redacted_event(content=text).content == redacted_text


def test_json_that_is_cut_is_redacted_as_well() -> None:
    event = redacted_event(content='{"mail": "anna\\u0040example.com", "te')
    assert event.content == '{"mail": "[EMAIL]", "te'


def test_json_in_which_nothing_is_found_stays_as_it_came() -> None:
    text = '{ "path":"C:\\\\temp", "x" : 1.50 }'
    assert redacted_event(content=text).content == text


def test_a_number_that_is_a_card_is_found() -> None:
    event = redacted_event(prompt={"card": 4111111111111111, "count": 12, "ms": 1732700000000})
    assert event.prompt == {"card": "[CARD]", "count": 12, "ms": 1732700000000}


def test_two_keys_do_not_become_one() -> None:
    event = redacted_event(prompt={"a@example.com": 1, "b@example.com": 2})
    assert event.prompt == {"[EMAIL]": 1, "[EMAIL]_": 2}


def test_it_is_done_before_truncation() -> None:
    """A text cut in two would hide what stands at the cut."""
    event = redacted_event(content=f"{MAIL} " * 5000)
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
