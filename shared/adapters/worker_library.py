"""What has to be put right in Microsoft's Python worker library and its FastAPI extension before
the app can serve.

Seen in azure-functions-runtime 1.3.0 and azurefunctions-extensions-http-fastapi 1.0.1. Each point
is a no-op where the library no longer is as described.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, cast

import fastapi
import uvicorn.config
from azurefunctions.extensions.http.fastapi import web
from starlette.convertors import PathConvertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

# What is said by tasks that outlive the invocation in which they began.
_LOGGERS_OUTLIVING_INVOCATIONS: Final = ("fnsse.recording", "fnsse.ledger")

_GC_THRESHOLD: Final = 10_000  # more objects made than freed; Python's own figure is 2,000

# The two ways differ by milliseconds; a worker that is just starting, or busy, is allowed for.
PAIRING_TIMEOUT_S: Final = 60.0
FORGET_AFTER_S: Final = 5.0


def patch_runtime() -> None:
    """Call once, while function_app.py is imported: the extension makes its server after that."""
    _serve_no_documentation()
    _accept_every_path()
    _bound_pairing()
    _quiet_loggers()
    _log_to_stderr(_LOGGERS_OUTLIVING_INVOCATIONS)


def freeze_gc() -> None:
    """Call once, at the end of function_app.py: what is imported by then stays for good.

    A full garbage collection looks at each of its 110,000 objects, and no stream moves for 70 ms
    and more (measured); frozen, they are left out. An exchange leaves no cycles behind, so that
    collecting five times less often finds the same and halves its share of the worker's CPU (4 %,
    measured).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)


def _serve_no_documentation() -> None:
    """The extension's FastAPI app would answer /docs, /redoc and /openapi.json itself, and their
    invocations never end.
    """
    if web.FastAPI is fastapi.FastAPI:
        web.FastAPI = functools.partial(fastapi.FastAPI, openapi_url=None)


def _accept_every_path() -> None:
    """Starlette's `{path:path}` holds no line end, so the extension's catch-all would not take
    `/openai/a%0Ab`.

    FastAPI would answer it, and the invocation would wait until functionTimeout, when the host
    replaces the worker and with it every stream of that worker: one such request is enough.
    """
    PathConvertor.regex = "(?s:.*)"


def _bound_pairing() -> None:
    """A request and its invocation reach the worker by two ways, and each waits for the other
    without a limit.

    They never meet where the caller sent an `x-ms-invocation-id` of its own, which the host
    (4.1037) does not replace. The invocation would then wait until functionTimeout, when the host
    replaces the worker.
    """
    coordinator = _http_coordinator()
    for name in ("get_http_request_async", "await_http_response_async"):
        waiting = getattr(coordinator, name, None)
        if waiting is not None and not isinstance(waiting, _BoundedWait):
            setattr(coordinator, name, _BoundedWait(waiting))


class _BoundedWait:
    """Waits for the other side of an invocation, and forgets the invocation where it does not
    come.
    """

    def __init__(self, waiting: Callable[[str], Awaitable[Any]]) -> None:
        self._waiting = waiting

    async def __call__(self, invocation_id: str) -> Any:
        """What the library's own waiting gives; raises TimeoutError, which ends the invocation or
        answers 500.
        """
        try:
            async with asyncio.timeout(PAIRING_TIMEOUT_S):
                return await self._waiting(invocation_id)
        except TimeoutError:
            references = _context_references()
            # later: the library notes there first that the invocation failed
            if references is not None:
                asyncio.get_running_loop().call_later(
                    FORGET_AFTER_S, references.pop, invocation_id, None
                )
            raise TimeoutError(
                "An HTTP request and its invocation did not meet; did the caller send x-ms-invocation-id?"
            ) from None


def _quiet_loggers() -> None:
    """uvicorn logs each request with its query, where a function key may stand (`?code=`)."""
    uvicorn.config.LOGGING_CONFIG["loggers"]["uvicorn.access"]["level"] = "WARNING"
    # Two INFO records for each request, each a message to the host.
    logging.getLogger("azure.functions").setLevel(logging.WARNING)
    # The Azure SDK logs each HTTP call and each AMQP state change at INFO.
    for name in (
        "azure.core.pipeline.policies.http_logging_policy",
        "azure.eventhub",
        "azure.identity",
    ):
        logging.getLogger(name).setLevel(logging.WARNING)


def _log_to_stderr(names: Iterable[str]) -> None:
    """The host (4.1037) drops a record of an invocation that has ended (seen there): the only word
    of an exchange that could not be recorded.

    What a worker writes to stderr the host logs as Host.Function.Console, with the level that its
    words tell ("error", "warn": WorkerProcess.cs in Azure/azure-functions-host).
    """
    console = logging.StreamHandler()
    console.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    for name in names:
        logger = logging.getLogger(name)
        logger.propagate = False
        logger.handlers = [console]


class ReleasingResponse(Response):
    """A response that first drops what the library would keep of its invocation for the rest of the
    worker's life.

    That is about 1 KB for each request. It may only go once the library has handed the response
    over, which is when the response is called.
    """

    def __init__(self, request: Request, response: Response) -> None:
        super().__init__()
        self._invocation_id = request.headers.get("x-ms-invocation-id", "")
        self._response = response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the wrapped response does."""
        references = _context_references()
        if references is not None:
            references.pop(self._invocation_id, None)
        await self._response(scope, receive, send)


@functools.cache
def _context_references() -> dict[str, Any] | None:
    references = getattr(_http_coordinator(), "_context_references", None)
    return references if isinstance(references, dict) else None


def _http_coordinator() -> object | None:
    try:
        from azure_functions_runtime.http_v2 import http_coordinator
    except ImportError:  # another worker library
        return None
    return cast(object, http_coordinator)
