"""The actions of operators, passed on to the app's own routes (docs/reference/functions.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from shared.core.records.exchange.exchange_id import is_exchange_id
from shared.core.wire.json.json_shape import JsonObject, mapping, text
from view.server.app_client import AppClient, AppUnreachable
from view.server.query import body_of
from view.server.services import services_of

READS: Final = frozenset({"status", "reports", "dead-letters"})


def _requeue_call(body: JsonObject) -> tuple[str, str, JsonObject | None]:
    return "POST", f"dead-letters/{_exchange_id(body)}", None


def _erase_call(body: JsonObject) -> tuple[str, str, JsonObject | None]:
    return "DELETE", f"exchanges/{_exchange_id(body)}", None


# The page's word -> method, route and body of the app.
_CHANGES: Final[dict[str, Callable[[JsonObject], tuple[str, str, JsonObject | None]]]] = {
    "requeue": _requeue_call,
    "erase": _erase_call,
    "replay": lambda body: ("POST", "replay", body),
    "reconcile": lambda _body: ("POST", "reconcile", None),
}


async def read(request: Request) -> Response:
    """`status`, `reports` and `dead-letters`, as the app answers them."""
    action = request.path_params["action"]
    if action not in READS:
        raise HTTPException(404, f"{action} is not one of {', '.join(sorted(READS))}")
    app = _app(request)
    return _response(*await _call_app(app, "GET", action, query=request.url.query))


async def change(request: Request) -> Response:
    """`requeue`, `erase`, `replay` and `reconcile`."""
    action, services = request.path_params["action"], services_of(request)
    if action not in _CHANGES:
        raise HTTPException(404, f"{action} is not one of {', '.join(sorted(_CHANGES))}")
    body = await body_of(request)
    app = _app(request)
    method, path, content = _CHANGES[action](body)
    status, document = await _call_app(app, method, path, body=content)
    services.run_links.keep(document)
    if action == "erase" and (status < 300 or _code(document) == "unknown_exchange"):
        was_here = await asyncio.to_thread(services.store.remove, text(body["id"]))
        if status == 404 and was_here:
            note = "The app had nothing of it any more; it is erased from the page's own file."
            return JSONResponse({"erased": body["id"], "note": note})
    return _response(status, document)


async def run(request: Request) -> Response:
    """How far a run is that the page began; 502 if the app does not say it."""
    link = services_of(request).run_links.link(request.path_params["run"])
    if link is None:
        raise HTTPException(404, "the page did not begin this run")
    try:
        status_code, status = await _app(request).follow(link)
    except AppUnreachable as error:
        raise HTTPException(502, str(error)) from None
    if status_code >= 300:  # Durable forgets a run that was purged
        raise HTTPException(
            502, f"the app does not say how far the run is: it answered {status_code}"
        )
    names = ("runtimeStatus", "customStatus", "output", "createdTime", "lastUpdatedTime")
    return JSONResponse({name: status.get(name) for name in names})


async def _call_app(
    app: AppClient, method: str, path: str, *, query: str = "", body: JsonObject | None = None
) -> tuple[int, JsonObject]:
    try:
        return await app.call_operator_route(method, path, query=query, body=body)
    except AppUnreachable as error:
        raise HTTPException(502, str(error)) from None


def _app(request: Request) -> AppClient:
    app = services_of(request).app
    if app is None or not app.has_operator_key:
        raise HTTPException(
            501,
            "not available: start the view with --app, and an operator's key in FNSSE_OPERATOR_KEY",
        )
    return app


def _exchange_id(body: JsonObject) -> str:
    exchange_id = body.get("id")
    if not is_exchange_id(exchange_id):
        raise HTTPException(400, "id must be an exchange id")
    return exchange_id


def _response(status: int, document: JsonObject) -> Response:
    if status == 404 and _code(document) in {"", "unknown_route"}:
        document = {"error": {"message": "not available: this app has no such route"}}
    if status in {401, 403} and not mapping(document.get("error")):
        document = {"error": {"message": "the app refused the key in FNSSE_OPERATOR_KEY"}}
    # Durable's links hold the host's key
    members = {name: value for name, value in document.items() if not name.endswith("Uri")}
    return JSONResponse(members, status)


def _code(document: JsonObject) -> str:
    """The code of the app's error; "" without one."""
    return text(mapping(document.get("error")).get("code"))
