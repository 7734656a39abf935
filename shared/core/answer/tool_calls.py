"""Tool calls, merged from deltas. Several calls may be interleaved by their indices."""

from __future__ import annotations

import json

from shared.core.answer.shapes import CustomCall, FunctionCall, ToolCall
from shared.core.wire.json.json_shape import JsonObject, integer, mapping, mappings, short, text


class CallBuilder:
    """Merges one call: its name and its arguments."""

    def __init__(self) -> None:
        self.id: str | None = None
        self.type = "function"
        self._name: list[str] = []
        self._arguments: list[str] = []

    def add(self, call: JsonObject) -> bool:
        """Add a piece `{"name", "arguments"}` or `{"name", "input"}`. True if it holds text."""
        name = text(call.get("name"))
        arguments = _arguments(call.get("arguments")) or _arguments(call.get("input"))
        if name and name != "".join(self._name):  # some servers repeat the name in every chunk
            self._name.append(name)
        self._arguments.append(arguments)
        return bool(name or arguments)

    def function(self) -> FunctionCall:
        return FunctionCall(name="".join(self._name), arguments="".join(self._arguments))

    def build(self) -> ToolCall:
        if self.type == "custom":
            custom = CustomCall(name="".join(self._name), input="".join(self._arguments))
            return ToolCall(id=self.id, type=self.type, custom=custom)
        return ToolCall(id=self.id, type=self.type, function=self.function())


def _arguments(value: object) -> str:
    """The arguments as a text. Some servers send the JSON that it should be."""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return text(value)


class ToolCallsBuilder:
    """Merges the calls of one choice."""

    def __init__(self) -> None:
        self._calls: list[CallBuilder] = []
        self._at_index: dict[int, CallBuilder] = {}

    def add(self, tool_calls: object) -> bool:
        """Add the `tool_calls` of a delta (with indices) or of a message (without). True if they
        hold text.
        """
        has_text = False
        for position, piece in enumerate(mappings(tool_calls)):
            index = integer(piece.get("index"))
            call = self._call(position if index is None else index, short(piece.get("id")))
            if piece.get("type") == "custom" or "custom" in piece:
                call.type = "custom"
            content = mapping(piece.get("function")) or mapping(piece.get("custom"))
            has_text = call.add(content) or has_text
        return has_text

    def _call(self, index: int, call_id: str | None) -> CallBuilder:
        """The call that a piece belongs to. A new id at a known index is a new call, because some
        servers give every call the same index.
        """
        call = self._at_index.get(index)
        if call is None or (call_id and call.id and call.id != call_id):
            call = CallBuilder()
            self._at_index[index] = call
            self._calls.append(call)
        call.id = call.id or call_id
        return call

    def build(self) -> tuple[ToolCall, ...] | None:
        return tuple(call.build() for call in self._calls) or None
