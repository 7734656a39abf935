"""A share of what `make prove` does in full: faults under load, then a comparison of the clients'
observations with the events.
"""

from __future__ import annotations

from typing import Final

import pytest

from local.stack import FunctionsHost
from prove.azurite_killed import azurite_killed
from prove.dropped_responses import drop_responses
from prove.empty_responses import empty_responses
from prove.kills import kill_at_random_moments
from prove.large_prompts import large_prompts
from prove.memory import window_memory
from prove.outages import storage_down
from prove.policies import policies
from prove.queue_faults import unruly_queue
from prove.random_faults import random_faults
from prove.reconciles_at_once import reconciles_at_once
from prove.replays import replay_through_a_kill
from prove.result import ProofResult
from prove.stopped_in_outage import stopped_in_outage

pytestmark = [
    pytest.mark.thorough,
    # The Event Hubs SDK leaves a socket unclosed now and then when its peer is killed.
    pytest.mark.filterwarnings("ignore:unclosed <socket.socket:ResourceWarning"),
]

_SEED: Final = 4  # the first moments are "during enrichment" and "between send and ledger append"


def silent(_: str) -> None:
    """No progress is shown."""


def hold(result: ProofResult, *expected: str) -> None:
    """Nothing is broken, and something happened: each of these counts is above zero."""
    result.require()
    assert all(result.counts[name] for name in expected), result.counts


# A killed func keeps its queue messages and its orchestrations for one minute and more: `make
# prove` waits for them.
_HOSTS: Final = ["embedded", pytest.param("func", marks=pytest.mark.slow)]


@pytest.mark.parametrize("functions_host", _HOSTS, indirect=True)
def test_kills_lose_nothing(functions_host: FunctionsHost) -> None:
    """With CAPTURE_POLICY=required, every exchange that the upstream saw is on the Event Hub after
    restart and reconcile.
    """
    kills = {"embedded": 2, "func": 1}[functions_host]
    result = kill_at_random_moments(
        functions_host, "required", kills=kills, seed=_SEED, progress=silent, clients=5
    )
    hold(result, "exchanges that the upstream saw", "aborted ones redelivered by reconcile")


@pytest.mark.parametrize("functions_host", _HOSTS, indirect=True)
def test_a_replay_goes_on_after_its_host_was_killed(functions_host: FunctionsHost) -> None:
    hold(
        replay_through_a_kill(functions_host, exchanges=5, seed=_SEED, progress=silent),
        "events with `replayed`",
    )


@pytest.mark.slow
def test_storage_that_refuses_loses_nothing() -> None:
    """Storage that refuses everything touches no response and loses nothing."""
    hold(
        storage_down("embedded", "both refuse", down_s=3, seed=_SEED, progress=silent, clients=4),
        "exchanges that clients began",
    )


@pytest.mark.slow
def test_responses_of_storage_may_be_lost_and_nobody_notices() -> None:
    """This holds with CAPTURE_POLICY=required as well, which asks storage before it calls an end
    lost.
    """
    result = drop_responses(
        "embedded", "required", seconds_each=1.5, seed=_SEED, progress=silent, clients=5
    )
    hold(result, "exchanges that clients began")


@pytest.mark.slow
def test_an_instance_stopped_in_an_outage() -> None:
    """An instance that is stopped in an outage leaves envelopes in its log."""
    result = stopped_in_outage("embedded", "best_effort", calls=4, progress=silent)
    hold(result, "envelopes in the log")


@pytest.mark.slow
def test_large_prompts_leave_a_trace_before_they_go_upstream() -> None:
    result = large_prompts("embedded", "required", kills=2, seed=_SEED, progress=silent)
    hold(result, "aborted ones redelivered by reconcile")


def test_responses_without_a_body() -> None:
    """With `required` a response without a body ends as it should: it has no end to hold, and no
    client disconnected before it.
    """
    hold(
        empty_responses("embedded", "required", repetitions=1, progress=silent), "outcome completed"
    )


@pytest.mark.slow
def test_ten_reconciles_at_once_start_one() -> None:
    result = reconciles_at_once("embedded", rounds=1, exchanges=5, progress=silent)
    hold(result, "runs started")


def test_killed_storage() -> None:
    """Storage that is killed loses only what it had acknowledged too early, as Azurite does and
    Azure does not.
    """
    result = azurite_killed(
        "embedded", down_s=1, seed=_SEED, progress=silent, clients=3, before_s=3
    )
    hold(result, "exchanges that clients began", "exchanges on the Event Hub")


def test_required_lets_nothing_go_upstream_before_it_is_captured() -> None:
    """`best_effort` leaves a trace of each exchange that was not killed, soon after its request."""
    result = policies("embedded", exchanges=8, rounds=1, seed=_SEED, progress=silent, clients=2)
    hold(result, "exchanges with each policy")


def test_a_queue_may_repeat_mix_up_and_hold_garbage() -> None:
    hold(unruly_queue("embedded", exchanges=8, seed=_SEED, progress=silent), "discarded as garbage")


def test_the_report_adds_up_after_random_faults() -> None:
    result = random_faults(
        "embedded", exchanges=50, seed=_SEED, progress=silent, clients=6, calm_s=(0.1, 0.5)
    )
    hold(result, "reconcile's report: captured and delivered")
    assert any(name.startswith("faults") for name in result.counts)


@pytest.mark.parametrize("exchanges", [50_000])
def test_a_large_window_takes_little_memory(exchanges: int) -> None:
    result = window_memory(exchanges=exchanges, progress=silent)
    hold(result, "found missing and redelivered")
    assert float(result.counts["MB more than before"]) < 15
