"""The outcome capture of an envelope."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.sample_envelope import PLAIN
from shared.core.records.exchange import capture
from shared.core.records.exchange.envelope import from_fields
from shared.core.records.exchange.outcome_capture import outcome_blob


@pytest.mark.parametrize("pending", [True, False])
def test_it_holds_the_envelope_whose_outcome_is_pending_no_more(pending: bool) -> None:
    name, blob = outcome_blob(replace(PLAIN, outcome_pending=pending))
    assert name == capture.outcome_name(PLAIN.exchange_id)
    stored = capture.load(blob)
    assert (from_fields(stored.header["envelope"]), stored.body) == (PLAIN, b"")
