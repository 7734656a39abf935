"""Content filter results of a choice, merged over its chunks."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from shared.core.answer.shapes import FilteredSpan
from shared.core.wire.json.json_shape import JsonObject, integer, mapping
from shared.core.wire.json.masking import mask_object

_SEVERITIES: Final = {"safe": 0, "low": 1, "medium": 2, "high": 3}


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
