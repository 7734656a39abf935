"""What becomes of a message that the queue gave up."""

from __future__ import annotations

import pytest

from shared.core import poison
from shared.core.envelope import dump
from tests.unit.envelopes import EXCHANGE_ID, PLAIN, an_envelope


@pytest.mark.parametrize("message", [b"", b"null", b"[]", b"{}", b"\xff\xfe", b'{"schema_version": 1}', b"[" * 100_000])
def test_what_is_no_envelope_is_discarded_without_being_repeated(message: bytes) -> None:
    decision = poison.decide(message)
    assert isinstance(decision, poison.Discard)
    assert decision.reason.startswith("not an envelope")


def test_the_reason_of_a_discarded_message_repeats_nothing_of_it() -> None:
    decision = poison.decide(dump(PLAIN).replace(EXCHANGE_ID, "a secret").encode())
    assert isinstance(decision, poison.Discard)
    assert "secret" not in decision.reason


def test_what_its_response_capture_holds_is_left_to_reconcile() -> None:
    assert poison.decide(dump(PLAIN).encode()) == poison.LeaveToReconcile(exchange_id=EXCHANGE_ID)


@pytest.mark.parametrize("request_capture", [None, PLAIN.request_capture])
def test_what_no_response_capture_holds_is_stored_for_reconcile(request_capture: str | None) -> None:
    """Otherwise reconcile would call it aborted, or know nothing of it."""
    envelope = an_envelope(request_capture=request_capture, response_capture=None)
    assert poison.decide(dump(envelope).encode()) == poison.StoreOutcome(envelope=envelope)
