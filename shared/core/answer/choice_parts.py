"""The parts of a choice, merged over its chunks: tool calls, several of which may be interleaved by
their indices, and content filter results.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final

from shared.core.answer.shapes import CustomCall, FilteredSpan, FunctionCall, ToolCall
from shared.core.wire.json.json_shape import JsonObject, integer, mapping, mappings, short, text
from shared.core.wire.json.masking import mask_object

_SEVERITIES: Final = {"safe": 0, "low": 1, "medium": 2, "high": 3}


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


class FiltersBuilder:
    """Merges the filter results of one choice.

    The asynchronous filter's results come in later chunks, with offsets into the text.
    """

    def __init__(self) -> None:
        self._results: JsonObject = {}
        self._spans: list[FilteredSpan] = []
        self._last_results: JsonObject = {}  # as they came

    def add(self, choice: JsonObject) -> None:
        # the singular is Azure's as well: `{"error": …}` says that the filter did not run
        chunk_results = mapping(choice.get("content_filter_results"))
        if "content_filter_result" in choice:
            chunk_results = mapping(choice["content_filter_result"]) | chunk_results
        offsets = mapping(choice.get("content_filter_offsets"))
        # most chunks repeat the results of the one before
        if not chunk_results or (chunk_results == self._last_results and not offsets):
            return
        self._last_results = chunk_results
        results = mask_object(chunk_results)
        for category, result in results.items():
            worst = self._results.get(category)
            if worst is None or _rank(result) > _rank(worst):
                self._results[category] = result
        if offsets:
            self._add_span(offsets, results)

    def _add_span(self, offsets: JsonObject, results: JsonObject) -> None:
        start, end, check = (
            integer(offsets.get(f"{name}_offset")) for name in ("start", "end", "check")
        )
        last = self._spans[-1] if self._spans else None
        if last is not None and last.results == results:
            self._spans[-1] = replace(last, end_offset=end, check_offset=check)
            return
        self._spans.append(
            FilteredSpan(start_offset=start, end_offset=end, check_offset=check, results=results)
        )

    def results(self) -> JsonObject | None:
        """The most severe result of each category; None if there is none."""
        return self._results or None

    def spans(self) -> tuple[FilteredSpan, ...] | None:
        """The findings of the asynchronous filter, each with its part of the text."""
        return tuple(self._spans) or None


def _rank(result: object) -> tuple[bool, bool, int]:
    """How severe a category's result is: blocked, then detected, then its severity."""
    fields = mapping(result)
    severity = fields.get("severity")
    return (
        fields.get("filtered") is True,
        fields.get("detected") is True,
        _SEVERITIES.get(severity, -1) if isinstance(severity, str) else -1,
    )
