"""Which events have to claim the usage that they carry."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from harness.sample_envelope import PLAIN
from shared.core.answer.shapes import Batch
from shared.core.cost.quantities import Basis
from shared.core.event import usage_claim
from shared.core.event.builder import build

USAGE = {"total_tokens": 7}
FINAL: dict[str, Any] = {
    "operation": "responses.get",
    "background": True,
    "response_status": "completed",
    "response_id": "resp_1",
    "usage": USAGE,
}


@pytest.mark.parametrize(
    ("changes", "claimed"),
    [
        ({}, "resp_1"),
        ({"response_status": "incomplete"}, "resp_1"),
        ({"response_status": "failed"}, "resp_1"),
        ({"response_status": "cancelled"}, "resp_1"),
        ({"response_status": "in_progress"}, None),
        ({"response_status": None}, None),
        ({"usage": None}, None),
        ({"operation": "responses"}, "resp_1"),
        ({"operation": "responses.followed"}, "resp_1"),
        ({"operation": "chat.completions"}, None),
        ({"background": False}, None),
        ({"background": None}, None),
        ({"response_id": None}, None),
    ],
)
def test_the_final_usage_of_a_background_response_is_claimed(
    changes: dict[str, Any], claimed: str | None
) -> None:
    event = dataclasses.replace(build(PLAIN, None, None, None), **FINAL | changes)
    assert usage_claim.response_to_claim(event) == claimed


@pytest.mark.parametrize(
    ("status", "usage", "claimed"),
    [
        ("completed", USAGE, "batch_1"),
        ("expired", USAGE, "batch_1"),  # what was done until then is billed
        ("cancelled", USAGE, "batch_1"),
        ("failed", USAGE, "batch_1"),
        ("completed", None, None),
        ("in_progress", USAGE, None),
        ("cancelling", USAGE, None),
        (None, USAGE, None),
    ],
)
def test_the_usage_of_a_batch_that_has_ended_is_claimed(
    status: str | None, usage: dict[str, Any] | None, claimed: str | None
) -> None:
    batch = Batch(
        id="batch_1", status=status, endpoint=None, total=None, completed=None, failed=None
    )
    event = dataclasses.replace(
        build(PLAIN, None, None, None), operation="batches.get", batch=batch, usage=usage
    )
    assert usage_claim.response_to_claim(event) == claimed


@pytest.mark.parametrize(
    ("own", "repeated", "basis"),
    [
        ("usage", True, "repeated"),
        ("usage", False, "usage"),
        ("repeated", False, "usage"),
        ("unknown", True, "repeated"),
        ("unknown", False, "unknown"),
    ],
)
def test_what_is_billed_follows_the_claim(own: Basis, repeated: bool, basis: Basis) -> None:
    """The two keys never disagree on who counts, and what is not known stays so."""
    event = build(PLAIN, None, None, None)
    event = dataclasses.replace(event, quantities=dataclasses.replace(event.quantities, basis=own))
    event = usage_claim.mark_repeated(event, repeated=repeated)
    assert (event.usage_repeated, event.quantities.basis) == (repeated, basis)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, "resp_1"),
        ({"response_id": None}, "resp_2"),  # an error names no response
        ({"response_id": None, "path": None}, None),
        ({"operation": "responses.get"}, None),
    ],
)
def test_a_followed_response_without_usage(changes: dict[str, Any], found: str | None) -> None:
    event = build(PLAIN, None, None, None)
    event = dataclasses.replace(
        event,
        quantities=dataclasses.replace(event.quantities, basis="unknown"),
        **FINAL
        | {"operation": "responses.followed", "path": "/openai/v1/responses/resp_2", "usage": None}
        | changes,
    )
    assert usage_claim.followed_without_usage(event) == found
    counted = dataclasses.replace(event.quantities, basis="usage")
    assert (
        usage_claim.followed_without_usage(dataclasses.replace(event, quantities=counted)) is None
    )


def test_the_holder_alone_counts_it() -> None:
    assert not usage_claim.belongs_to_another("a", "a")
    assert usage_claim.belongs_to_another("a", "b")
