"""The id of an exchange that starts now.

shared.core.records.exchange.exchange_id builds and reads ids, purely.
"""

from __future__ import annotations

import os
import time

from shared.core.records.exchange.exchange_id import new_exchange_id


def fresh_exchange_id() -> str:
    """A UUIDv7 of this moment."""
    return new_exchange_id(time.time_ns() // 1_000_000, os.urandom(10))
