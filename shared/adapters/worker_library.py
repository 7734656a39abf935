"""Patches of Microsoft's Python worker library and its FastAPI extension that the app needs before
it can serve.

The platform chooses the worker library's version, so each patch is checked when the app starts. If
the library is not as described here, the app starts nevertheless: the patch is omitted, and the
loss is logged as a warning and shown by `GET /health/ready`.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import importlib
import importlib.metadata
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import fastapi
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_log = logging.getLogger("fnsse.worker_library")

# What was tested, to the minor version. `.github/workflows/newest-dependencies.yml` runs the tests
# with newer ones.
TESTED_VERSIONS: Final = {
    "azure-functions-runtime": "1.3",
    "azurefunctions-extensions-http-fastapi": "1.0",
    "starlette": "1.10",
    "uvicorn": "0.54",
}

# Their records may come after the end of the invocation that caused them, or before the first one.
_LOGGERS_OUTSIDE_INVOCATIONS: Final = ("fnsse.recording", "fnsse.ledger", "fnsse.worker_library")

_SDK_LOGGERS: Final = (
    "azure.core.pipeline.policies.http_logging_policy",
    "azure.eventhub",
    "azure.identity",
)

# The two ways differ by milliseconds; a worker that is just starting, or busy, is allowed for.
# What never meets keeps its caller for so long: a request whose client closed its sending side, or
# with a header that the host does not pass on (docs/reference/errors.md).
PAIRING_TIMEOUT_S: Final = 10.0
FORGET_AFTER_S: Final = 5.0

_PATH_WITH_LINE_ENDS: Final = "(?s:.*)"

# Python's own figure is 2,000: so many more objects made than freed start a collection. An exchange
# leaves no cycles behind, so that a fifth of the collections finds the same, for half of their
# share of the worker's CPU (4 %, measured).
_GC_THRESHOLD: Final = 10_000


@dataclass(frozen=True, kw_only=True)
class Library:
    """The modules and objects that are patched; None for one that could not be found."""

    web: Any  # azurefunctions.extensions.http.fastapi.web
    coordinator: Any  # azure_functions_runtime.http_v2.http_coordinator
    path_convertor: Any  # starlette.convertors.PathConvertor
    logging_config: Any  # uvicorn.config.LOGGING_CONFIG
    versions: Mapping[str, str]  # of the distributions in TESTED_VERSIONS; "" if not known


class _NotAsExpectedError(Exception):
    """The library lacks something that a patch changes."""


def patch_runtime(
    library: Library | None = None,
    *,
    pairing_timeout_s: float = PAIRING_TIMEOUT_S,
    forget_after_s: float = FORGET_AFTER_S,
) -> str:
    """Patch the library. Call once, while function_app.py is imported: the extension makes its
    server after that.

    Returns a text for operators that names every deviation from the tested library; "" if there is
    none.
    """
    _log_to_stderr(_LOGGERS_OUTSIDE_INVOCATIONS)
    _quiet_loggers()
    library = library or _installed()
    patches: dict[str, Callable[[], None]] = {
        "/docs, /redoc and /openapi.json hang": lambda: _serve_no_documentation(library.web),
        "paths with a line end hang": lambda: _accept_every_path(library.path_convertor),
        "hung invocations are not bounded": lambda: _bound_pairing(
            library.coordinator, pairing_timeout_s, forget_after_s
        ),
        "each request leaks about 1 KB": lambda: _check_references(library.coordinator),
        "function keys may be logged": lambda: _write_no_access_log(library.logging_config),
    }
    lost = [loss for loss, patch in patches.items() if not _applied(patch)]
    problem = _problem(_untested(library.versions), lost)
    if problem:
        _log.warning("The worker's libraries are not as fnsse knows them: %s", problem)
    return problem


def freeze_gc() -> None:
    """Exclude everything imported so far from garbage collections. Call once, at the end of
    function_app.py.
    """
    # A full collection looks at each of its 110,000 objects, and no stream moves for 70 ms and more
    # (measured).
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)


def _installed() -> Library:
    return Library(
        web=_found("azurefunctions.extensions.http.fastapi.web"),
        coordinator=_http_coordinator(),
        path_convertor=getattr(_found("starlette.convertors"), "PathConvertor", None),
        logging_config=getattr(_found("uvicorn.config"), "LOGGING_CONFIG", None),
        versions={name: _version(name) for name in TESTED_VERSIONS},
    )


def _found(module: str) -> object | None:
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:  # Azure's worker brings its library without
        if distribution != "azure-functions-runtime":
            return ""
        return str(getattr(_found("azure_functions_runtime.version"), "VERSION", ""))


def _applied(patch: Callable[[], None]) -> bool:
    try:
        patch()
    except _NotAsExpectedError:
        return False
    return True


def _untested(versions: Mapping[str, str]) -> list[str]:
    return [
        f"{name} {versions.get(name) or '(version not found)'}"
        for name, tested in TESTED_VERSIONS.items()
        if (versions.get(name) or "").split(".")[:2] != tested.split(".")
    ]


def _problem(untested: list[str], lost: list[str]) -> str:
    """`unknown version azure-functions-runtime 1.4.0: hung invocations are not bounded`."""
    causes = f"unknown version {', '.join(untested)}" if untested else "unexpected form"
    if lost:
        return f"{causes}: {', '.join(lost)}"
    return causes if untested else ""


def _expect(condition: object) -> None:
    if not condition:
        raise _NotAsExpectedError


def _serve_no_documentation(web: Any) -> None:
    """The extension's FastAPI app would answer /docs, /redoc and /openapi.json itself, and their
    invocations never end.
    """
    current = getattr(web, "FastAPI", None)
    if isinstance(current, functools.partial) and current.func is fastapi.FastAPI:
        return
    _expect(current is fastapi.FastAPI)
    web.FastAPI = functools.partial(fastapi.FastAPI, openapi_url=None)


def _accept_every_path(path_convertor: Any) -> None:
    """Starlette's `{path:path}` holds no line end, so the extension's catch-all would not take
    `/openai/a%0Ab`.

    FastAPI would answer it, and the invocation would wait until functionTimeout, when the host
    replaces the worker and with it every stream of that worker: one such request is enough.
    """
    _expect(getattr(path_convertor, "regex", None) in {".*", _PATH_WITH_LINE_ENDS})
    path_convertor.regex = _PATH_WITH_LINE_ENDS


def _bound_pairing(coordinator: Any, timeout_s: float, forget_after_s: float) -> None:
    """A request and its invocation reach the worker by two ways, and each waits for the other
    without a limit.

    They never meet where the caller sent an `x-ms-invocation-id` of its own, which the host
    (4.1037) does not replace. The invocation would then wait until functionTimeout, when the host
    replaces the worker.
    """
    names = ("get_http_request_async", "await_http_response_async")
    waits: list[Any] = [getattr(coordinator, name, None) for name in names]
    _expect(all(isinstance(wait, _BoundedWait) or _takes_an_id(wait) for wait in waits))
    for name, wait in zip(names, waits, strict=True):
        if not isinstance(wait, _BoundedWait):
            bounded = _BoundedWait(wait, _references_of(coordinator), timeout_s, forget_after_s)
            setattr(coordinator, name, bounded)


def _takes_an_id(wait: Any) -> bool:
    """Whether it is a coroutine function of one argument, as the library's are."""
    return inspect.iscoroutinefunction(wait) and len(inspect.signature(wait).parameters) == 1


