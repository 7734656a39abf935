"""The Responses API: output items, from the response object, or from the events of a stream that
was cut before it came.
"""

from __future__ import annotations

from typing import Final

from shared.core.answer.shapes import ParsedAnswer
from shared.core.wire.json_shape import (
    JsonObject,
    integer,
    items,
    mapping,
    mappings,
    text,
    utf8_size,
)
from shared.core.wire.operations import LAST_RESPONSE_EVENTS
from shared.core.wire.redaction import redact_object

# What delta events append to. Content parts and summary parts are numbered within their item.
_CONTENT: Final = {
    "response.output_text.delta": ("output_text", "text"),
    "response.refusal.delta": ("refusal", "refusal"),
    "response.reasoning_text.delta": ("reasoning_text", "text"),
}
_SUMMARY: Final = "response.reasoning_summary_text.delta"
_ITEM_TEXTS: Final = {
    "response.function_call_arguments.delta": ("function_call", "arguments"),
    "response.mcp_call_arguments.delta": ("mcp_call", "arguments"),
    "response.custom_tool_call_input.delta": ("custom_tool_call", "input"),
    "response.code_interpreter_call_code.delta": ("code_interpreter_call", "code"),
}
# What the model wrote, wherever it is in an item; for estimates.
_GENERATED: Final = ("text", "refusal", "arguments", "input", "code", "name")


class ResponsesReader:
    """The output of one response."""

    def __init__(self) -> None:
        self._output: list[JsonObject] | None = None  # of a response object, which is complete
        self._incomplete_reason: str | None = None
        self._items: dict[int, ItemBuilder] = {}

    def add(self, chunk: JsonObject) -> bool:
        """Add a response object, or one event of its stream. True where it holds generated
        content.
        """
        kind = text(chunk.get("type"))
        if chunk.get("object") == "response" or (not kind and "output" in chunk):
            self._add_response(chunk)
            return False
        if kind in LAST_RESPONSE_EVENTS:
            self._add_response(mapping(chunk.get("response")))
        elif kind.startswith("response.output_item."):
            self._item(chunk).replace(mapping(chunk.get("item")))
        elif kind == "response.output_text.annotation.added":
            self._item(chunk).annotate(chunk)
        elif kind.endswith(".delta"):
            return (
                self._item(chunk).append(kind, chunk)
                if _is_of_item(kind)
                else bool(chunk.get("delta"))
            )
        return False

    def build(self) -> ParsedAnswer:
        output = self._output or [self._items[index].build() for index in sorted(self._items)]
        return ParsedAnswer(
            content="".join(_output_texts(output)),
            output=tuple(output),
            finish_reason=self._incomplete_reason,
            generated_bytes=sum(_generated_bytes(item) for item in output),
        )

    def _add_response(self, response: JsonObject) -> None:
        self._output = [
            redact_object(item) for item in mappings(response.get("output"))
        ] or self._output
        self._incomplete_reason = (
            text(mapping(response.get("incomplete_details")).get("reason"))[:64]
            or self._incomplete_reason
        )

    def _item(self, event: JsonObject) -> ItemBuilder:
        index = integer(event.get("output_index")) or 0
        return self._items.setdefault(index, ItemBuilder(text(event.get("item_id"))))


class ItemBuilder:
    """Merges one output item: the item as an event last held it, and the deltas since."""

    def __init__(self, item_id: str) -> None:
        self._item: JsonObject = {"id": item_id} if item_id else {}
        self._type: str | None = None  # by its deltas; for an item that no event held
        self._parts: dict[tuple[str, int], PartBuilder] = {}  # by ("content" | "summary", number)
        self._texts: dict[str, list[str]] = {}

    def replace(self, item: JsonObject) -> None:
        """`output_item.added` holds the item empty and `output_item.done` holds it complete, with
        everything that came before.
        """
        self._item = redact_object(item)
        self._parts, self._texts = {}, {}

    def append(self, kind: str, event: JsonObject) -> bool:
        """Append a delta. True where it holds text."""
        piece = text(event.get("delta"))
        if kind in _CONTENT:
            part_type, key = _CONTENT[kind]
            self._part("content", event, part_type, key).pieces.append(piece)
        elif kind == _SUMMARY:
            self._part("summary", event, "summary_text", "text").pieces.append(piece)
        else:
            self._type, key = _ITEM_TEXTS[kind]
            self._texts.setdefault(key, []).append(piece)
        return bool(piece)

    def annotate(self, event: JsonObject) -> None:
        part = self._part("content", event, "output_text", "text")
        part.annotations.append(redact_object(mapping(event.get("annotation"))))

    def build(self) -> JsonObject:
        item = dict(self._item)
        for key, pieces in self._texts.items():
            item[key] = text(item.get(key)) + "".join(pieces)
        for holder in ("content", "summary"):
            numbers = sorted(number for kind, number in self._parts if kind == holder)
            if numbers:
                item[holder] = items(item.get(holder)) + [
                    self._parts[holder, number].build() for number in numbers
                ]
        item_type = self._type or ("reasoning" if "summary" in item else "message")
        return {"type": item_type} | item

    def _part(self, holder: str, event: JsonObject, part_type: str, key: str) -> PartBuilder:
        number = (
            integer(event.get("content_index" if holder == "content" else "summary_index")) or 0
        )
        return self._parts.setdefault((holder, number), PartBuilder(part_type, key))


class PartBuilder:
    """One part of an item's content or summary."""

    def __init__(self, part_type: str, key: str) -> None:
        self._type = part_type
        self._key = key
        self.pieces: list[str] = []
        self.annotations: list[JsonObject] = []

    def build(self) -> JsonObject:
        part: JsonObject = {"type": self._type, self._key: "".join(self.pieces)}
        if self.annotations:
            part["annotations"] = [*self.annotations]
        return part


def _is_of_item(kind: str) -> bool:
    return kind in _CONTENT or kind in _ITEM_TEXTS or kind == _SUMMARY


def _output_texts(output: list[JsonObject]) -> list[str]:
    """The texts of every message; joined, they are what the SDK calls `output_text`."""
    messages = (item for item in output if item.get("type") == "message")
    parts = (part for message in messages for part in mappings(message.get("content")))
    return [text(part.get("text")) for part in parts if part.get("type") == "output_text"]


def _generated_bytes(item: JsonObject) -> int:
    parts = [item, *mappings(item.get("content")), *mappings(item.get("summary"))]
    return sum(utf8_size(text(part.get(key))) for part in parts for key in _GENERATED)
