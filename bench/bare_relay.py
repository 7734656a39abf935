"""The smallest app that relays a stream on the Functions host, for comparison.

Microseconds differ from machine to machine, and more between kernels than between programs. So the
benchmark sends the same loads through this app, on the same host and in the same run: it passes
bytes on and does nothing else. The difference is what fnsse adds.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import azure.functions as func
import httpx
from azurefunctions.extensions.http.fastapi import Request, Response, StreamingResponse
from httpx_aiohttp import HttpxAiohttpClient

_PASSED: Final = ("content-type", "x-stand-in")
_POOL: Final = httpx.Limits(max_connections=1000, max_keepalive_connections=1000)
_HOST_JSON: Final = {"version": "2.0", "extensions": {"http": {"routePrefix": ""}}}

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@functools.cache
def _upstream() -> httpx.AsyncClient:
    return HttpxAiohttpClient(timeout=60, limits=_POOL)


@app.function_name("relay")
@app.route("openai/deployments/{deployment}/chat/completions", methods=["POST"])
async def relay(req: Request) -> StreamingResponse:
    """Relay the request and its response."""
    url = f"{os.environ['AZURE_OPENAI_BASE_URL']}{req.url.path}?{req.url.query}"
    headers = {name: req.headers[name] for name in _PASSED if name in req.headers} | {
        "api-key": os.environ["AZURE_OPENAI_KEY"]
    }
    request = _upstream().build_request("POST", url, content=await req.body(), headers=headers)
    response = await _upstream().send(request, stream=True)
    return StreamingResponse(
        _pieces(response), response.status_code, {"content-type": response.headers["content-type"]}
    )


@app.function_name("health")
@app.route("health", methods=["GET"])
async def health(req: Request) -> Response:
    """Tell the local stack that the host serves."""
    return Response()


async def _pieces(response: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in response.aiter_raw():
            yield piece
    finally:
        await response.aclose()


def lay_out(folder: Path) -> Path:
    """Write what a Functions host needs to serve this app into `folder`, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "host.json").write_text(json.dumps(_HOST_JSON))
    (folder / "function_app.py").write_text(f"from {__name__} import app\n")
    return folder