def _check_references(coordinator: Any) -> None:
    """`ReleasingResponse` needs it."""
    _expect(_references_of(coordinator) is not None)


class _BoundedWait:
    """Waits for the other side of an invocation, and forgets the invocation if that does not
    come.
    """

    def __init__(
        self,
        wait: Callable[[str], Awaitable[Any]],
        references: dict[str, Any] | None,
        timeout_s: float,
        forget_after_s: float,
    ) -> None:
        self._wait = wait
        self._references = references
        self._timeout_s = timeout_s
        self._forget_after_s = forget_after_s

    async def __call__(self, invocation_id: str) -> Any:
        """Return the result of the library's own wait. Raises TimeoutError, which ends the
        invocation or answers 500.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._wait(invocation_id)
        except TimeoutError:
            # later: the library notes there first that the invocation failed
            if self._references is not None:
                asyncio.get_running_loop().call_later(
                    self._forget_after_s, self._references.pop, invocation_id, None
                )
            raise TimeoutError(
                "An HTTP request and its invocation did not meet; did the caller send x-ms-invocation-id?"
            ) from None


def _write_no_access_log(logging_config: Any) -> None:
    """uvicorn logs each request with its query, where a function key may stand (`?code=`)."""
    try:
        logging_config["loggers"]["uvicorn.access"]["level"] = "WARNING"
    except (LookupError, TypeError):
        raise _NotAsExpectedError from None


def _quiet_loggers() -> None:
    # Two INFO records for each request, each a message to the host.
    logging.getLogger("azure.functions").setLevel(logging.WARNING)
    # The Azure SDK logs each HTTP call and each AMQP state change at INFO.
    for name in _SDK_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)


def _log_to_stderr(names: Iterable[str]) -> None:
    """The host (4.1037) drops a record of an invocation that has ended (seen there): the only trace
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
    return _references_of(_http_coordinator())


def _references_of(coordinator: Any) -> dict[str, Any] | None:
    references = getattr(coordinator, "_context_references", None)
    return references if isinstance(references, dict) else None


def _http_coordinator() -> Any:
    return getattr(_found("azure_functions_runtime.http_v2"), "http_coordinator", None)
