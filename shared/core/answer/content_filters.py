"""Content filter results of a choice, merged over its chunks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from shared.core.answer.shapes import FilteredSpan
from shared.core.wire.json_shape import integer, mapping
from shared.core.wire.redaction import presentable

_SEVERITIES: Final = {"safe": 0, "low": 1, "medium": 2, "high": 3}


class FiltersBuilder:
    """What the filter said of one choice, the asynchronous one included (its chunks come late, with
    offsets).
    """

    def __init__(self) -> None:
        self._results: dict[str, Any] = {}
        self._spans: list[FilteredSpan] = []
        self._last_said: dict[str, Any] = {}

    def add(self, choice: dict[str, Any]) -> None:
        said = mapping(choice.get("content_filter_results"))
        offsets = mapping(choice.get("content_filter_offsets"))
        # as a rule each chunk says what the last one said
        if not said or (said == self._last_said and not offsets):
            return
        self._last_said = said
        results = presentable(said)
        for category, result in results.items():
            known = self._results.get(category)
            if known is None or _rank(result) > _rank(known):
                self._results[category] = result
        if offsets:
            self._add_span(offsets, results)

    def _add_span(self, offsets: dict[str, Any], results: dict[str, Any]) -> None:
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

    def results(self) -> dict[str, Any] | None:
        return self._results or None

    def spans(self) -> tuple[FilteredSpan, ...] | None:
        return tuple(self._spans) or None


def _rank(result: object) -> tuple[bool, bool, int]:
    """How severe a category's result is: blocked, then found, then its severity."""
    said = mapping(result)
    severity = said.get("severity")
    return (
        said.get("filtered") is True,
        said.get("detected") is True,
        _SEVERITIES.get(severity, -1) if isinstance(severity, str) else -1,
    )
