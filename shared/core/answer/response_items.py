"""Output items of the Responses API, merged from the events of a stream."""

from __future__ import annotations

from typing import Final

from shared.core.wire.json.embedded_file import describe_file, looks_encoded
from shared.core.wire.json.json_shape import (
    Json,
    JsonObject,
    integer,
    items,
    mapping,
    text,
)
from shared.core.wire.json.masking import mask_object

# The members to which delta events append. Content parts and summary parts are numbered within
# their item.
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
_COMMAND: Final = "response.shell_call_command.delta"  # goes into `action`, a list of commands
_MAX_WORD: Final = 256  # characters of Base64 in a text; more of them are a file


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
        self._item = mask_object(item)
        self._parts, self._texts, self._commands = {}, {}, {}

    def append(self, kind: str, event: JsonObject) -> None:
        """Append a delta."""
        self._pieces(kind, event).append(text(event.get("delta")))

    def append_whole(self, kind: str, event: JsonObject, piece: str) -> bool:
        """Take a complete text, unless it came in deltas or with the item. True if it was taken.
        `kind` is the type of its deltas.
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
        """Add an annotation to a part of the content."""
        part = self._part("content", event, "output_text", "text")
        part.annotations.append(mask_object(mapping(event.get("annotation"))))

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


def is_of_item(kind: str) -> bool:
    """Whether events of this type are known to extend an output item."""
    return kind in _CONTENT or kind in _ITEM_TEXTS or kind in {_SUMMARY, _COMMAND}


def text_key(kind: str) -> str | None:
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
    """The text, or its description if it is a file in Base64. A delta of an unknown kind may be
    either.
    """
    if len(piece) > _MAX_WORD and looks_encoded(piece):
        return describe_file(piece, "application/octet-stream")
    return piece


def _holds(value: Json, piece: str) -> bool:
    """Whether a text of the value is this one."""
    if isinstance(value, dict):
        return any(_holds(inner, piece) for inner in value.values())
    if isinstance(value, list):
        return any(_holds(inner, piece) for inner in value)
    return value == piece
