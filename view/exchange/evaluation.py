"""A row of an evaluation data set of Microsoft Foundry, made of an event.

Microsoft describes the shape under "Evaluation dataset schema in Microsoft Foundry"
(articles/foundry/observability/how-to/evaluation-dataset-schema.md of MicrosoftDocs/azure-ai-docs,
2026-08-26): either `messages`, or `query` and `response` with an optional `context`; beside them
`tool_definitions`. What a row has more than that says which exchange it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final

from shared.core.conversation import Message, Part, conversation
from shared.core.records.exchange.outcome import Outcome
from shared.core.wire.content_mode import ContentMode
from shared.core.wire.json.json_shape import (
    Json,
    JsonObject,
    items,
    mapping,
    mappings,
    parse_container,
    text,
)
from shared.core.wire.operations import OPERATIONS, OperationSpec, spec_of

_EVALUATED: Final = [spec.name for spec in OPERATIONS if spec.is_evaluated]
_ROLES: Final = frozenset({"developer", "system", "user", "assistant", "tool"})


class Shape(StrEnum):
    """The columns that hold the interaction."""

    MESSAGES = "messages"  # the conversation, the answer last
    QUERY_RESPONSE = "query-response"  # texts, or arrays of messages where a text is not enough


class LeftOut(StrEnum):
    """Why an exchange is not a row; it completes `3 exchanges …`."""

    OPERATION = f"of operations other than {', '.join(_EVALUATED)}"
    NO_ANSWER = "without a whole answer"
    NOT_RECORDED = "whose content mode is redacted or metadata"
    UNREADABLE = "whose captures are gone or cannot be read whole"
    NO_MATCH = "that the filter does not match"


def row_of(event: JsonObject, shape: Shape, tools: Json = None) -> JsonObject | LeftOut:
    """The row of an event that is not truncated. `tools`: those of the request.

    Of several choices the first is taken, and of several prompts of a completion.
    """
    if text(event.get("content_mode")) != ContentMode.FULL:
        return LeftOut.NOT_RECORDED
    if not _spec(event).is_evaluated:
        return LeftOut.OPERATION
    if items(event.get("problems")):
        return LeftOut.UNREADABLE
    messages = conversation(_first_choice(event))
    query = _messages(message for message in messages if message.source == "prompt")
    response = _messages(message for message in messages if message.source == "answer")
    if event.get("outcome") != Outcome.COMPLETED or event.get("error") or not (query and response):
        return LeftOut.NO_ANSWER
    definitions = _definitions(tools)
    return {
        **_interaction(shape, query, response, event),
        **({"tool_definitions": definitions} if definitions else {}),
        "exchange_id": event.get("exchange_id"),
        "timestamp": event.get("timestamp"),
        "deployment": event.get("deployment"),
        "model": event.get("model"),
    }


def _first_choice(event: JsonObject) -> JsonObject:
    """The event with one choice, and with the prompt that it answers: completions take several."""
    choices, prompt = mappings(event.get("choices")), event.get("prompt")
    if _spec(event).answers_each_prompt and isinstance(prompt, list):
        prompt = prompt[:1]
    return {**event, "choices": [*choices[:1]], "prompt": prompt}


def _spec(event: JsonObject) -> OperationSpec:
    return spec_of(text(event.get("operation")))


def _interaction(
    shape: Shape, query: list[Json], response: list[Json], event: Mapping[str, Json]
) -> JsonObject:
    if shape is Shape.MESSAGES:
        return {"messages": [*query, *response]}
    columns: JsonObject = {"query": _only_text(query), "response": _only_text(response)}
    context = _context(event)
    return {**columns, "context": context} if context else columns


def _only_text(messages: list[Json]) -> Json:
    """The text of the only message, if that is all there is; otherwise the messages."""
    content = mapping(messages[0]).get("content")
    return content if len(messages) == 1 and isinstance(content, str) else messages


def _context(event: Mapping[str, Json]) -> str:
    """The texts that the upstream retrieved for the answer (On Your Data)."""
    choices = mappings(event.get("choices"))
    retrieved = mapping(choices[0].get("context")) if choices else {}
    citations = (text(citation.get("content")) for citation in mappings(retrieved.get("citations")))
    return "\n\n".join(filter(None, citations))


def _messages(messages: Iterator[Message]) -> list[Json]:
    return [part for message in messages for part in _separate(message)]


def _separate(message: Message) -> Iterator[JsonObject]:
    """The message, and a message of its own for each result of a tool."""
    role = "tool" if message.role == "function" else message.role
    content = [item for part in message.parts for item in _items(part)]
    if content:
        yield {"role": role if role in _ROLES else "user", "content": _content(content)}
    for part in message.parts:
        if part.kind == "tool_result":
            result: JsonObject = {"type": "tool_result", "tool_result": parse_container(part.text)}
            yield {"role": "tool", "tool_call_id": part.id or "", "content": [result]}


def _content(parts: list[JsonObject]) -> Json:
    """A text that stands alone is the content itself."""
    only_text = parts[0].get("text") if len(parts) == 1 else None
    return only_text if isinstance(only_text, str) else [*parts]


def _items(part: Part) -> Iterator[JsonObject]:
    """The thoughts of a model are not part of its answer, and tools that run at the upstream have
    no place in the shape.
    """
    match part.kind:
        case "text" | "refusal" if part.text:
            yield {"type": "text", "text": part.text}
        case "image" | "audio" | "file":
            yield {"type": "text", "text": _description(part)}
        case "tool_call":
            yield {
                "type": "tool_call",
                "tool_call_id": part.id or "",
                "name": part.name or "",
                "arguments": _arguments(part.text),
            }
        case _:
            return


def _description(part: Part) -> str:
    """The transcript of sound; of anything else its kind, and what is known of it."""
    if part.kind == "audio" and part.text:
        return part.text
    size = None if part.size is None else f"{part.size} bytes"
    return (
        f"[{', '.join(filter(None, (part.media_type or part.kind, part.name, part.text, size)))}]"
    )


def _arguments(arguments: str | None) -> JsonObject:
    """An object, as the shape wants it. A custom tool takes a text."""
    value = parse_container(arguments)
    return value if isinstance(value, dict) else {"input": value}


def _definitions(tools: Json) -> list[Json]:
    """The functions among the tools of a request, in the shape of either API. Evaluators demand
    parameters, which the API does not.
    """
    functions = (mapping(tool.get("function")) or tool for tool in mappings(tools))
    return [
        {
            "name": tool["name"],
            "description": text(tool.get("description")),
            "parameters": mapping(tool.get("parameters")) or {"type": "object", "properties": {}},
        }
        for tool in functions
        if text(tool.get("name"))
    ]
