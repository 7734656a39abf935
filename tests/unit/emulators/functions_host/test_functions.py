"""Indexed functions become triggers, and unsupported ones are rejected."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from emulators.functions_host.functions import sort_functions
from emulators.functions_host.unsupported import StartError, Unsupported
from emulators.functions_host.worker_library import IndexedFunction


def index(name: str, *bindings: Mapping[str, object], retries: bool = False) -> IndexedFunction:
    return IndexedFunction(name=name, function_id=name, bindings=bindings, has_retry_policy=retries)


QUEUE = {"type": "queueTrigger", "name": "msg", "queueName": "%Q%", "connection": "C"}
TIMER = {"type": "timerTrigger", "name": "t", "schedule": "%S%"}
HTTP = {"type": "httpTrigger", "name": "req", "methods": ["GET"], "route": "a/{b}"}
ANSWER = {"type": "http", "name": "$return"}


def test_each_trigger_takes_what_its_binding_says() -> None:
    """Names in percent signs are resolved, queue names are lower case, a route without a template
    is the function's name.
    """
    functions = sort_functions(
        [
            index("q", QUEUE),
            index("t", TIMER),
            index("h", HTTP, ANSWER),
            index("n", {**HTTP, "route": None}, ANSWER),
        ],
        {"Q": "Envelopes", "S": "0 * * * * *"},
        "api",
    )

    assert [(queue.queue_name, queue.connection, queue.binary) for queue in functions.queue] == [
        ("envelopes", "C", False)
    ]
    assert [(timer.schedule, timer.run_on_startup) for timer in functions.timer] == [
        ("0 * * * * *", False)
    ]
    assert [http.route.template for http in functions.http] == ["api/a/{b}", "api/n"]


@pytest.mark.parametrize(
    "binding", ["blobTrigger", "eventHubTrigger", "entityTrigger", "queue", "table"]
)
def test_an_unknown_binding_is_refused(binding: str) -> None:
    """The binding and its function are named."""
    with pytest.raises(Unsupported, match=f"binding {binding}.* of function f"):
        sort_functions([index("f", TIMER, {"type": binding, "name": "x"})], {"S": "x"}, "")


def test_everything_refused_is_named_at_once() -> None:
    """One start shows all of it, Durable by its name, retry policies too."""
    with pytest.raises(
        Unsupported,
        match=r"entityTrigger \(Durable Functions\) of function a, the retry policy of function b",
    ):
        sort_functions(
            [index("a", {"type": "entityTrigger"}), index("b", TIMER, retries=True)], {}, ""
        )


def test_a_missing_setting_is_named() -> None:
    """A queue name or schedule that does not resolve ends the start."""
    with pytest.raises(StartError, match="app setting S"):
        sort_functions([index("t", TIMER)], {}, "")


@pytest.mark.parametrize(
    "name", ["AzureWebJobs.t.Disabled", "AzureWebJobs_t_Disabled", "AZUREWEBJOBS.T.DISABLED"]
)
def test_a_disabled_function_is_left_out(name: str) -> None:
    """A disabled function is not checked, so it may lack what others need."""
    assert sort_functions([index("t", TIMER)], {name: "true"}, "").timer == ()
