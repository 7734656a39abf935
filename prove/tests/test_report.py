"""The first screen of the proofs' document agrees with its figures."""

from __future__ import annotations

from typing import Final

from prove import report
from prove.result import ProofResult

_RUN: Final = "0123456789abcdef 1 1.0"


def _document(*results: ProofResult) -> str:
    return report.document(results, run=_RUN, seed=1, share=1, took_s=60)


def _killed(policy: str, traceless: int) -> ProofResult:
    return ProofResult(
        title=f"kill -9 on the embedded host, CAPTURE_POLICY={policy}",
        counts={
            "exchanges that clients began": 244,
            "exchanges on the Event Hub": 237,
            "captured and not on the Event Hub": 0,
            "exchanges that the upstream saw": 240,
            "of those without any trace": traceless,
        },
    )


def test_a_loss_is_reported_for_its_policy_on_the_first_screen() -> None:
    """Each policy names the exchanges that left no trace, out of those that went upstream."""
    text = _document(_killed("best_effort", 3), _killed("required", 0))
    rows = {line.split("|")[1].strip(): line for line in text.splitlines() if "|" in line}
    assert "3 of 240 exchanges without any trace" in rows["`best_effort` (default)"]
    assert "0 of 240 exchanges without any trace" in rows["`required`"]


def test_a_broken_claim_is_on_the_first_screen_and_in_its_part() -> None:
    """The sentence of the failed check stands above its figures."""
    result = _killed("required", 1)
    result.check(holds=False, sentence="1 captured exchange is missing")
    text = _document(result)
    assert f"| {result.title} | **no** | 244 | 237 | 0 | - | 1 |" in text
    assert "**The claim does not hold**: 1 captured exchange is missing" in text


def test_a_count_that_a_proof_does_not_make_is_a_dash() -> None:
    text = _document(ProofResult(title="shutdown", counts={"exchanges that clients began": 70}))
    assert "| shutdown | yes | 70 | - | - | - | - |" in text
    assert "not measured" in text
