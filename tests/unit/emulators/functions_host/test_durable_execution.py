"""Orchestrators on the embedded host's engine: the library's own state machine must agree with
ours.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import pytest

from emulators.functions_host.durable.events import timestamp
from emulators.functions_host.durable.execution import NonDeterministic
from emulators.functions_host.durable.orchestrator_state import UnsupportedAction
from tests.support.orchestrations import (
    START,
    OrchestrationRun,
    assert_deterministic,
    run,
    state_of,
)
from tests.unit.emulators.functions_host.orchestrators import Steps, chain, naps, race

RETRY = df.RetryOptions(first_retry_interval_in_milliseconds=300, max_number_of_attempts=3)


class FlakyActivity:
    """An activity that fails so many times for each key."""

    def __init__(self) -> None:
        self.attempts: dict[str, int] = {}

    def __call__(self, parameters: dict[str, Any]) -> int:
        key = parameters["key"]
        self.attempts[key] = self.attempts.get(key, 0) + 1
        if self.attempts[key] <= parameters["fail"]:
            raise RuntimeError(f"attempt {self.attempts[key]}")
        return self.attempts[key]


def kinds(recorded: OrchestrationRun) -> str:
    short = {"EXECUTION_STARTED": "begin", "TASK_SCHEDULED": "call", "TASK_COMPLETED": "done", "TASK_FAILED": "fail",
             "TIMER_CREATED": "wait", "TIMER_FIRED": "fire", "EVENT_RAISED": "event"}  # fmt: skip
    return " ".join(
        short[name] + (str(number) if number >= 0 else "") for name, number in recorded.history()
    )


def test_activities_follow_each_other() -> None:
    """Each result reaches the orchestrator, and the input that a client encodes twice arrives
    decoded.
    """
    recorded = run(chain, 1, {"add": lambda n: n + 1})

    assert (recorded.instance.status, recorded.instance.output) == (
        "Completed",
        {"n": 3, "id": "an-instance"},
    )
    assert recorded.instance.custom_status == {"at": 2}
    assert recorded.calls == [("add", 1), ("add", 2)]
    assert kinds(recorded) == "begin call0 done0 call1 done1"


def fan_out(context: df.DurableOrchestrationContext) -> Steps:
    flaky = [
        context.call_activity_with_retry("flaky", RETRY, {"key": str(i), "fail": i % 3})
        for i in range(4)
    ]
    first = yield context.task_all(flaky)
    second = yield context.task_all([context.call_activity("add", i) for i in range(2)])
    return [first, second]


def test_retries_take_the_ids_that_the_library_expects() -> None:
    """A timer after each failure, another task after each timer; what follows them still finds its
    results.
    """
    recorded = run(fan_out, activities={"flaky": FlakyActivity(), "add": lambda n: n + 1})

    assert recorded.instance.output == [[1, 2, 3, 1], [1, 2]]
    assert kinds(recorded) == (
        "begin call0 call1 call2 call3 done0 fail1 wait4 fail2 wait5 done3 fire4 call6 done6 "
        "fire5 call7 fail7 wait8 fire8 call9 done9 call10 call11 done10 done11"
    )


def exhaust_retries(context: df.DurableOrchestrationContext) -> Steps:
    return (yield context.call_activity_with_retry("flaky", RETRY, {"key": "a", "fail": 99}))


def test_a_retry_that_gives_up_waits_once_more() -> None:
    """The history is the real host's, event for event: after the last failure a timer of no time
    (recorded there).
    """
    recorded = run(exhaust_retries, activities={"flaky": FlakyActivity()})

    assert (
        kinds(recorded) == "begin call0 fail0 wait1 fire1 call2 fail2 wait3 fire3 call4 fail4 wait5"
    )
    assert recorded.instance.status == "Failed"
    assert recorded.instance.output.startswith(
        "Orchestrator function 'orchestrator' failed: RuntimeError: attempt 3"
    )
    assert recorded.now - START == timedelta(milliseconds=3 * 100 + 2 * 300)


def catch_failure(context: df.DurableOrchestrationContext) -> Steps:
    try:
        yield context.call_activity_with_retry("flaky", RETRY, {"key": "a", "fail": 99})
    except Exception as error:  # noqa: BLE001 - the library raises nothing narrower
        again = yield context.call_activity("add", 1)
        return [str(error), again]


def test_what_follows_an_exhausted_retry_has_the_right_id() -> None:
    """The last timer's id is taken, though nothing waits for it any more."""
    recorded = run(catch_failure, activities={"flaky": FlakyActivity(), "add": lambda n: n + 1})

    assert recorded.instance.output == ["RuntimeError: attempt 3 \n ", 2]


