"""The app's orchestrators: their effects, and that a replay of their histories gives the same
results.
"""

from __future__ import annotations

from typing import Any

import pytest

from blueprints.completeness import erase, reconcile, replay
from shared.core.records.completeness.report import Report
from shared.core.records.operator import erasure_request
from shared.core.records.operator.erasure_receipt import ErasureCounts, OperatorIdentity
from shared.core.records.orchestration.erasure_state import (
    ErasurePosition,
    ErasureState,
    ErasureStep,
)
from tests.support.orchestrations import START, assert_deterministic, run

OPTIONS = {"max_age_s": 1620, "include_open": False}


def report(window: str, *, complete: bool = True, waiting: str | None = None) -> dict[str, Any]:
    counts = dict.fromkeys(("delivered", "redelivered", "aborted", "dead_lettered"), 1)
    return Report(
        window=window, captured=2, not_requeued=1, waiting=waiting, ended=complete, **counts
    ).to_json()


def test_reconcile_goes_through_all_windows_and_replays() -> None:
    """Each window is reconciled once; its report is in the output, and the sums are in the status.
    A call that fails is repeated.
    """
    windows = [f"2026/11/23/{hour:02}" for hour in range(10)]
    failures = iter([OSError("Azurite is away"), OSError("still")])

    def window(step: dict[str, Any]) -> dict[str, Any]:
        for failure in failures:
            raise failure
        return report(step["window"], complete=step["window"] != windows[3])

    activities = {
        "reconcile_precheck": lambda _: None,
        "reconcile_open_windows": lambda _: windows,
        "reconcile_window": window,
    }
    recorded = run(reconcile.orchestrate, OPTIONS, activities)

    assert [window["window"] for window in recorded.instance.output["windows"]] == windows
    assert recorded.instance.custom_status["windows_done"] == 10
    assert [window["window"] for window in recorded.instance.custom_status["incomplete"]] == [
        windows[3]
    ]
    assert sum(name == "reconcile_window" for name, _ in recorded.calls) == 10 + 2
    assert recorded.calls[1] == (
        "reconcile_open_windows",
        {"until": "2026-11-23T09:33:00.100000+00:00", "include_open": False},
    )
    assert_deterministic(reconcile.orchestrate, recorded)


def test_reconcile_waits_while_it_may_not_queue_anything() -> None:
    """The status has the reason."""
    recorded = run(
        reconcile.orchestrate, OPTIONS, {"reconcile_precheck": lambda _: "the queue holds work"}
    )

    assert recorded.instance.status == "Completed"
    assert recorded.instance.custom_status == {"waiting": "the queue holds work"}
    assert_deterministic(reconcile.orchestrate, recorded)


def test_reconcile_ends_with_the_windows_in_which_it_stopped() -> None:
    """No further window starts after an outage, so that it does not become a storm, and the status
    names the reason.
    """
    windows = [f"2026/11/23/{hour:02}" for hour in range(10)]

    def window(step: dict[str, Any]) -> dict[str, Any]:
        return report(
            step["window"],
            complete=False,
            waiting="the queue is full" if step["window"] == windows[5] else None,
        )

    activities = {
        "reconcile_precheck": lambda _: None,
        "reconcile_open_windows": lambda _: windows,
        "reconcile_window": window,
    }
    recorded = run(reconcile.orchestrate, OPTIONS, activities)

    assert (
        recorded.instance.output["waiting"]
        == recorded.instance.custom_status["waiting"]
        == "the queue is full"
    )
    assert [window["window"] for window in recorded.instance.output["windows"]] == windows[:8]
    assert (
        recorded.instance.custom_status["windows_done"],
        recorded.instance.custom_status["windows_total"],
    ) == (8, 10)
    assert_deterministic(reconcile.orchestrate, recorded)


