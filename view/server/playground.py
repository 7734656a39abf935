"""The playground: a prompt of the page's, sent through the proxy; the answer is relayed as it
comes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import quote

import httpx
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from shared.core.wire.http.headers import EXCHANGE_ID_HEADER
from shared.core.wire.json.json_shape import Json, JsonObject, text
from shared.core.wire.operations import CHAT_COMPLETIONS
from view.server.app_client import AppUnreachable
from view.server.closing_response import ClosingResponse
from view.server.faults import BY_NAME
from view.server.query import body_of
from view.server.services import Services, services_of

DEFAULT_DEPLOYMENT: Final = "gpt-4o"
API_VERSION: Final = "2024-10-21"
_PASSED: Final = ("content-type", EXCHANGE_ID_HEADER, "retry-after")
_TOOL: Final[JsonObject] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a place",
        "parameters": {
            "type": "object",
            "properties": {"place": {"type": "string"}},
            "required": ["place"],
        },
    },
}


async def ask(request: Request) -> Response:
    """Relay the proxy's response to a prompt."""
    services = services_of(request)
    if services.app is None:
        raise HTTPException(501, "not available: start the view with --app")
    form = await body_of(request)
    path = CHAT_COMPLETIONS.deployment_path(_deployment(services, form))
    try:
        response = await services.app.call(f"{path}?api-version={API_VERSION}", _chat(form))
    except AppUnreachable as error:
        raise HTTPException(502, str(error)) from None
    headers = {name: response.headers[name] for name in _PASSED if name in response.headers}
    return ClosingResponse(
        _body(response), response.aclose, status_code=response.status_code, headers=headers
    )


async def _body(response: httpx.Response) -> AsyncIterator[bytes]:
    """A stream that breaks off ends here as well: its error event says what happened."""
    try:
        async for piece in response.aiter_bytes():
            yield piece
    except httpx.HTTPError:
        return


def _deployment(services: Services, form: JsonObject) -> str:
    name = text(form.get("deployment")) or next(
        iter(services.options.deployments), DEFAULT_DEPLOYMENT
    )
    fault = form.get("fault")
    if not fault:
        return quote(name, safe="")
    if services.options.mode != "local" or fault not in BY_NAME:
        raise HTTPException(400, "the stand-in has no such fault")
    return quote(f"{name}--{BY_NAME[str(fault)].directives}", safe="-=,")


def _chat(form: JsonObject) -> JsonObject:
    prompt = text(form.get("prompt"))
    if not prompt:
        raise HTTPException(400, "prompt must be a text")
    messages: list[Json] = [{"role": "user", "content": prompt}]
    body: JsonObject = {"messages": messages, "stream": form.get("stream") is not False}
    return body | ({"tools": [_TOOL]} if form.get("tools") is True else {})
