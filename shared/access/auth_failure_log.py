"""The log of calls that are refused because of their token: under which id, and why.

Who may call is to find out why he was refused; who may not is not to fill the log, whose lines are
neither sampled nor free of charge. So each code has a few lines a minute of its own: a flood of
calls without a token hides no token that has expired.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from shared.core.api_error import ApiError

LINES: Final = 10  # for each code and worker
WITHIN_S: Final = 60.0

_log = logging.getLogger("fnsse.callers")


class AuthFailureLog:
    """Says what was refused, within limits."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # code -> when its minute began, and how many within it
        self._refused: dict[str, tuple[float, int]] = {}

    def record(self, exchange_id: str, error: ApiError) -> None:
        """One line, unless its code has had enough of them. Nothing of the token is known here."""
        now = self._clock()
        began, count = self._refused.get(error.code, (now, 0))
        if now - began >= WITHIN_S:
            began, count = now, 0
        count += 1
        self._refused[error.code] = began, count
        if count <= LINES:
            more = "; more of them are not logged within this minute" if count == LINES else ""
            _log.warning(
                "The call %s was refused: %d %s%s", exchange_id, error.status, error.code, more
            )
