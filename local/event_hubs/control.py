"""The HTTP control port: health, behaviour, statistics."""

from aiohttp import web

from local.event_hubs.namespace import Mode, Namespace

_MODES = ", ".join(f'"{mode}"' for mode in Mode)


def control_app(namespace: Namespace) -> web.Application:
    """GET /health, GET /stats, PUT /behaviour with {"mode": "accept" | "reject" | "stall"}."""

    async def health(_: web.Request) -> web.Response:
        return web.json_response({"status": "ready"})

    async def stats(_: web.Request) -> web.Response:
        return web.json_response(namespace.statistics())

    async def behaviour(request: web.Request) -> web.Response:
        try:
            mode = Mode((await request.json())["mode"])
        except (ValueError, KeyError, TypeError):
            return web.json_response({"error": f'send {{"mode": …}} with one of {_MODES}'}, status=400)
        namespace.set_mode(mode)
        return web.json_response({"mode": mode})

    app = web.Application()
    app.add_routes([web.get("/health", health), web.get("/stats", stats), web.put("/behaviour", behaviour)])
    return app
