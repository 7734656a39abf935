"""Orchestrators for tests of the embedded host's engine."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df

type Steps = Generator[Any, Any, Any]


def chain(context: df.DurableOrchestrationContext) -> Steps:
    n = context.get_input()
    context.set_custom_status({"at": n})
    n = yield context.call_activity("add", n)
    context.set_custom_status({"at": n})
    n = yield context.call_activity("add", n)
    return {"n": n, "id": context.instance_id}


def naps(context: df.DurableOrchestrationContext) -> Steps:
    before = context.current_utc_datetime
    yield context.create_timer(before + timedelta(days=context.get_input()))
    return (context.current_utc_datetime - before).total_seconds()


def race(context: df.DurableOrchestrationContext) -> Steps:
    timer = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
    winner = yield context.task_any([timer, context.wait_for_external_event("go")])
    if winner is timer:
        return "timer"
    timer.cancel()
    yield context.call_activity("add", 1)
    return winner.result
