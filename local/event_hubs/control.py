"""The HTTP control port: health, behaviour, statistics."""

from typing import Any

from aiohttp import web

from local.event_hubs.namespace import Namespace, PublicationMode, UnwantedEvents

_MODES = ", ".join(f'"{mode}"' for mode in PublicationMode)


def control_app(namespace: Namespace) -> web.Application:
    """GET /health, GET /stats, PUT /behaviour with {"mode": "accept" | "reject" | "stall"}.

    Behaviour may also hold `"unwanted": {"text": "…", "condition": "amqp:not-allowed"}`, which
    rejects publications that contain the text.
    """

    async def health(_: web.Request) -> web.Response:
        return web.json_response({"status": "ready"})

    async def stats(_: web.Request) -> web.Response:
        return web.json_response(namespace.statistics())

    async def behaviour(request: web.Request) -> web.Response:
        try:
            behaviour = await request.json()
            mode, unwanted = (
                PublicationMode(behaviour["mode"]),
                _unwanted(behaviour.get("unwanted")),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            return web.json_response(
                {"error": f'send {{"mode": …}} with one of {_MODES}'}, status=400
            )
        namespace.set_mode(mode, unwanted)
        return web.json_response({"mode": mode})

    app = web.Application()
    app.add_routes(
        [web.get("/health", health), web.get("/stats", stats), web.put("/behaviour", behaviour)]
    )
    return app


def _unwanted(behaviour: Any) -> UnwantedEvents | None:
    return (
        None
        if behaviour is None
        else UnwantedEvents(text=behaviour["text"].encode(), condition=behaviour["condition"])
    )