@pytest.mark.parametrize("days", [0, 1, 30])
def test_a_timer_moves_the_orchestrators_clock(days: int) -> None:
    """A timer may be of any length, unlike in Azure's queues."""
    recorded = run(naps, days)

    assert recorded.instance.output == days * 86_400
    assert len(recorded.turns) == 2


def test_an_event_wins_over_a_timer_which_is_cancelled() -> None:
    """The cancelled timer is waited for no more."""
    recorded = run(race, activities={"add": lambda n: n + 1}, raised={"go": {"k": 1}})

    assert recorded.instance.output == {"k": 1}
    assert not recorded.instance.execution.timers
    assert run(race).instance.output == "timer"


def eternal(context: df.DurableOrchestrationContext) -> Steps:
    n = context.get_input()
    context.set_custom_status({"generation": n})
    n = yield context.call_activity("add", n)
    if n < 4:
        context.continue_as_new(n)
        return None
    return n


def test_continue_as_new_begins_a_short_history_with_a_new_input() -> None:
    """The history is the last generation's alone, and so is the time of creation, as on the real
    host.
    """
    recorded = run(eternal, 1, {"add": lambda n: n + 1})
    start = START + timedelta(milliseconds=200)

    assert recorded.instance.output == 4
    assert recorded.instance.data == '"3"'
    assert recorded.instance.created == timestamp(start)
    assert kinds(recorded) == "begin call0 done0"
    assert [name for name, _ in recorded.calls] == ["add"] * 3


def leaves_an_activity(context: df.DurableOrchestrationContext) -> Steps:
    slow = context.call_activity("slow", context.get_input())
    first = yield context.task_any([slow, context.wait_for_external_event("go")])
    if first is not slow:
        context.continue_as_new(None)
        return None
    return "slow"


def test_what_an_old_generation_waited_for_is_dropped() -> None:
    """Its activity's result would have the id of another task in the new generation."""
    recorded = run(leaves_an_activity, "x", {"slow": lambda data: data}, raised={"go": 1}, turns=2)
    old = recorded.turns[0].context["history"][1]["OrchestrationInstance"]["ExecutionId"]

    assert recorded.instance.execution.execution_id != old
    assert not recorded.instance.execution.activities
    assert recorded.instance.data == '"null"'


def test_a_raising_orchestrator_fails_with_its_message() -> None:
    """The real host does the same."""

    def raises(context: df.DurableOrchestrationContext) -> Steps:
        context.set_custom_status("about to")
        yield context.call_activity("add", 1)
        raise ValueError("says no")

    recorded = run(raises, activities={"add": lambda n: n})

    assert recorded.instance.output == "Orchestrator function 'orchestrator' failed: says no"
    assert recorded.instance.custom_status == "about to"


def test_custom_status_is_cleared_if_a_run_sets_none() -> None:
    """It belongs to the run."""

    def forgets(context: df.DurableOrchestrationContext) -> Steps:
        yield context.call_activity("add", 1)
        if not context.is_replaying:
            context.set_custom_status(None)

    assert run(forgets, activities={"add": lambda n: n}).instance.custom_status is None


def test_sub_orchestrations_and_entities_are_refused_by_name() -> None:
    """The message names the unsupported feature and a host that has it."""

    def parent(context: df.DurableOrchestrationContext) -> Steps:
        yield context.call_sub_orchestrator("chain", 1)

    def entity(context: df.DurableOrchestrationContext) -> Steps:
        yield context.call_entity(df.EntityId("counter", "a"), "get")

    with pytest.raises(
        UnsupportedAction, match=r"Sub-orchestrations are not supported .*func start"
    ):
        run(parent)
    with pytest.raises(UnsupportedAction, match="Calling an entity is not supported"):
        run(entity)


def test_an_orchestrator_that_changes_its_mind_is_found_out() -> None:
    """DurableTask does the same. Otherwise a replay after a restart could mix up results."""
    moods = iter(["add", "subtract"])

    def moody(context: df.DurableOrchestrationContext) -> Steps:
        yield context.call_activity(next(moods), 1)

    with pytest.raises(
        NonDeterministic, match="action 1 was 'activity add' and is now 'activity subtract'"
    ):
        run(moody, activities={"add": lambda n: n})


@pytest.mark.parametrize("orchestrate", [chain, fan_out, exhaust_retries, catch_failure, eternal])
def test_histories_replay_to_the_same_states(orchestrate: Any) -> None:
    """Event by event."""
    recorded = run(orchestrate, 1, {"flaky": FlakyActivity(), "add": lambda n: n + 1})

    assert_deterministic(orchestrate, recorded)
    assert recorded.turns[-1].context["isReplaying"]
    assert state_of(orchestrate, recorded.turns[0].context) == recorded.turns[0].state
