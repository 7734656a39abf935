"""Tool calls, merged from deltas: several at once, their indices interleaved."""

from __future__ import annotations

from typing import Any

from shared.core.answer.shapes import CustomCall, FunctionCall, ToolCall
from shared.core.wire.json_shape import integer, mapping, mappings, short, text


class CallBuilder:
    """One call: its name and what it is called with."""

    def __init__(self) -> None:
        self.id: str | None = None
        self.type = "function"
        self._name: list[str] = []
        self._arguments: list[str] = []

    def add(self, call: dict[str, Any]) -> bool:
        """A `{"name", "arguments"}` or `{"name", "input"}` piece. True where it says something."""
        name, arguments = (
            text(call.get("name")),
            text(call.get("arguments")) or text(call.get("input")),
        )
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


class ToolCallsBuilder:
    """The calls of one choice."""

    def __init__(self) -> None:
        self._calls: list[CallBuilder] = []
        self._at_index: dict[int, CallBuilder] = {}

    def add(self, tool_calls: object) -> bool:
        """The `tool_calls` of a delta (with indices) or of a message (without). True where they say
        something.
        """
        said = False
        for position, piece in enumerate(mappings(tool_calls)):
            index = integer(piece.get("index"))
            call = self._call(position if index is None else index, short(piece.get("id")))
            if piece.get("type") == "custom" or "custom" in piece:
                call.type = "custom"
            said = call.add(mapping(piece.get("function")) or mapping(piece.get("custom"))) or said
        return said

    def _call(self, index: int, call_id: str | None) -> CallBuilder:
        """The call that a piece belongs to. A new id at a known index is a new call: some servers
        count no indices.
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
