"""The messages of chat completions and of completions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from shared.core.conversation.parts import Message, Part, content_parts
from shared.core.wire.json.json_shape import (
    Json,
    JsonObject,
    integer,
    items,
    mapping,
    mappings,
    text,
)


def prompt_messages(prompt: Json) -> Iterator[Message]:
    """The messages of a chat request; a text or a list of texts is the user's."""
    if isinstance(prompt, str):
        yield Message(role="user", parts=content_parts(prompt), source="prompt")
        return
    for item in items(prompt):
        if isinstance(item, dict) and "role" in item:
            yield _prompt_message(item)
        else:
            yield Message(role="user", parts=content_parts([item]), source="prompt")


def _prompt_message(message: JsonObject) -> Message:
    role = text(message.get("role")) or "unknown"
    content = content_parts(message.get("content"))
    if role in {"tool", "function"}:
        content = (_tool_result(message, content),)
    parts = (*_reasoning(message), *content, *_beside_content(message))
    return Message(role=role, parts=parts, source="prompt")


def _tool_result(message: JsonObject, content: tuple[Part, ...]) -> Part:
    return Part(
        kind="tool_result",
        text="\n".join(part.text for part in content if part.text),
        name=text(message.get("name")) or None,
        id=text(message.get("tool_call_id")) or None,
    )


def answer_messages(event: Mapping[str, Json]) -> Iterator[Message]:
    """A message for each choice."""
    for choice in mappings(event.get("choices")):
        content = content_parts(choice.get("content"))
        parts = (*_reasoning(choice), *content, *_beside_content(choice))
        yield Message(role="assistant", parts=parts, source="answer")


def _reasoning(message: JsonObject) -> Iterator[Part]:
    if text(message.get("reasoning_content")):
        yield Part(kind="reasoning", text=text(message["reasoning_content"]))


def _beside_content(message: JsonObject) -> Iterator[Part]:
    """A refusal, calls of tools, audio."""
    if text(message.get("refusal")):
        yield Part(kind="refusal", text=text(message["refusal"]))
    for call in mappings(message.get("tool_calls")):
        yield _tool_call(call)
    if mapping(message.get("function_call")):
        yield _tool_call({"function": message["function_call"]})
    audio = mapping(message.get("audio"))
    if audio:
        yield Part(
            kind="audio",
            text=text(audio.get("transcript")) or None,
            id=text(audio.get("id")) or None,
            size=integer(audio.get("bytes")),
        )


def _tool_call(call: JsonObject) -> Part:
    target = mapping(call.get("function")) or mapping(call.get("custom"))
    return Part(
        kind="tool_call",
        name=text(target.get("name")) or None,
        text=text(target.get("arguments")) or text(target.get("input")) or None,
        id=text(call.get("id")) or None,
    )
