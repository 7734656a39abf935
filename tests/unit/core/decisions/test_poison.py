"""The decision about an envelope that the queue gave up."""

from __future__ import annotations

import pytest

from harness.sample_envelope import PLAIN, sample_envelope
from shared.core.decisions import poison
from shared.core.records.delivery.dead_letter import DeadLetterReason
from shared.core.records.exchange.envelope import Envelope, mark_replayed

BARE = sample_envelope(response_capture=None)


@pytest.mark.parametrize(
    ("envelope", "undeliverable_reason", "failures", "decision"),
    [
        (PLAIN, None, 0, poison.LeaveToReconcile()),
        (PLAIN, None, 99, poison.LeaveToReconcile()),  # what is transient costs no attempt
        (
            PLAIN,
            DeadLetterReason.ASSEMBLY_FAILED,
            poison.MAX_FAILURES - 1,
            poison.LeaveToReconcile(),
        ),
        (
            PLAIN,
            DeadLetterReason.ASSEMBLY_FAILED,
            poison.MAX_FAILURES,
            poison.DeadLetter(reason=DeadLetterReason.ASSEMBLY_FAILED),
        ),
        # otherwise reconcile would call it aborted, or know nothing of it
        (BARE, None, 0, poison.StoreOutcome()),
        (
            sample_envelope(request_capture=None, response_capture=None),
            None,
            0,
            poison.StoreOutcome(),
        ),
        (BARE, DeadLetterReason.ASSEMBLY_FAILED, 1, poison.StoreOutcome()),
        (
            BARE,
            DeadLetterReason.ASSEMBLY_FAILED,
            poison.MAX_FAILURES,
            poison.DeadLetter(reason=DeadLetterReason.ASSEMBLY_FAILED),
        ),
        (mark_replayed(PLAIN), None, 0, poison.ListFailedReplay()),
        # the exchange itself may be delivered
        (mark_replayed(BARE), DeadLetterReason.ASSEMBLY_FAILED, 99, poison.ListFailedReplay()),
    ],
)
def test_what_becomes_of_an_envelope(
    envelope: Envelope,
    undeliverable_reason: DeadLetterReason | None,
    failures: int,
    decision: poison.PoisonDecision,
) -> None:
    """It depends on whether it is a replay, why no event can be built, and how often that was
    found.
    """
    assert poison.decide(envelope, undeliverable_reason, failures) == decision
