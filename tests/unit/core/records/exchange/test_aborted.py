"""The envelope of an exchange with a request capture only."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from shared.core.records.exchange.aborted import aborted_envelope
from shared.core.records.exchange.envelope import Caller, dump, load
from shared.core.records.exchange.exchange_id import new_exchange_id
from shared.core.records.exchange.outcome import Outcome
from shared.errors import CaptureError

EXCHANGE_ID = new_exchange_id(1_800_000_000_000, bytes(10))
HEADER: dict[str, Any] = {
    "operation": "chat.completions",
    "deployment": "gpt-4o",
    "api_version": None,
    "started_at": "2026-11-23T14:00:00.000000+00:00",
    "caller": asdict(Caller(subscription="s")),
}


def test_it_is_an_envelope_without_a_response() -> None:
    """It comes back from the queue unchanged."""
    envelope = aborted_envelope(EXCHANGE_ID, HEADER)
    assert load(dump(envelope)) == envelope
    assert (envelope.outcome, envelope.response_capture) == (Outcome.ABORTED, None)
    assert (envelope.deployment, envelope.caller.subscription) == ("gpt-4o", "s")


@pytest.mark.parametrize("missing", [*HEADER])
def test_an_incomplete_header_is_a_capture_error(missing: str) -> None:
    """Reconcile then dead-letters the exchange."""
    header = {name: value for name, value in HEADER.items() if name != missing}
    with pytest.raises(CaptureError, match=f"incomplete: {missing}: missing"):
        aborted_envelope(EXCHANGE_ID, header)


def test_a_header_of_wrong_types_is_a_capture_error() -> None:
    """A caller is an object, a deployment is a text."""
    with pytest.raises(CaptureError, match="incomplete: caller: "):
        aborted_envelope(EXCHANGE_ID, HEADER | {"caller": ["unknown"]})
    with pytest.raises(CaptureError, match="incomplete: deployment: "):
        aborted_envelope(EXCHANGE_ID, HEADER | {"deployment": ["gpt-4o"]})
