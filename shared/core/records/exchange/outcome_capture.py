"""The outcome capture of an envelope."""

from __future__ import annotations

from dataclasses import replace

from shared.core.records.exchange.capture import of_outcome, outcome_name
from shared.core.records.exchange.envelope import Envelope, to_fields


def outcome_blob(envelope: Envelope) -> tuple[str, bytes]:
    """The name of the capture, and the capture. Its envelope's outcome is not pending: once this is
    stored, a capture says how the exchange ended.
    """
    fields = to_fields(replace(envelope, outcome_pending=False))
    return outcome_name(envelope.exchange_id), of_outcome(fields)
