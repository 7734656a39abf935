"""The Responses API: output items, from the response object, or from the events of a stream that
was cut before it came. The size of what the model wrote is for estimates.
"""

from __future__ import annotations

import json
from typing import Final

from shared.core.answer.response_items import ItemBuilder, is_of_item, text_key
from shared.core.answer.shapes import ParsedAnswer
from shared.core.wire.json.json_shape import (
    Json,
    JsonObject,
    integer,
    items,
    mapping,
    mappings,
    text,
    utf8_size,
)
from shared.core.wire.json.masking import mask_object
from shared.core.wire.operations import LAST_RESPONSE_EVENTS

# Members that the model wrote, wherever they are in an item.
_GENERATED: Final = ("text", "refusal", "arguments", "input", "code", "name")
_GENERATED_OBJECTS: Final = ("operation", "action")


class ResponsesReader:
    """The output of one response."""

    def __init__(self) -> None:
        self._output: list[JsonObject] | None = None  # a response object's, which is complete
        self._incomplete_reason: str | None = None
        self._items: dict[int, ItemBuilder] = {}

    def add(self, chunk: JsonObject) -> bool:
        """Add a response object, or one event of its stream. True if it holds generated
        content.
        """
        kind = text(chunk.get("type"))
        if chunk.get("object") == "response" or (not kind and "output" in chunk):
            self._add_response(chunk)
            return False
        if kind in LAST_RESPONSE_EVENTS:
            self._add_response(mapping(chunk.get("response")))
        elif kind.startswith("response.output_item."):
            return self._add_item(kind, mapping(chunk.get("item")), chunk)
        elif kind == "response.output_text.annotation.added":
            self._item(chunk).annotate(chunk)
        elif kind.endswith(".partial_image"):
            return True
        elif kind.endswith(".delta"):
            return self._add_delta(kind, chunk)
        elif kind.endswith(".done"):
            return self._add_whole_text(kind.removesuffix("done") + "delta", chunk)
        return False

    def _add_item(self, kind: str, item: JsonObject, event: JsonObject) -> bool:
        """Add an item that begins, or that is complete. True if it holds generated content."""
        self._item(event).replace(item)
        return _is_generated(item, whole=kind.endswith(".done"))

    def _add_delta(self, kind: str, event: JsonObject) -> bool:
        """Add a piece of a text. True unless it is empty."""
        if not text(event.get("delta")):
            return False
        if is_of_item(kind) or "output_index" in event or "item_id" in event:
            self._item(event).append(kind, event)
        return True

    def _add_whole_text(self, kind: str, event: JsonObject) -> bool:
        """Add a text that is complete. True if it did not come in deltas before."""
        key = text_key(kind)
        piece = text(event.get(key)) if key else ""
        return bool(piece) and self._item(event).append_whole(kind, event, piece)

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
            mask_object(item) for item in mappings(response.get("output"))
        ] or self._output
        self._incomplete_reason = (
            text(mapping(response.get("incomplete_details")).get("reason"))[:64]
            or self._incomplete_reason
        )

    def _item(self, event: JsonObject) -> ItemBuilder:
        index = integer(event.get("output_index")) or 0
        return self._items.setdefault(index, ItemBuilder(text(event.get("item_id"))))


def _output_texts(output: list[JsonObject]) -> list[str]:
    """The texts of every message; joined, they are what the SDK calls `output_text`."""
    messages = (item for item in output if item.get("type") == "message" and not _is_of_user(item))
    parts = (part for message in messages for part in mappings(message.get("content")))
    return [text(part.get("text")) for part in parts if part.get("type") == "output_text"]


def _is_generated(item: JsonObject, *, whole: bool) -> bool:
    """Whether an item holds generated content. The name and the empty containers of an item that
    has only started do not count.
    """
    if not whole:
        present_at_start = {"name", "result", *_GENERATED_OBJECTS}
        item = {key: value for key, value in item.items() if key not in present_at_start}
    return bool(_generated_bytes(item) or item.get("result"))


def _is_of_user(item: JsonObject) -> bool:
    """Whether the item repeats a part of the prompt, as compacted conversations do."""
    return text(item.get("role")) in {"user", "system", "developer"}


def _generated_bytes(item: JsonObject) -> int:
    """Bytes of the item's generated texts, as UTF-8; 0 for a part of the prompt."""
    if _is_of_user(item):
        return 0
    parts = [item, *mappings(item.get("content")), *mappings(item.get("summary"))]
    texts = sum(_size(part.get(key)) for part in parts for key in _GENERATED if key in part)
    objects = (mapping(item[key]) for key in _GENERATED_OBJECTS if key in item)
    return texts + sum(
        _size(value) if isinstance(value, str) else sum(map(_size, items(value)))
        for members in objects
        for key, value in members.items()
        if key != "type"
    )


def _size(value: Json) -> int:
    """Bytes of a text. Arguments that come as an object count as their JSON."""
    if isinstance(value, dict | list):
        return utf8_size(json.dumps(value, ensure_ascii=False)) if value else 0
    return utf8_size(text(value))
