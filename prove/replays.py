"""A replay, end to end, on a host that is killed meanwhile."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from harness import envelope_queue
from harness.waiting import poll_until
from local.stack import FunctionsHost
from prove.comparison import compare
from prove.event_rules import Circumstances
from prove.evidence import gather
from prove.load import ClientLoad, delivered_load
from prove.result import Progress, ProofResult
from prove.testbed import TestBed
from prove.upstream_calls import upstream_calls
from shared.completeness.replay import MAX_QUEUED


def replay_through_a_kill(
    kind: FunctionsHost, *, exchanges: int, seed: int, progress: Progress
) -> ProofResult:
    """Kill and restart the host while the replay waits for the queue to empty.

    Once the queue is empty, the replay has to continue by itself.
    """
    result = ProofResult(title=f"replay through a kill, {kind} host")
    with TestBed(kind) as bed:
        load = delivered_load(bed, exchanges, seed)
        envelope_queue.fill(bed.stack, MAX_QUEUED + 1)  # a replay waits while so many are queued
        status_url = _replay_of_now(bed)
        bed.kill_host()
        progress(f"{result.title}: killed while it waits")
        bed.start_host()
        before = time.monotonic()
        envelope_queue.empty(bed.stack)
        output = bed.operator.wait_for_output(status_url, 180)
        poll_until(
            lambda: _replayed_ids(bed) >= load.exchange_ids, "every event once more", within_s=40
        )
        result.counts = {
            "queued": output["queued"],
            "events with `replayed`": sum(
                bool(event["replayed"]) for event in bed.events.all_events()
            ),
            "s from the way's clearing to the end": round(time.monotonic() - before, 1),
        }
        _judge(result, bed, load)
    return result


def _replay_of_now(bed: TestBed) -> str:
    """Start a replay of the last minutes; the URL of its status, once it runs."""
    now = datetime.now(UTC)
    period = {"from": (now - timedelta(minutes=30)).isoformat(), "to": now.isoformat()}
    status_url = bed.operator.start("/ops/replay", period)
    poll_until(lambda: _runs(bed, status_url), "the replay to run", within_s=30)
    return status_url


def _judge(result: ProofResult, bed: TestBed, load: ClientLoad) -> None:
    """A replayed event equals the first one."""
    compare(result, gather(bed), load.observations, upstream_calls(bed.stack), Circumstances())
    ids = load.exchange_ids
    result.check(
        holds=result.counts["queued"] == len(ids),
        sentence=f"{result.counts['queued']} of {len(ids)} exchanges were queued",
    )
    result.check(holds=_replayed_ids(bed) == ids, sentence="something else was replayed")


def _replayed_ids(bed: TestBed) -> set[str]:
    return {event["exchange_id"] for event in bed.events.all_events() if event["replayed"]}


def _runs(bed: TestBed, status_url: str) -> bool:
    _, status = bed.operator.call("GET", status_url)
    return bool(status) and status["runtimeStatus"] == "Running"
