"""The first screen of the proofs' document agrees with its figures."""

from __future__ import annotations

from typing import Final

import pytest

from prove import report
from prove.result import FaultGroup, ProofResult

_RUN: Final = "0123456789abcdef 1 1.0"


def _document(*results: ProofResult) -> str:
    return report.document(results, run=_RUN, seed=1, share=1, took_s=60)


def _kill_result(policy: str, traceless: int, host: str = "embedded") -> ProofResult:
    return ProofResult(
        title=f"kill -9 on the {host} host, CAPTURE_POLICY={policy}",
        group=FaultGroup.KILLED,
        policy=policy,
        counts={
            "exchanges that clients began": 244,
            "exchanges on the Event Hub": 237,
            "captured and not on the Event Hub": 0,
            "events compared": 240,
            "of those wrong": 0,
            "exchanges that the upstream saw": 240,
            "of those without any trace": traceless,
        },
    )


def test_a_loss_is_on_the_first_screen() -> None:
    """A loss is reported for its fault and policy on the first screen. Both hosts are added up."""
    text = _document(
        _kill_result("best_effort", 3),
        _kill_result("best_effort", 2, "func"),
        _kill_result("required", 0),
    )
    assert f"| {FaultGroup.KILLED} | 5 of 480 | 0 of 240 |" in text
    assert "**All 3 proofs hold.**" in text


def test_a_broken_claim_is_reported_twice() -> None:
    """The sentence of the failed check stands on the first screen, and above the figures of its
    proof.
    """
    result = _kill_result("required", 1)
    result.check(holds=False, sentence="1 captured exchange is missing")
    text = _document(result, _kill_result("best_effort", 3))
    assert f"**1 of 2 proofs do not hold:** {result.title}." in text
    assert f"| {result.title} | **no** | 244 | 237 | 0 | 0 of 240 | - | 1 |" in text
    assert "**The claim does not hold**: 1 captured exchange is missing" in text


def test_a_count_that_a_proof_does_not_make_is_a_dash() -> None:
    text = _document(ProofResult(title="shutdown", counts={"exchanges that clients began": 70}))
    assert "| shutdown | yes | 70 | - | - | - | - | - |" in text


@pytest.mark.parametrize("changed", ["", "+"])
def test_the_first_screen_names_the_commit(changed: str) -> None:
    """A + follows if files were changed since: the proved code is then that of no commit."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    results = [_kill_result("required", 0)]
    run = f"{commit}{changed} 1 1.0"
    text = report.document(results, run=run, seed=1, share=1, took_s=60)
    assert f"\nMeasured at commit 0123456789ab{changed}, Python " in text


def test_the_claims_measurements_and_limits_fit_on_a_screen() -> None:
    first, _, _ = _document(_kill_result("best_effort", 3)).partition("## Every proof at a glance")
    assert len(first.splitlines()) < 50
