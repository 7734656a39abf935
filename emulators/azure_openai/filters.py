"""Azure's content filter annotations. Pure."""

from __future__ import annotations

from typing import Final

_CATEGORIES: Final = ("hate", "self_harm", "sexual", "violence")


def results(filtered: str = "") -> dict[str, object]:
    """`content_filter_results`: every category safe except the given one."""
    return {
        category: {
            "filtered": category == filtered,
            "severity": "high" if category == filtered else "safe",
        }
        for category in _CATEGORIES
    }


def prompt_results() -> list[object]:
    """`prompt_filter_results`, with the jailbreak detection that prompts have."""
    verdicts = {**results(), "jailbreak": {"filtered": False, "detected": False}}
    return [{"prompt_index": 0, "content_filter_results": verdicts}]


def offsets(start: int, end: int) -> dict[str, int]:
    """`content_filter_offsets` of the asynchronous filter, in characters."""
    return {"check_offset": start, "start_offset": start, "end_offset": end}
