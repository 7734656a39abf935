"""The app of test_durable.py, for the embedded host and the real one: orchestrations of every kind
that is used here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from typing import Any

import azure.durable_functions as df
import azure.functions as func
from azurefunctions.extensions.http.fastapi import JSONResponse, Request, Response

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
RETRY = df.RetryOptions(first_retry_interval_in_milliseconds=300, max_number_of_attempts=3)
attempts: dict[str, int] = {}

type OrchestratorSteps = Generator[Any, Any, Any]


@app.function_name("health")
@app.route("health", methods=["GET"])
async def health(req: Request) -> Response:
    return Response("ok")


@app.function_name("start")
@app.route("start/{name}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start(req: Request, client: df.DurableOrchestrationClient) -> Response:
    body = await req.body()
    try:
        instance = await client.start_new(
            req.path_params["name"], req.query_params.get("id"), json.loads(body) if body else None
        )
    except Exception as error:  # noqa: BLE001 - the library raises nothing narrower
        return JSONResponse({"error": str(error)}, 500)
    return JSONResponse(client.create_http_management_payload(instance), 202)


@app.function_name("client")
@app.route("client/{operation}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def call_client(req: Request, client: df.DurableOrchestrationClient) -> Response:
    """Call the client library with the body's members as arguments."""
    try:
        result = await getattr(client, req.path_params["operation"])(
            **json.loads(await req.body() or b"{}")
        )
    except Exception as error:  # noqa: BLE001 - the library raises nothing narrower
        return JSONResponse({"error": str(error)}, 500)
    if isinstance(result, list):
        return JSONResponse([status.to_json() for status in result])
    if hasattr(result, "instances_deleted"):
        return JSONResponse({"deleted": result.instances_deleted})
    return JSONResponse(result.to_json() if result else {})


@app.function_name("chain")
@app.orchestration_trigger(context_name="context")
def chain(context: df.DurableOrchestrationContext) -> OrchestratorSteps:
    n = context.get_input()
    context.set_custom_status({"at": n})
    n = yield context.call_activity("add", n)
    n = yield context.call_activity("add", n)
    return {"n": n, "id": context.instance_id}


@app.function_name("fan_out")
@app.orchestration_trigger(context_name="context")
def fan_out(context: df.DurableOrchestrationContext) -> OrchestratorSteps:
    keys = [f"{context.instance_id}{i}" for i in range(4)]
    calls = [
        context.call_activity_with_retry("flaky", RETRY, {"key": key, "fail": i % 3})
        for i, key in enumerate(keys)
    ]
    first = yield context.task_all(calls)
    second = yield context.task_all([context.call_activity("add", i) for i in range(4)])
    return [first, second]


@app.function_name("exhausted")
@app.orchestration_trigger(context_name="context")
def exhaust_retries(context: df.DurableOrchestrationContext) -> OrchestratorSteps:
    return (
        yield context.call_activity_with_retry(
            "flaky", RETRY, {"key": context.instance_id, "fail": 99}
        )
    )


@app.function_name("caught")
@app.orchestration_trigger(context_name="context")
def catch_failure(context: df.DurableOrchestrationContext) -> OrchestratorSteps:
    try:
        yield context.call_activity("flaky", {"key": context.instance_id, "fail": 99})
    except Exception as error:  # noqa: BLE001 - the library raises nothing narrower
        return str(error)


@app.function_name("raises")
@app.orchestration_trigger(context_name="context")
def raises(context: df.DurableOrchestrationContext) -> OrchestratorSteps:
    yield context.call_activity("add", 1)
    raise ValueError("says no")


@app.function_name("naps")
@app.orchestration_trigger(context_name="context")
def naps(context: df.DurableOrchestrationContext) -> OrchestratorSteps:
    before = context.current_utc_datetime
    yield context.create_timer(before + timedelta(seconds=context.get_input()))
    return (context.current_utc_datetime - before).total_seconds()


@app.function_name("eternal")
@app.orchestration_trigger(context_name="context")
def eternal(context: df.DurableOrchestrationContext) -> OrchestratorSteps:
    n = context.get_input()
    context.set_custom_status({"generation": n})
    n = yield context.call_activity("add", n)
    if n < 4:
        context.continue_as_new(n)
        return None
    return n


@app.function_name("waits")
@app.orchestration_trigger(context_name="context")
def waits(context: df.DurableOrchestrationContext) -> OrchestratorSteps:
    first = yield context.wait_for_external_event("go")
    context.set_custom_status({"got": first})
    second = yield context.wait_for_external_event("go")
    return [first, second]


@app.function_name("race")
@app.orchestration_trigger(context_name="context")
def race(context: df.DurableOrchestrationContext) -> OrchestratorSteps:
    timer = context.create_timer(
        context.current_utc_datetime + timedelta(seconds=context.get_input())
    )
    event = context.wait_for_external_event("go")
    winner = yield context.task_any([timer, event])
    if winner is timer:
        return "timer"
    timer.cancel()
    return "event"


@app.function_name("slowly")
@app.orchestration_trigger(context_name="context")
def slowly(context: df.DurableOrchestrationContext) -> OrchestratorSteps:
    """The activity runs until a file is there."""
    first = yield context.call_activity("add", 0)
    return [first, (yield context.call_activity_with_retry("until", RETRY, context.get_input()))]


@app.function_name("slowly_once")
@app.orchestration_trigger(context_name="context")
def slowly_once(context: df.DurableOrchestrationContext) -> OrchestratorSteps:
    """The same without a second attempt."""
    return (yield context.call_activity("until", context.get_input()))


@app.function_name("parent")
@app.orchestration_trigger(context_name="context")
def parent(context: df.DurableOrchestrationContext) -> OrchestratorSteps:
    return (yield context.call_sub_orchestrator("chain", 1))


@app.function_name("calls_nothing")
@app.orchestration_trigger(context_name="context")
def calls_nothing(context: df.DurableOrchestrationContext) -> OrchestratorSteps:
    return (yield context.call_activity("no_such", 1))


@app.function_name("boasts")
@app.orchestration_trigger(context_name="context")
def boasts(context: df.DurableOrchestrationContext) -> OrchestratorSteps:
    context.set_custom_status("x" * context.get_input())
    return (yield context.call_activity("add", 1))


@app.function_name("add")
@app.activity_trigger(input_name="n")
async def add(n: int) -> int:
    await asyncio.sleep(0.01)
    return n + 1


@app.function_name("flaky")
@app.activity_trigger(input_name="parameters")
async def flaky(parameters: dict) -> int:  # type: ignore[type-arg]  # the library takes plain classes only
    key = parameters["key"]
    attempts[key] = attempts.get(key, 0) + 1
    if attempts[key] <= parameters["fail"]:
        raise RuntimeError(f"attempt {attempts[key]} of {key}")
    return attempts[key]


@app.function_name("until")
@app.activity_trigger(input_name="path")
async def until(path: str) -> str:
    print(f"UNTIL {path}", flush=True)  # noqa: T201 - the test looks for it in the host's output
    while not Path(path).exists():  # noqa: ASYNC110, ASYNC240 - a test makes it
        await asyncio.sleep(0.02)
    return "there"
