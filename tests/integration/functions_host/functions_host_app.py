"""The app that test_functions_host.py serves on both hosts; copied to a scratch folder as
function_app.py.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any, cast

import azure.functions as func
import starlette.responses
from azurefunctions.extensions.http.fastapi import (
    JSONResponse,
    Request,
    Response,
    StreamingResponse,
)
from starlette.types import Receive, Scope, Send

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
METHODS = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"]


def report(what: str, **facts: object) -> None:
    """Write a line that the test can wait for."""
    sys.stdout.write(f"{what} {json.dumps(facts)}\n")
    sys.stdout.flush()


atexit.register(report, "ATEXIT")
if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
    signal.signal(signal.SIGTERM, lambda *_: report("SIGNALLED"))


@app.route(route="health", methods=["GET"])
async def health(req: Request) -> Response:
    """Answer at once."""
    return Response(b"ok")


@app.function_name("zz_inspect")
@app.route(route="{*path}", methods=METHODS)
async def inspect(req: Request) -> Response:
    """Answer with the request as the app sees it."""
    headers = [[name.decode(), value.decode()] for name, value in req.scope["headers"]]
    raw_path, query = req.scope["raw_path"].decode(), req.scope["query_string"].decode()
    request = {
        "raw_path": raw_path,
        "query": query,
        "headers": headers,
        "parameters": req.path_params,
    }
    return JSONResponse({**request, "body_bytes": len(await req.body())})


@app.route(route="items/{id}", methods=["GET"])
async def first_by_name(req: Request) -> Response:
    """Match the paths of `second_by_name` as well."""
    return JSONResponse({"function": "first_by_name", "parameters": req.path_params})


@app.route(route="items/literal", methods=["GET"])
async def second_by_name(req: Request) -> Response:
    """Return a response that no call gets: the other function's name goes first."""
    return JSONResponse({"function": "second_by_name"})


@app.route(route="stream", methods=["GET"])
async def stream(req: Request) -> Response:
    """Send n chunks, one every s seconds; report when the client has disconnected."""

    async def chunks() -> AsyncIterator[bytes]:
        try:
            for index in range(int(req.query_params["n"])):
                yield f"data: {index}\n\n".encode()
                await asyncio.sleep(float(req.query_params["s"]))
        except asyncio.CancelledError:
            report("CANCELLED")
            raise
        report("STREAMED")

    return StreamingResponse(
        chunks(), media_type="text/event-stream", headers={"connection": "close", "x-kept": "yes"}
    )


class WaitsForDisconnect(starlette.responses.Response):
    """Begins a body, then waits until `receive` reports the disconnect."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the response."""
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-type", b"text/plain")],
            }
        )
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass
        report("DISCONNECTED")


@app.route(route="disconnect", methods=["GET"])
async def disconnect(req: Request) -> Response:
    """Report when the client has disconnected."""
    return WaitsForDisconnect()


@app.route(route="upload", methods=["POST"])
async def upload(req: Request) -> Response:
    """Tell when the first piece of the body is here."""
    pieces = 0
    async for piece in req.stream():
        if piece and not pieces:
            report("UPLOADING")
        pieces += bool(piece)
    return JSONResponse({"pieces": pieces})


@app.route(route="raises", methods=["GET"])
async def raises(req: Request) -> Response:
    """Fail before the response begins."""
    raise ValueError("on purpose")


@app.route(route="breaks", methods=["GET"])
async def breaks(req: Request) -> Response:
    """Fail in the middle of the response."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b"begun"
        await asyncio.sleep(0.1)
        raise ValueError("in the middle")

    return StreamingResponse(chunks())


@app.route(route="kept", methods=["GET"])
async def count_kept_requests(req: Request) -> Response:
    """Answer how many HTTP requests the worker library still keeps."""
    http_v2 = sys.modules["azure_functions_runtime.http_v2"]
    return JSONResponse(len(http_v2.http_coordinator._context_references))


@app.queue_trigger(arg_name="msg", queue_name="%WORK_QUEUE%", connection="WORK_STORAGE")
async def work(msg: func.QueueMessage) -> None:
    """Log the message; fail or take time if the message says so."""
    text = msg.get_body().decode()
    times = [
        moment.isoformat()
        for moment in (msg.insertion_time, msg.expiration_time, msg.time_next_visible)
        if moment
    ]
    report(
        "WORK",
        text=text,
        id=msg.id,
        attempt=msg.dequeue_count,
        times=times,
        receipt=bool(msg.pop_receipt),
    )
    if "fail" in text:
        raise RuntimeError("as the message asks")
    if text.startswith("take "):
        await asyncio.sleep(float(text.removeprefix("take ")))
        report("WORKED", text=text)


@app.queue_trigger(arg_name="msg", queue_name="never-made", connection="")
async def waits_in_vain(msg: func.QueueMessage) -> None:
    """A trigger that never runs, because its queue does not exist."""


@app.timer_trigger(arg_name="timer", schedule="%EVERY_SECOND%", run_on_startup=False)
async def tick(timer: func.TimerRequest) -> None:
    """Tell each tick."""
    report("TICK", **cast("Any", timer).to_dict())
