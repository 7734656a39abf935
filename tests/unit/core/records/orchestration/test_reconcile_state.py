"""The values that the orchestration of reconcile passes on, as Durable stores them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from shared.core.records.orchestration.reconcile_state import (
    OpenWindowsInput,
    ReconcileOptions,
    WindowInput,
)

UNTIL = datetime(2026, 11, 23, 9, 33, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        ReconcileOptions(max_age_s=1620.5, include_open=True),
        OpenWindowsInput(until=UNTIL, include_open=True),
        WindowInput(window="2026/11/23/09", until=UNTIL),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_survive_storage(value: ReconcileOptions | OpenWindowsInput | WindowInput) -> None:
    assert type(value).from_json(json.loads(json.dumps(value.to_json()))) == value


def test_a_run_of_an_older_version_goes_on() -> None:
    """Version 2 stored the option under another name."""
    options = ReconcileOptions.from_json({"max_age_s": 1620, "open_too": True})
    search = OpenWindowsInput.from_json({"until": UNTIL.isoformat(), "open_too": True})
    assert options.include_open
    assert search.include_open