@pytest.mark.no_cover
def test_replay_goes_on_over_generations_and_replays() -> None:
    """120 pages make three generations. The replay pauses while the queue is busy, and counts
    nothing twice.
    """
    pages = iter(range(120))
    busy = iter([True])

    def page(step: dict[str, Any]) -> dict[str, Any]:
        if step["marker"] == "60" and next(busy, False):
            return {"waiting": "live work", "queued": 0, "unreadable": 0, "marker": step["marker"]}
        number = next(pages)
        return {
            "waiting": None,
            "queued": 2,
            "unreadable": number % 2,
            "marker": None if number in {79, 119} else str(number),
        }

    state = {
        "replay": {},
        "windows": ["a", "b"],
        "done": 0,
        "marker": None,
        "queued": 0,
        "unreadable": 0,
        "erased": 0,
    }
    recorded = run(replay.orchestrate, state, {"replay_page": page})

    assert recorded.instance.output == {
        "windows_done": 2,
        "windows_total": 2,
        "queued": 240,
        "unreadable": 60,
        "erased": 0,
    }
    assert len(recorded.calls) == 121
    assert (
        len(
            {
                turn.context["history"][1]["OrchestrationInstance"]["ExecutionId"]
                for turn in recorded.turns
            }
        )
        == 3
    )
    assert_deterministic(replay.orchestrate, recorded, every=40)


@pytest.mark.parametrize("attempts", [4, 5])
def test_replay_gives_up_a_page_after_five_attempts(attempts: int) -> None:
    """It survives four failures."""
    failures = iter([OSError("away")] * attempts)

    def page(_: dict[str, Any]) -> dict[str, Any]:
        for failure in failures:
            raise failure
        return {"waiting": None, "queued": 1, "unreadable": 0, "marker": None}

    state = {
        "replay": {},
        "windows": ["a"],
        "done": 0,
        "marker": None,
        "queued": 0,
        "unreadable": 0,
        "erased": 0,
    }
    recorded = run(replay.orchestrate, state, {"replay_page": page})

    assert recorded.instance.status == ("Completed" if attempts < 5 else "Failed")
    assert_deterministic(replay.orchestrate, recorded)


def erasure_state(parts: int) -> dict[str, Any]:
    request = erasure_request.parse(
        {"user": "anna", "from": "2026-11-01T00:00Z", "to": "2026-11-02T00:00Z"}, START
    )
    return ErasureState(
        request=request.to_json(),
        operator=OperatorIdentity(auth="entra", object_id="an-operator"),
        requested_at=START.isoformat(),
        part_count=parts,
    ).to_json()


@pytest.mark.no_cover
def test_erase_goes_on_over_generations_and_ends_with_a_receipt() -> None:
    """120 pages make three generations. A page that fails is repeated and counts once. The receipt
    has the sums, and the status shows them on the way.
    """
    failures = iter([OSError("Azurite is away")])

    def page(step: dict[str, Any]) -> dict[str, Any]:
        position = ErasurePosition(**step["state"]["position"])
        if position.page == 60:
            for failure in failures:
                raise failure
        last = position.page % 10 == 9
        return ErasureStep(
            position=ErasurePosition(
                part=position.part + last,
                marker=None if last else str(position.page),
                page=position.page + 1,
            ),
            counts=ErasureCounts(searched=5, matched=2, erased=2),
        ).to_json()

    recorded = run(
        erase.orchestrate,
        erasure_state(12),
        {"erase_page": page, "erase_receipt": lambda step: step["state"]["counts"]},
    )

    counts = {"searched": 600, "matched": 240, "erased": 240, "running": 0}
    counts |= {"unreadable": 0, "immutable": 0}
    assert recorded.instance.output == counts
    assert recorded.instance.custom_status == {
        "dry_run": True,
        "parts_done": 12,
        "parts_total": 12,
        **counts,
    }
    assert [name for name, _ in recorded.calls].count("erase_page") == 121
    assert_deterministic(erase.orchestrate, recorded, every=40)


def test_erase_fails_if_storage_stays_away() -> None:
    """There is no receipt then. The pages list the exchanges that were erased before."""

    def page(_: dict[str, Any]) -> dict[str, Any]:
        raise OSError("away")

    recorded = run(erase.orchestrate, erasure_state(1), {"erase_page": page})

    assert recorded.instance.status == "Failed"
    assert len(recorded.calls) == 5
    assert_deterministic(erase.orchestrate, recorded)
