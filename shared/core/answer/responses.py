"""The Responses API: output items, from the response object or, where the stream was cut, from its
events.
"""

from __future__ import annotations

from typing import Any, Final

from shared.core.answer.shapes import Answer
from shared.core.wire.json_shape import integer, items, mapping, mappings, text, utf8_size
from shared.core.wire.redaction import presentable
from shared.core.wire.stream_end import LAST_RESPONSE_EVENTS

# Delta events: what they append to. Content parts and summary parts are numbered within their item.
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
# What the model wrote, wherever it stands in an item; for estimates.
_WRITTEN: Final = ("text", "refusal", "arguments", "input", "code", "name")


class Output:
    """The output of one response."""

    def __init__(self) -> None:
        self._whole: list[dict[str, Any]] | None = None  # of the response object, which says it all
        self._reason: str | None = None
        self._items: dict[int, ItemBuilder] = {}

    def add(self, document: dict[str, Any], _event: str = "message") -> bool:
        """A response object, or one event of its stream. True where it holds something that the
        model wrote.
        """
        kind = text(document.get("type"))
        if document.get("object") == "response" or (not kind and "output" in document):
            self._take(document)
            return False
        if kind in LAST_RESPONSE_EVENTS:
            self._take(mapping(document.get("response")))
        elif kind.startswith("response.output_item."):
            self._item(document).replace(mapping(document.get("item")))
        elif kind == "response.output_text.annotation.added":
            self._item(document).annotate(document)
        elif kind.endswith(".delta"):
            return (
                self._item(document).append(kind, document)
                if _is_of_item(kind)
                else bool(document.get("delta"))
            )
        return False

    def answer(self) -> Answer:
        output = self._whole or [self._items[index].build() for index in sorted(self._items)]
        return Answer(
            content="".join(_output_texts(output)),
            output=tuple(output),
            finish_reason=self._reason,
            generated_bytes=sum(_written(item) for item in output),
        )

    def _take(self, response: dict[str, Any]) -> None:
        self._whole = presentable(mappings(response.get("output"))) or self._whole
        self._reason = (
            text(mapping(response.get("incomplete_details")).get("reason"))[:64] or self._reason
        )

    def _item(self, event: dict[str, Any]) -> ItemBuilder:
        index = integer(event.get("output_index")) or 0
        return self._items.setdefault(index, ItemBuilder(text(event.get("item_id"))))


class ItemBuilder:
    """One output item, as far as the stream came: the item as it was last said, and the deltas
    since.
    """

    def __init__(self, item_id: str) -> None:
        self._item: dict[str, Any] = {"id": item_id} if item_id else {}
        self._type: str | None = None  # as the deltas tell, where the item itself was never said
        self._parts: dict[tuple[str, int], PartBuilder] = {}  # by ("content" | "summary", number)
        self._texts: dict[str, list[str]] = {}

    def replace(self, item: dict[str, Any]) -> None:
        """`output_item.added` says it empty, `output_item.done` whole: what came
        before is in it.
        """
        self._item = presentable(item)
        self._parts, self._texts = {}, {}

    def append(self, kind: str, event: dict[str, Any]) -> bool:
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

    def annotate(self, event: dict[str, Any]) -> None:
        part = self._part("content", event, "output_text", "text")
        part.annotations.append(presentable(mapping(event.get("annotation"))))

    def build(self) -> dict[str, Any]:
        item = dict(self._item)
        for key, pieces in self._texts.items():
            item[key] = text(item.get(key)) + "".join(pieces)
        for holder in ("content", "summary"):
            numbers = sorted(number for kind, number in self._parts if kind == holder)
            if numbers:
                item[holder] = items(item.get(holder)) + [
                    self._parts[holder, number].build() for number in numbers
                ]
        guessed = self._type or ("reasoning" if "summary" in item else "message")
        return {"type": guessed} | item

    def _part(self, holder: str, event: dict[str, Any], part_type: str, key: str) -> PartBuilder:
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
        self.annotations: list[dict[str, Any]] = []

    def build(self) -> dict[str, Any]:
        part: dict[str, Any] = {"type": self._type, self._key: "".join(self.pieces)}
        return part | {"annotations": self.annotations} if self.annotations else part


def _is_of_item(kind: str) -> bool:
    return kind in _CONTENT or kind in _ITEM_TEXTS or kind == _SUMMARY


def _output_texts(output: list[dict[str, Any]]) -> list[str]:
    """What the SDK calls `output_text`: the texts of every message, joined."""
    messages = (item for item in output if item.get("type") == "message")
    parts = (part for message in messages for part in mappings(message.get("content")))
    return [text(part.get("text")) for part in parts if part.get("type") == "output_text"]


def _written(item: dict[str, Any]) -> int:
    parts = [item, *mappings(item.get("content")), *mappings(item.get("summary"))]
    return sum(utf8_size(text(part.get(key))) for part in parts for key in _WRITTEN)
