"""The HTTP functions that applications call: everything below /openai/ is relayed, and any other
route gets an error that explains itself.
"""

from __future__ import annotations

from typing import Final

import azure.functions as func
from azurefunctions.extensions.http.fastapi import Request, Response

from blueprints.access import Guard
from shared.core import api_errors
from shared.core.wire.request import routing
from shared.http.releasing_response import ReleasingResponse
from shared.relay.rejection import Rejection
from shared.relay.relay_context import RelayContext
from shared.relay.relay_response import RelayResponse

METHODS: Final = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]


def blueprint(context: RelayContext, guard: Guard) -> func.Blueprint:
    """Functions `openai` and `unknown_route`, both for callers only."""
    functions = func.Blueprint()

    @functions.function_name("openai")
    @functions.route("openai/{*path}", methods=METHODS, auth_level=guard.caller_level)
    async def openai(req: Request) -> Response:
        return ReleasingResponse(req, await guard.caller(req) or respond(req, context))

    # The host itself would answer an unknown route with an empty 404. Of two routes that match, the
    # host takes the function whose name sorts first, so this name must come after every other.
    @functions.function_name("unknown_route")
    @functions.route("{*path}", methods=METHODS, auth_level=guard.caller_level)
    async def unknown_route(req: Request) -> Response:
        return ReleasingResponse(req, await guard.caller(req) or respond(req, context))

    return functions


def _upgrade(req: Request) -> str:
    """The protocol that the request asks to be upgraded to. A WebSocket's key shows it if something
    on the way dropped `Upgrade`.
    """
    return "websocket" if "sec-websocket-key" in req.headers else req.headers.get("upgrade", "")


def respond(req: Request, context: RelayContext) -> Response:
    """The response that relays the request, or rejects it by its route."""
    scope = req.scope
    path = scope["raw_path"].decode("latin-1")
    match routing.route(scope["method"], path, upgrade=_upgrade(req)):
        case routing.WrongMethod(allowed=allowed):
            return Rejection(
                context,
                scope,
                api_errors.method_not_allowed(allowed),
                {"allow": ", ".join(allowed)},
            )
        case routing.WebSocketRequested():
            return Rejection(context, scope, api_errors.websocket())
        case routing.UnknownRoute():
            return Rejection(context, scope, api_errors.unknown_route())
        case routing.Operation() as operation:
            return RelayResponse(context, scope, operation)
