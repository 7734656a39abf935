"""Counts and logs the parts of exchanges that could not be stored."""

from __future__ import annotations

import logging
from dataclasses import dataclass

_log = logging.getLogger("fnsse.recording")


@dataclass(kw_only=True, slots=True)
class RecordingFailures:
    """The number of things that could not be stored since the worker started."""

    request_captures: int = 0
    response_captures: int = 0
    envelopes: int = 0
    # exchanges whose outcome could not be stored at all; the log holds their envelopes
    lost: int = 0


def log_not_stored(record_kind: str, exchange_id: str, reason: str) -> None:
    """Log that something of an exchange could not be stored."""
    _log.error("The %s of exchange %s could not be stored: %s", record_kind, exchange_id, reason)
