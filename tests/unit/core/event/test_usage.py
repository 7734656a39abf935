"""The usage that an envelope records."""

from __future__ import annotations

import pytest

from shared.core.event.usage import recorded_usage
from shared.core.wire.content_mode import ContentMode
from shared.core.wire.json.json_shape import JsonObject

WITH_TEXT: JsonObject = {"total_tokens": 7, "tier": "default", "note": "It rains in Kyiv."}
WITHOUT_TEXT: JsonObject = {"total_tokens": 7, "tier": "default"}


@pytest.mark.parametrize("mode", ContentMode)
def test_only_a_mode_that_stores_bodies_records_texts(mode: ContentMode) -> None:
    """Its numbers and the API's words are recorded in every mode."""
    recorded = WITH_TEXT if mode.stores_bodies else WITHOUT_TEXT
    assert recorded_usage(WITH_TEXT, mode) == (recorded, "upstream")


@pytest.mark.parametrize("mode", ContentMode)
@pytest.mark.parametrize("usage", [None, {}])
def test_no_figures_have_no_source(usage: JsonObject | None, mode: ContentMode) -> None:
    assert recorded_usage(usage, mode) == (usage, "none")
