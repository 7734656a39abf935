"""The log of calls that are rejected because of their token: their id and the reason.

A legitimate caller must be able to find out why it was rejected. Others must not be able to fill
the log, whose lines are neither sampled nor free of charge. So each error code has a few lines a
minute of its own: a flood of calls without a token does not hide a token that has expired.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from shared.core.api_errors import ApiError

LINES: Final = 10  # lines for each code and worker
WITHIN_S: Final = 60.0

_log = logging.getLogger("fnsse.callers")


class AuthFailureLog:
    """Logs rejected calls, up to a number of lines for each error code and minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # code -> when its minute began, and how many within it
        self._counts: dict[str, tuple[float, int]] = {}

    def record(self, exchange_id: str, error: ApiError) -> None:
        """Log one line, unless this code has reached its limit. The token is not known here."""
        now = self._clock()
        began, count = self._counts.get(error.code, (now, 0))
        if now - began >= WITHIN_S:
            began, count = now, 0
        count += 1
        self._counts[error.code] = began, count
        if count <= LINES:
            more = "; more of them are not logged within this minute" if count == LINES else ""
            _log.warning(
                "The call %s was rejected: %d %s%s", exchange_id, error.status, error.code, more
            )
