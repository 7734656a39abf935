"""The Responses API: output items, from the response object, or from the events of a stream that
was cut before it came.
"""

from __future__ import annotations

from shared.core.answer.generated_size import generated_bytes, is_generated, is_of_user
from shared.core.answer.response_items import ItemBuilder, is_of_item, text_key
from shared.core.answer.shapes import ParsedAnswer
from shared.core.wire.json.json_shape import (
    JsonObject,
    integer,
    mapping,
    mappings,
    text,
)
from shared.core.wire.json.masking import mask_object
from shared.core.wire.operations import LAST_RESPONSE_EVENTS


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
        """An item that begins, or that is complete. True if it holds generated content."""
        self._item(event).replace(item)
        return is_generated(item, whole=kind.endswith(".done"))

    def _add_delta(self, kind: str, event: JsonObject) -> bool:
        """A piece of a text. True unless it is empty."""
        if not text(event.get("delta")):
            return False
        if is_of_item(kind) or "output_index" in event or "item_id" in event:
            self._item(event).append(kind, event)
        return True

    def _add_whole_text(self, kind: str, event: JsonObject) -> bool:
        """A text that is complete. True if it did not come in deltas before."""
        key = text_key(kind)
        piece = text(event.get(key)) if key else ""
        return bool(piece) and self._item(event).append_whole(kind, event, piece)

    def build(self) -> ParsedAnswer:
        output = self._output or [self._items[index].build() for index in sorted(self._items)]
        return ParsedAnswer(
            content="".join(_output_texts(output)),
            output=tuple(output),
            finish_reason=self._incomplete_reason,
            generated_bytes=sum(generated_bytes(item) for item in output),
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
    messages = (item for item in output if item.get("type") == "message" and not is_of_user(item))
    parts = (part for message in messages for part in mappings(message.get("content")))
    return [text(part.get("text")) for part in parts if part.get("type") == "output_text"]
