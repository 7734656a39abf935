"""The messages of the Responses API, whose input and output are items of many types."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from shared.core.conversation.parts import Message, Part, Source, content_parts
from shared.core.wire.json.json_shape import Json, JsonObject, items, mappings, text

_CALLS: Final = {"function_call": "arguments", "custom_tool_call": "input"}
_RESULTS: Final = frozenset({"function_call_output", "custom_tool_call_output"})


def item_messages(value: Json, source: Source) -> Iterator[Message]:
    """A message for each item of an input or an output; a text is the user's input."""
    if isinstance(value, str):
        yield Message(role="user", parts=content_parts(value), source=source)
        return
    for item in items(value):
        if isinstance(item, dict):
            yield _message(item, source)
        else:
            yield Message(role="user", parts=content_parts([item]), source=source)


def _message(item: JsonObject, source: Source) -> Message:
    kind = text(item.get("type")) or "message"
    if kind == "message":
        role = text(item.get("role")) or ("assistant" if source == "answer" else "user")
        return Message(role=role, parts=content_parts(item.get("content")), source=source)
    role = "tool" if kind in _RESULTS else "assistant"
    return Message(role=role, parts=(_item(kind, item),), source=source)


def _item(kind: str, item: JsonObject) -> Part:
    if kind in _CALLS:
        return Part(
            kind="tool_call",
            name=text(item.get("name")) or None,
            text=text(item.get(_CALLS[kind])) or None,
            id=text(item.get("call_id")) or None,
        )
    if kind in _RESULTS:
        return Part(
            kind="tool_result",
            text=_result(item.get("output")),
            id=text(item.get("call_id")) or None,
        )
    if kind == "reasoning":
        summaries = mappings(item.get("summary")) + mappings(item.get("content"))
        thoughts = [text(summary.get("text")) for summary in summaries]
        return Part(kind="reasoning", text="\n\n".join(filter(None, thoughts)) or None)
    return Part(kind="other", name=kind, text=json.dumps(item, ensure_ascii=False))


def _result(output: Json) -> str:
    if isinstance(output, str):
        return output
    return "\n".join(
        part.text or f"[{part.media_type or part.kind}]" for part in content_parts(output)
    )
