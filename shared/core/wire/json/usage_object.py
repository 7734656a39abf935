"""A usage object: the upstream's figures of what a response used."""

from __future__ import annotations

from shared.core.wire.json.json_shape import Json, JsonObject


def latest_usage(known: JsonObject | None, later: JsonObject | None) -> JsonObject | None:
    """Which of two usage objects of one response counts: the later one, because some servers add up
    from chunk to chunk. One of zeros only does not replace figures: it is a placeholder.
    """
    if not later:
        return known
    return later if has_figures(later) or not known else known


def has_figures(usage: Json) -> bool:
    """Whether any number in a usage object is not zero."""
    if isinstance(usage, dict):
        return any(map(has_figures, usage.values()))
    return isinstance(usage, int | float) and not isinstance(usage, bool) and usage != 0
