"""The HTTP trigger: an ASGI app in front of the library's own, which changes a request as the real
host does.

It adds no work per chunk: `send` and `receive` are passed through, except for the size limit of a
body of unknown length. Header rules: seen on the real host (Kestrel, then YARP's default
transforms), and compared with it by tests/integration/functions_host/test_functions_host.py.
"""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections.abc import Awaitable, Iterable, Mapping, MutableMapping
from typing import Any, Final

from emulators.functions_host.body_limit import MAX_REQUEST_BODY_BYTES, LimitedBody, answer_empty
from emulators.functions_host.durable.links import WEBHOOKS
from emulators.functions_host.functions import HttpFunction
from emulators.functions_host.invocations import Finish, Invocations
from emulators.functions_host.path_encoding import (
    BadPathError,
    decode_path,
    encode_path,
    normalise_query,
)
from emulators.functions_host.routes import RouteTable
from emulators.functions_host.worker_library import (
    AsgiApp,
    Invocation,
    InvocationResult,
    Receive,
    Scope,
    Send,
    TypedData,
    WorkerLibrary,
)  # fmt: skip
from shared.core.wire.http.headers import RawHeaders

_REASON: Final = "This function was programmatically called via the host APIs."
# Hop-by-hop headers that YARP does not pass on (RequestUtilities.ShouldSkipRequestHeader in
# dotnet/yarp), and those replaced.
_NOT_PASSED: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-authorization", b"proxy-authenticate", b"proxy-authentication-info",
     b"proxy-connection", b"te", b"trailer", b"upgrade", b"upgrade-insecure-requests", b"http2-settings", b"alt-svc"}
)  # fmt: skip
_NOT_PASSED_BACK: Final = _NOT_PASSED - {b"trailer"}
_REPLACED: Final = frozenset(
    {b"host", b"x-ms-invocation-id", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto"}
)


class HttpFront:
    """The ASGI app that uvicorn serves."""

    def __init__(
        self,
        functions: Iterable[HttpFunction],
        library: WorkerLibrary,
        app: AsgiApp,
        invocations: Invocations,
        webhooks: AsgiApp | None = None,
        *,
        max_request_body_bytes: int = MAX_REQUEST_BODY_BYTES,
    ) -> None:
        """`app` is the library's own ASGI app; `webhooks` answers Durable's management URLs, which
        no function can take.
        """
        http = tuple(functions)
        self._by_name = {function.function.name: function for function in http}
        self._routes = RouteTable(function.route for function in http)
        self._library = library
        self._app = app
        self._invocations = invocations
        self._webhooks = webhooks
        self._max_request_body_bytes = max_request_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            path = decode_path(scope["raw_path"])
        except BadPathError:
            return await answer_empty(send, 400)
        if self._webhooks and path.startswith(f"{WEBHOOKS}/"):
            return await self._webhooks(scope, receive, send)
        route = self._routes.find(scope["method"], path)
        if route is None:  # the real host answers unknown routes and wrong methods alike
            return await answer_empty(send, 404)
        name, parameters = route
        if _content_length(scope["headers"]) > self._max_request_body_bytes:
            return await answer_empty(send, 500)  # seen on the real host: a 500, not a 413
        invocation = _invocation(self._by_name[name], parameters, scope["headers"])
        _rewrite(scope, path, invocation)
        with self._invocations.under_way(invocation, _REASON) as finish:
            await self._serve(invocation, scope, receive, send, finish)
        return None

    async def _serve(
        self, invocation: Invocation, scope: Scope, receive: Receive, send: Send, finish: Finish
    ) -> None:
        """Run the invocation and the library's HTTP app side by side; they meet through the
        invocation's id.
        """
        running = asyncio.create_task(self._library.invoke(invocation))
        body = None
        if any(name == b"transfer-encoding" for name, _ in scope["headers"]):
            body = LimitedBody(receive, send, self._max_request_body_bytes)
            receive, send = body.receive, body.send
        try:
            await self._app(scope, receive, _without_hop_by_hop(send))
        except Exception as error:
            outcome = await _outcome(running)
            # the response failed, not the function: uvicorn must cut the connection
            if outcome.error is None:
                finish(InvocationResult(error=f"{type(error).__name__}: {error}"))
                raise
            finish(outcome)  # the function raised: Starlette has already sent a 500
        else:
            outcome = await _outcome(running)
            finish((body and body.failure) or outcome)
        finally:
            self._library.forget_http(invocation.invocation_id)


async def _outcome(running: asyncio.Task[InvocationResult]) -> InvocationResult:
    """The invocation's result, which arrives with the response. It never arrives if the app
    did not accept the request.
    """
    await asyncio.wait({running}, timeout=1.0)
    if running.done():
        return running.result()
    running.cancel()
    return InvocationResult(error="The app's web framework answered without calling the function")


def _invocation(
    target: HttpFunction, parameters: Mapping[str, str], headers: RawHeaders
) -> Invocation:
    trace_parent = next((value for name, value in headers if name == b"traceparent"), b"")
    http = _RpcHttp(params=parameters)
    return Invocation(
        invocation_id=str(uuid.uuid4()),
        function=target.function,
        inputs={target.parameter: TypedData(http=http)},
        trace_parent=trace_parent.decode("latin-1"),
    )


class _RpcHttp:
    """The host's data about an HTTP request besides the request itself: its route parameters."""

    method = ""
    url = ""
    headers: Mapping[str, str] = {}
    query: Mapping[str, str] = {}
    body = TypedData(bytes=b"")

    def __init__(self, params: Mapping[str, str]) -> None:
        self.params = params


def _rewrite(scope: Scope, path: str, invocation: Invocation) -> None:
    """Give the request the path, query and headers that the real host would give it."""
    scope["raw_path"] = encode_path(path)
    scope["path"] = path
    scope["query_string"] = normalise_query(scope["query_string"])
    client = scope["client"][0] if scope["client"] else "127.0.0.1"
    # uvicorn behind the real host takes it from x-forwarded-for, which has no port
    scope["client"] = (client, 0)
    scope["headers"] = _headers(scope, client, invocation.invocation_id)


def _headers(scope: Scope, client: str, invocation_id: str) -> RawHeaders:
    host, port = scope["server"]
    combined: MutableMapping[bytes, bytes] = {b"host": f"{host}:{port}".encode()}
    public_host = b""
    for name, value in scope["headers"]:
        if name == b"host":
            public_host = value
        if name in _NOT_PASSED or name in _REPLACED:
            continue
        if name in combined:  # the real host joins repeated headers
            value = combined[name] + (b"; " if name == b"cookie" else b", ") + value
        combined[name] = value
    combined[b"x-ms-invocation-id"] = invocation_id.encode()
    combined[b"x-forwarded-for"] = client.encode()
    combined[b"x-forwarded-host"] = public_host
    combined[b"x-forwarded-proto"] = b"http"
    if b"traceparent" not in combined:
        combined[b"traceparent"] = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00".encode()
    return list(combined.items())


def _content_length(headers: RawHeaders) -> int:
    return next((int(value) for name, value in headers if name == b"content-length"), 0)


def _without_hop_by_hop(send: Send) -> Send:
    """A send that drops the response headers which YARP does not pass back; it adds no
    coroutine per chunk.
    """

    def send_filtered(message: MutableMapping[str, Any]) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            message["headers"] = [
                (name, value)
                for name, value in message["headers"]
                if name.lower() not in _NOT_PASSED_BACK
            ]
        return send(message)

    return send_filtered
