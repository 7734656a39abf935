"""The Responses API: output items, from the response object, or from the events of a stream that
was cut before it came.
"""

from __future__ import annotations

import json
from typing import Final

from shared.core.answer.shapes import ParsedAnswer
from shared.core.wire.json.embedded_file import describe_file, looks_encoded
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
from shared.core.wire.json.redaction import redact_object
from shared.core.wire.operations import LAST_RESPONSE_EVENTS

# What delta events append to. Content parts and summary parts are numbered within their item.
_CONTENT: Final = {
    "response.output_text.delta": ("output_text", "text"),
    "response.refusal.delta": ("refusal", "refusal"),
    "response.reasoning_text.delta": ("reasoning_text", "text"),
}
_SUMMARY: Final = "response.reasoning_summary_text.delta"
# the item's type, and where in the item the text is
_ITEM_TEXTS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "response.function_call_arguments.delta": ("function_call", ("arguments",)),
    "response.mcp_call_arguments.delta": ("mcp_call", ("arguments",)),
    "response.custom_tool_call_input.delta": ("custom_tool_call", ("input",)),
    "response.code_interpreter_call_code.delta": ("code_interpreter_call", ("code",)),
    "response.apply_patch_call_operation_diff.delta": ("apply_patch_call", ("operation", "diff")),
}
_COMMAND: Final = "response.shell_call_command.delta"  # of a list of commands in `action`
# What the model wrote, wherever it is in an item; for estimates.
_GENERATED: Final = ("text", "refusal", "arguments", "input", "code", "name")
_GENERATED_OBJECTS: Final = ("operation", "action")
_MAX_WORD: Final = 256  # characters of Base64 in a text; more of them are a file


class ResponsesReader:
    """The output of one response."""

    def __init__(self) -> None:
        self._output: list[JsonObject] | None = None  # of a response object, which is complete
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
            self._item(chunk).replace(mapping(chunk.get("item")))
            return _is_generated(mapping(chunk.get("item")), whole=kind.endswith(".done"))
        elif kind == "response.output_text.annotation.added":
            self._item(chunk).annotate(chunk)
        elif kind.endswith(".partial_image"):
            return True
        elif kind.endswith(".delta"):
            if not text(chunk.get("delta")):
                return False
            if _is_of_item(kind) or "output_index" in chunk or "item_id" in chunk:
                self._item(chunk).append(kind, chunk)
            return True
        elif kind.endswith(".done"):
            return self._add_whole_text(kind.removesuffix("done") + "delta", chunk)
        return False

    def _add_whole_text(self, kind: str, event: JsonObject) -> bool:
        """A text that is complete. True if it did not come in deltas before."""
        key = _key_of(kind)
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
        self._texts: dict[tuple[str, ...], list[str]] = {}
        self._commands: dict[int, list[str]] = {}

    def replace(self, item: JsonObject) -> None:
        """`output_item.added` holds the item empty and `output_item.done` holds it complete, with
        everything that came before.
        """
        self._item = redact_object(item)
        self._parts, self._texts, self._commands = {}, {}, {}

    def append(self, kind: str, event: JsonObject) -> None:
        """Append a delta."""
        self._pieces(kind, event).append(text(event.get("delta")))

    def append_whole(self, kind: str, event: JsonObject, piece: str) -> bool:
        """Take a complete text, unless it came in deltas or with the item. True if it did not.
        `kind` is that of its deltas.
        """
        if _holds(self._item, piece):
            return False
        pieces = self._pieces(kind, event)
        if pieces:
            return False
        pieces.append(piece)
        return True

    def _pieces(self, kind: str, event: JsonObject) -> list[str]:
        if kind in _CONTENT:
            part_type, key = _CONTENT[kind]
            return self._part("content", event, part_type, key).pieces
        if kind == _SUMMARY:
            return self._part("summary", event, "summary_text", "text").pieces
        if kind == _COMMAND:
            self._type = "shell_call"
            return self._commands.setdefault(integer(event.get("command_index")) or 0, [])
        if kind in _ITEM_TEXTS:
            self._type, path = _ITEM_TEXTS[kind]
        else:
            path = (self._name_of(kind),)
        return self._texts.setdefault(path, [])

    def _name_of(self, kind: str) -> str:
        """The member that an unknown delta appends to: `response.{item type}_{name}.delta`."""
        name = kind.removeprefix("response.").removesuffix(".delta")
        return name.removeprefix(text(self._item.get("type"))).lstrip("_.") or "text"

    def annotate(self, event: JsonObject) -> None:
        part = self._part("content", event, "output_text", "text")
        part.annotations.append(redact_object(mapping(event.get("annotation"))))

    def build(self) -> JsonObject:
        item = dict(self._item)
        for path, pieces in self._texts.items():
            _append_at(item, path, _without_file("".join(pieces)))
        if self._commands:
            action = mapping(item.get("action"))
            commands: list[Json] = [
                "".join(self._commands[number]) for number in sorted(self._commands)
            ]
            item["action"] = action | {"commands": items(action.get("commands")) + commands}
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
    return kind in _CONTENT or kind in _ITEM_TEXTS or kind in {_SUMMARY, _COMMAND}


def _key_of(kind: str) -> str | None:
    """The member of the `done` event that holds the text of these deltas; None: not known."""
    if kind in _CONTENT:
        return _CONTENT[kind][1]
    if kind in _ITEM_TEXTS:
        return _ITEM_TEXTS[kind][1][-1]
    return {_SUMMARY: "text", _COMMAND: "command"}.get(kind)


def _append_at(item: JsonObject, path: tuple[str, ...], piece: str) -> None:
    """Append to the text at a path of names, in place; shared values on the way are copied."""
    *outer, last = path
    holder = item
    for name in outer:
        inner = dict(mapping(holder.get(name)))
        holder[name] = inner
        holder = inner
    holder[last] = text(holder.get(last)) + piece


def _without_file(piece: str) -> str:
    """A text as it is; one that is a file in Base64 described. Deltas of kinds that are not known
    here may be either.
    """
    if len(piece) > _MAX_WORD and looks_encoded(piece):
        return describe_file(piece, "application/octet-stream")
    return piece


def _is_generated(item: JsonObject, *, whole: bool) -> bool:
    """Whether an item holds generated content. The name and the empty containers of an item that
    has only started do not count.
    """
    if not whole:
        present_at_start = {"name", "result", *_GENERATED_OBJECTS}
        item = {key: value for key, value in item.items() if key not in present_at_start}
    return bool(_generated_bytes(item) or item.get("result"))


def _holds(value: Json, piece: str) -> bool:
    """Whether a text of the value is this one."""
    if isinstance(value, dict):
        return any(_holds(inner, piece) for inner in value.values())
    if isinstance(value, list):
        return any(_holds(inner, piece) for inner in value)
    return value == piece


def _output_texts(output: list[JsonObject]) -> list[str]:
    """The texts of every message; joined, they are what the SDK calls `output_text`."""
    messages = (item for item in output if item.get("type") == "message" and not _is_of_user(item))
    parts = (part for message in messages for part in mappings(message.get("content")))
    return [text(part.get("text")) for part in parts if part.get("type") == "output_text"]


def _is_of_user(item: JsonObject) -> bool:
    """Whether the item repeats a part of the prompt, as compacted conversations do."""
    return text(item.get("role")) in {"user", "system", "developer"}


def _generated_bytes(item: JsonObject) -> int:
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
