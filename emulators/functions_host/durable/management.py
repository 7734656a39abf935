"""The management URLs and the client library's endpoint: the same responses at two addresses, as on
the real host.

Statuses and bodies: Microsoft.Azure.WebJobs.Extensions.DurableTask.HttpApiHandler
(Azure/azure-functions-durable-extension), each seen on the real host.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from emulators.functions_host.durable import query
from emulators.functions_host.durable.engine import AlreadyExists, Engine
from emulators.functions_host.durable.instance import FAILED, Instance, status_json
from emulators.functions_host.durable.links import Links
from emulators.functions_host.worker_library import Receive, Scope, Send

type _Handler = Callable[[Request, re.Match[str]], Awaitable[Response]]


class Management:
    """The ASGI app of both addresses."""

    def __init__(self, engine: Engine, links: Links) -> None:
        self._engine = engine
        self._links = links
        self._routes: tuple[tuple[str, re.Pattern[str], _Handler], ...] = (
            ("POST", re.compile(r"orchestrators/([^/]+)(?:/([^/]+))?/?"), self._start),
            ("GET", re.compile(r"instances/?"), self._list),
            ("DELETE", re.compile(r"instances/?"), self._purge_many),
            ("GET", re.compile(r"instances/([^/]+)/?"), self._status),
            ("DELETE", re.compile(r"instances/([^/]+)/?"), self._purge),
            ("POST", re.compile(r"instances/([^/]+)/terminate/?"), self._terminate),
            (
                "POST",
                re.compile(r"instances/([^/]+)/raiseEvent/([^/]+)/?", re.IGNORECASE),
                self._raise_event,
            ),
            (
                "POST",
                re.compile(r"instances/[^/]+/(rewind|restart|suspend|resume)/?"),
                self._reject,
            ),
            ("GET", re.compile(r"(entities)(?:/.*)?"), self._reject),
            ("POST", re.compile(r"(entities)(?:/.*)?"), self._reject),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive)
        _, _, path = scope["path"].partition("/durabletask/")
        for method, pattern, handler in self._routes:
            match = pattern.fullmatch(path)
            if match and method == request.method:
                response = await handler(request, match)
                break
        else:
            response = Response(status_code=404)
        await response(scope, receive, send)

    async def _start(self, request: Request, match: re.Match[str]) -> Response:
        if "version" in request.query_params:
            return _unsupported_operation("Orchestration versions")
        body = (await request.body()).decode()
        if not _is_json(body or "null"):
            return _bad_json(body)
        try:
            instance = self._engine.start(match[1], match[2], body or None)
        except AlreadyExists as error:
            return _json({"Message": str(error)}, 409)
        links = dict(
            self._links.of(instance.instance_id, f"{request.url.scheme}://{request.url.netloc}")
        )
        del links["rewindPostUri"]  # not in this response of the real host
        return _json(links, 202, {"location": links["statusQueryGetUri"], "retry-after": "10"})

    async def _status(self, request: Request, match: re.Match[str]) -> Response:
        if query.flag(request, "showHistory"):
            return _unsupported_operation("showHistory")
        instance = self._engine.find(match[1])
        if instance is None:
            return Response(status_code=404)
        body = status_json(instance, show_input=query.flag(request, "showInput", default=True))
        if instance.active:
            return _json(body, 202, {"location": str(request.url), "retry-after": "5"})
        as_error = instance.status == FAILED and query.flag(
            request, "returnInternalServerErrorOnFailure"
        )
        return _json(body, 500 if as_error else 200)

    async def _list(self, request: Request, _: re.Match[str]) -> Response:
        selection = query.InstanceFilter.parse(request)
        chosen = [
            status_json(instance) for instance in self._engine.all() if selection.takes(instance)
        ]
        return _json(chosen[: selection.top], 200, {"x-ms-continuation-token": ""})

    async def _purge(self, _: Request, match: re.Match[str]) -> Response:
        instance = self._engine.find(match[1])
        if instance is None:
            return Response(status_code=404)
        if instance.active:
            return _json(
                "Only orchestrations in a terminal state can be purged, but the orchestration with instance ID "
                f"{instance.instance_id} has status {instance.status}",
                412,
            )
        self._engine.purge(instance)
        return _json({"instancesDeleted": 1})

    async def _purge_many(self, request: Request, _: re.Match[str]) -> Response:
        if not request.query_params.get("createdTimeFrom"):
            return _json("Please provide value for 'createdTimeFrom' parameter.", 400)
        selection = query.InstanceFilter.parse(request)
        chosen = [
            instance
            for instance in self._engine.all()
            if not instance.active and selection.takes(instance)
        ]
        for instance in chosen:
            self._engine.purge(instance)
        return _json({"instancesDeleted": len(chosen)}) if chosen else Response(status_code=404)

    async def _terminate(self, request: Request, match: re.Match[str]) -> Response:
        def end(instance: Instance) -> None:
            self._engine.terminate(instance, request.query_params.get("reason", ""))

        return self._to_active(match[1], end)

    async def _raise_event(self, request: Request, match: re.Match[str]) -> Response:
        if not request.headers.get("content-type", "").startswith("application/json"):
            return _json({"Message": "Only application/json request content is supported"}, 400)
        body = (await request.body()).decode()
        if not _is_json(body):
            return _bad_json(body)
        # The client library encodes its input twice; the real host passes it on unchanged.
        return self._to_active(
            match[1], lambda instance: self._engine.raise_event(instance, match[2], body)
        )

    def _to_active(self, instance_id: str, act: Callable[[Instance], None]) -> Response:
        instance = self._engine.find(instance_id)
        if instance is None:
            return Response(status_code=404)
        if not instance.active:
            return Response(status_code=410)
        act(instance)
        return Response(status_code=202)

    async def _reject(self, _: Request, match: re.Match[str]) -> Response:
        return _unsupported_operation(f"Durable Functions' {match[1]}")


def _json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Response(
        text, status, {"content-type": "application/json; charset=utf-8", **(headers or {})}
    )


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _bad_json(text: str) -> Response:
    return _json(
        {"Message": "Invalid JSON content", "ExceptionMessage": f"Not JSON: {text[:100]!r}"}, 400
    )


def _unsupported_operation(operation: str) -> Response:
    return _json(
        {
            "Message": f"{operation} is not supported by the embedded Functions host; use `func start` for it"
        },
        501,
    )
