"""The log of rejected calls: enough for an allowed caller to find the cause, and little for anybody
else.
"""

from __future__ import annotations

import logging

import pytest

from shared.access.auth_failure_log import LINES, WITHIN_S, AuthFailureLog
from shared.core import api_errors
from shared.core.wire.token.caller_token import TokenCheck
from tests.support.manual_clock import ManualClock

EXPIRED = api_errors.token_rejected(TokenCheck.EXPIRY)
MISSING = api_errors.token_rejected(TokenCheck.MISSING)


def test_a_rejection_is_one_line_with_id_status_and_code(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "fnsse.callers"):
        AuthFailureLog().record("the-id", EXPIRED)
    assert caplog.messages == ["The call the-id was rejected: 401 token_expired"]


def test_a_flood_is_ten_lines_a_minute_and_the_last_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = ManualClock(1000.0)
    log = AuthFailureLog(clock)
    with caplog.at_level(logging.WARNING, "fnsse.callers"):
        for number in range(1000):
            log.record(str(number), MISSING)
        assert len(caplog.messages) == LINES
        assert [line for line in caplog.messages if "not logged" in line] == caplog.messages[-1:]
        clock.now += WITHIN_S
        log.record("later", MISSING)
    assert caplog.messages[LINES:] == ["The call later was rejected: 401 token_missing"]


def test_a_flood_of_one_kind_hides_no_other(caplog: pytest.LogCaptureFixture) -> None:
    log = AuthFailureLog(ManualClock(1000.0))
    with caplog.at_level(logging.WARNING, "fnsse.callers"):
        for number in range(1000):
            log.record(str(number), MISSING)
        log.record("the-id", EXPIRED)
    assert caplog.messages[LINES:] == ["The call the-id was rejected: 401 token_expired"]
