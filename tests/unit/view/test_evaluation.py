"""Rows of an evaluation data set, as Microsoft Foundry documents them."""

from __future__ import annotations

import pytest

from shared.core.wire.json.json_shape import Json, JsonObject, mapping, mappings
from tests.unit.view.events import GOLDEN, golden, sample_event
from view.exchange.evaluation import LeftOut, Shape, row_of

_IDENTITY = {"exchange_id", "timestamp", "deployment", "model"}
_SYSTEM = {"role": "system", "content": "You are terse."}
_HELLO = {"role": "user", "content": "Say hello in Greek: καλημέρα?"}
_TEXT = {"type", "text"}
_ITEMS = {
    "text": _TEXT,
    "tool_call": {"type", "tool_call_id", "name", "arguments"},
    "tool_result": {"type", "tool_result"},
}


def interaction(case: str, shape: Shape = Shape.MESSAGES) -> JsonObject:
    """The row of a golden case without what says which exchange it is."""
    row = row_of(golden(case), shape)
    assert isinstance(row, dict), row
    return {name: value for name, value in row.items() if name not in _IDENTITY}


@pytest.mark.parametrize("case", GOLDEN)
def test_every_row_has_the_documented_shape(case: str) -> None:
    row = row_of(golden(case), Shape.MESSAGES)
    if isinstance(row, LeftOut):
        return
    messages = mappings(row["messages"])
    assert messages[-1]["role"] == "assistant"
    for message in messages:
        assert message["role"] in {"developer", "system", "user", "assistant", "tool"}
        assert ("tool_call_id" in message) == (message["role"] == "tool")
        for item in mappings(message["content"]):
            assert set(item) == _ITEMS[str(item["type"])]
        assert message["content"]


def test_a_chat_is_its_messages() -> None:
    answer = {"role": "assistant", "content": golden("chat")["content"]}
    assert interaction("chat") == {"messages": [_SYSTEM, _HELLO, answer]}


def test_a_row_names_its_exchange() -> None:
    event = golden("chat")
    row = mapping(row_of(event, Shape.MESSAGES))
    assert {name: row[name] for name in _IDENTITY} == {name: event[name] for name in _IDENTITY}


def test_calls_of_tools_keep_their_arguments_as_objects() -> None:
    """A custom tool takes a text, which becomes a member."""
    messages = mappings(interaction("chat_stream_tool_calls")["messages"])
    assert messages[-1]["content"] == [
        _call("call_a", "get_weather", {"city": "Αθήνα"}),
        _call("call_b", "get_time", {"zone": "EET"}),
        _call("call_c", "run_sql", {"input": "SELECT 1"}),
    ]


def _call(call_id: str, name: str, arguments: JsonObject) -> Json:
    return {"type": "tool_call", "tool_call_id": call_id, "name": name, "arguments": arguments}


def test_a_result_of_a_tool_refers_to_its_call() -> None:
    prompt: Json = [{"role": "tool", "tool_call_id": "call_a", "content": '{"degrees": 21}'}]
    row = mapping(row_of(sample_event(prompt=prompt), Shape.MESSAGES))
    assert mappings(row["messages"])[0] == {
        "role": "tool",
        "tool_call_id": "call_a",
        "content": [{"type": "tool_result", "tool_result": {"degrees": 21}}],
    }


def test_an_item_of_the_responses_api_is_a_message() -> None:
    messages = mappings(interaction("responses")["messages"])
    assert messages[0] == {"role": "system", "content": "Be brief."}
    assert messages[-1] == {
        "role": "assistant",
        "content": [_call("call_1", "get_time", {"zone": "EET"})],
    }


def test_a_single_turn_is_two_texts_with_what_was_retrieved() -> None:
    """On Your Data retrieves the context of an answer."""
    event = golden("chat_stream_on_your_data")
    event["prompt"] = [{**_HELLO}]
    row = mapping(row_of(event, Shape.QUERY_RESPONSE))
    assert {name: row[name] for name in ("query", "response", "context")} == {
        "query": _HELLO["content"],
        "response": "A service [doc1].",
        "context": "Azure OpenAI is a service.",
    }


def test_a_history_is_an_array_of_messages() -> None:
    row = interaction("chat", Shape.QUERY_RESPONSE)
    assert row == {"query": [_SYSTEM, _HELLO], "response": golden("chat")["content"]}


def test_several_choices_and_prompts_give_the_first() -> None:
    assert interaction("chat_stream_two_choices", Shape.QUERY_RESPONSE)["response"] == "A1"
    assert interaction("completions_stream", Shape.QUERY_RESPONSE) == {
        "query": "Once",
        "response": " upon a time",
    }


def test_functions_are_defined_in_either_apis_shape() -> None:
    """Other tools have no place in the shape, and their headers hold keys."""
    schema: Json = {"type": "object", "properties": {"city": {"type": "string"}}}
    function: JsonObject = {"name": "get_weather", "description": "d", "parameters": schema}
    tools: Json = [
        {"type": "function", "function": function | {"strict": True}},
        {"type": "function", **function},
        {"type": "mcp", "server_label": "m", "headers": {"Authorization": "SECRET"}},
    ]
    row = mapping(row_of(golden("chat"), Shape.MESSAGES, tools))
    assert row["tool_definitions"] == [function, function]


def test_a_function_without_parameters_has_none() -> None:
    """The API does not demand them; evaluators do."""
    row = mapping(row_of(golden("chat"), Shape.MESSAGES, [{"type": "function", "name": "now"}]))
    none: Json = {"type": "object", "properties": {}}
    assert row["tool_definitions"] == [{"name": "now", "description": "", "parameters": none}]


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("chat_stream_metadata", LeftOut.NOT_RECORDED),
        ("embeddings", LeftOut.OPERATION),
        ("chat_stream_client_left", LeftOut.NO_ANSWER),
        ("chat_429", LeftOut.NO_ANSWER),
        ("responses_background", LeftOut.NO_ANSWER),
        ("chat_html_in_200", LeftOut.UNREADABLE),
    ],
)
def test_what_cannot_be_evaluated_is_left_out(case: str, reason: LeftOut) -> None:
    assert row_of(golden(case), Shape.MESSAGES) is reason


def test_redacted_exchanges_are_left_out() -> None:
    """Their captures are erased once the event is accepted; until then they hold the raw texts."""
    assert (
        row_of(sample_event(content_mode="redacted"), Shape.QUERY_RESPONSE) is LeftOut.NOT_RECORDED
    )
