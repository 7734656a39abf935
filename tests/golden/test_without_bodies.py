"""The golden set in the content mode `metadata`: what the relay may store of a case, and the event
of that.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from harness.schema import valid
from shared.core.event import builder, shape
from tests.golden import GoldenCase, load, names, without_bodies

_REGION = "Sweden Central"
# The keys that are the same whether or not the bodies are stored.
_KEPT = (
    "type",
    "outcome",
    "model",
    "usage",
    "tokens",
    "finish_reason",
    "response_id",
    "response_status",
    "stream",
    "region",
    "latency_ms",
    "time_to_first_token_ms",
    "request_bytes",
    "request_sha256",
    "response_bytes",
    "response_sha256",
    "sent_bytes",
    "embeddings",
    "audio",
    "usage_repeated",
)
_CONTENT = ("content", "prompt", "instructions", "user", "metadata", "form", "parameters")
_REPEATING = ("choices", "output")  # hold texts of the content as well
# Cases without bodies, and one of which the relay alone knows that a stream was requested.
_LEFT_OUT = {
    *("chat_stream_metadata", "chat_400_metadata", "responses_stream_metadata"),
    "chat_left_before_answer",
}


@pytest.fixture(params=[name for name in names() if name not in _LEFT_OUT])
def case(request: pytest.FixtureRequest) -> GoldenCase:
    return load(request.param)


def event_of(case: GoldenCase) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(
        shape.dump(builder.build(case.envelope, case.request, case.response, _REGION))
    )
    return event


def texts(value: object) -> set[str]:
    """Every text of a value that is long enough to be one of a prompt or an answer."""
    if isinstance(value, dict):
        return {text for inner in value.values() for text in texts(inner)}
    if isinstance(value, list):
        return {text for inner in value for text in texts(inner)}
    return {value} if isinstance(value, str) and len(value) > 3 else set()


def test_counts_do_not_depend_on_stored_bodies(case: GoldenCase) -> None:
    """An event of an exchange without stored bodies counts what the one with them counts."""
    full, reduced = event_of(case), event_of(without_bodies(case))
    valid(reduced)
    # an estimate needs the prompt's text
    assert {name: reduced[name] for name in _KEPT} == {name: full[name] for name in _KEPT}
    expected = "none" if full["usage_source"] == "estimated" else full["usage_source"]
    assert reduced["usage_source"] == expected
    assert _billed_quantities(reduced) == _billed_quantities(full)
    assert [choice["finish_reason"] for choice in reduced["choices"]] == [
        choice["finish_reason"] for choice in full["choices"]
    ]


def _billed_quantities(event: dict[str, Any]) -> dict[str, Any] | None:
    """The billed quantities by the upstream's figures, without those that the request alone may
    name: its model, and size and quality of images.
    """
    quantities = event["quantities"]
    if quantities["basis"] != "usage":
        return None
    of_request = {"image_size", "image_quality"}
    if quantities.get("model_source") not in {"header", "answer"}:
        of_request |= {"model", "model_source"}
    return {name: amount for name, amount in quantities.items() if name not in of_request}


def test_the_calls_of_tools_are_counted_the_same() -> None:
    """Opening a page is no search, and each container counts once."""
    items = [
        {"type": "web_search_call", "action": {"type": "search", "query": "two words"}},
        {"type": "web_search_call", "action": {"type": "open_page", "url": "https://a.example"}},
        {"type": "code_interpreter_call", "container_id": "cntr_a", "code": "print(1)"},
        {"type": "code_interpreter_call", "container_id": "cntr_a", "code": "print(2)"},
        {"type": "code_interpreter_call", "container_id": "cntr_b", "code": "print(3)"},
    ]
    case = load("responses")
    assert case.response is not None
    document = json.loads(case.response.body) | {"output": items}
    body = json.dumps(document).encode()
    case = replace(case, response=replace(case.response, body=body))
    full, reduced = event_of(case), event_of(without_bodies(case))
    assert full["quantities"]["basis"] == "usage"
    assert reduced["quantities"] == full["quantities"]
    assert (reduced["quantities"]["web_search"], reduced["quantities"]["code_interpreter"]) == (
        1,
        2,
    )
    assert "two words" not in json.dumps(reduced)


def test_no_text_of_a_body_is_stored_or_sent(case: GoldenCase) -> None:
    """None is in a capture's header or in the event."""
    full = event_of(case)
    outside = {name: full[name] for name in full.keys() - {*_CONTENT, *_REPEATING}}
    of_bodies = texts([full[name] for name in _CONTENT]) - texts(outside)
    reduced = without_bodies(case)
    stored = [side.header for side in (reduced.request, reduced.response) if side is not None]
    assert all(side.body == b"" for side in (reduced.request, reduced.response) if side)
    own = event_of(reduced)
    # the names of tools, which the mode keeps, are among the parameters of the request
    kept = texts({name: own[name] for name in _REPEATING})
    assert (of_bodies - kept) & texts([own, *stored]) == set()
    assert own["prompt"] is None
    assert texts([choice["content"] for choice in own["choices"]]) == set()
