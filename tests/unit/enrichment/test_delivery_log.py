"""The log line about a group of delivered exchanges: one line for each group."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from harness.sample_envelope import PLAIN, sample_envelope
from shared.core.records.exchange.outcome import Outcome
from shared.enrichment.delivery_log import PREFIX, DeliveryLog, summarize


@pytest.mark.parametrize(
    ("changes", "failed", "throttled"),
    [
        ({}, 0, 0),
        (
            {"outcome": Outcome.UPSTREAM_ERROR, "status_code": 503, "upstream_status_code": 503},
            1,
            0,
        ),
        (
            {"outcome": Outcome.UPSTREAM_ERROR, "status_code": 429, "upstream_status_code": 429},
            0,
            1,
        ),
        (
            {"outcome": Outcome.UPSTREAM_ERROR, "status_code": 400, "upstream_status_code": 400},
            0,
            0,
        ),
        (
            {"outcome": Outcome.UPSTREAM_ERROR, "status_code": 502, "upstream_status_code": None},
            1,
            0,
        ),
        # answered early
        (
            {"outcome": Outcome.UPSTREAM_ERROR, "status_code": 200, "upstream_status_code": None},
            1,
            0,
        ),
        # answered early
        (
            {"outcome": Outcome.UPSTREAM_ERROR, "status_code": 200, "upstream_status_code": 429},
            0,
            1,
        ),
        # an error in a 200
        (
            {"outcome": Outcome.UPSTREAM_ERROR, "status_code": 200, "upstream_status_code": 200},
            1,
            0,
        ),
        ({"outcome": Outcome.UPSTREAM_INTERRUPTED}, 1, 0),
        ({"outcome": Outcome.TIMED_OUT}, 1, 0),
        (
            {
                "outcome": Outcome.ABORTED,
                "status_code": None,
                "upstream_status_code": None,
                "stream": None,
            },
            1,
            0,
        ),
        ({"outcome": Outcome.CLIENT_DISCONNECTED}, 0, 0),
        (
            {
                "outcome": Outcome.CLIENT_DISCONNECTED,
                "status_code": None,
                "upstream_status_code": None,
            },
            0,
            0,
        ),
        ({"outcome": Outcome.REJECTED, "status_code": 413, "upstream_status_code": None}, 0, 0),
        ({"outcome": Outcome.REJECTED, "status_code": 503, "upstream_status_code": None}, 1, 0),
    ],
)
def test_a_fault_counts_as_failed_and_429_as_throttled(
    changes: dict[str, Any], failed: int, throttled: int
) -> None:
    """A caller's error and a disconnect count as neither."""
    summary = summarize([sample_envelope(**changes)])
    assert (summary["events"], summary["failed"], summary["throttled"]) == (1, failed, throttled)


def test_a_replay_counts_as_an_event_and_as_nothing_else() -> None:
    """It says nothing of how the service fares now."""
    assert summarize([sample_envelope(replayed=True, outcome=Outcome.TIMED_OUT)]) == {
        "events": 1,
        "replayed": 1,
        "failed": 0,
        "throttled": 0,
        "outcomes": {},
        "first_chunk_ms": [],
    }


def test_first_chunks_are_those_of_streams() -> None:
    """First-chunk times follow the order of the group, and a response that is not a stream
    has none.
    """
    assert summarize([PLAIN, sample_envelope(stream=False), sample_envelope(stream=None)])[
        "first_chunk_ms"
    ] == [100]


@pytest.mark.anyio
async def test_those_who_are_woken_together_share_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """One line for the group, with its sums; the next group has its own."""
    log = DeliveryLog()
    caplog.set_level(logging.INFO, "fnsse.delivery")
    await asyncio.gather(
        *(
            log.accepted(envelope)
            for envelope in [PLAIN, sample_envelope(outcome=Outcome.TIMED_OUT)]
        )
    )
    await log.accepted(PLAIN)
    summaries = [json.loads(line.removeprefix(PREFIX)) for line in caplog.messages]
    assert [
        (summary["events"], summary["failed"], summary["outcomes"]) for summary in summaries
    ] == [
        (2, 1, {"completed": 1, "timed_out": 1}),
        (1, 0, {"completed": 1}),
    ]


@pytest.mark.anyio
async def test_a_cancelled_invocation_loses_no_delivery(caplog: pytest.LogCaptureFixture) -> None:
    """The line is written even so, and the next group gets one too."""
    log = DeliveryLog()
    caplog.set_level(logging.INFO, "fnsse.delivery")
    first = asyncio.create_task(log.accepted(PLAIN))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    await log.accepted(PLAIN)
    assert [json.loads(line.removeprefix(PREFIX))["events"] for line in caplog.messages] == [1, 1]
