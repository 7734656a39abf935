"""Drives Microsoft's Python worker library, azure-functions-runtime, in this process.

The library speaks in protobuf messages but takes the protobuf module as an argument; `_Messages`
hands it plain classes with the same attribute names instead. Its HTTP server is replaced by direct
calls of the same ASGI app, which saves a hop.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from azure_functions_runtime import handle_event, http_v2
from azure_functions_runtime.utils import threadpool

from emulators.functions_host.unsupported import StartError

type Scope = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
type Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
type AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class IndexingError(StartError):
    """The app's own code failed while its functions were indexed; the message holds the app's error
    and its stack.
    """


@dataclass(frozen=True, kw_only=True)
class IndexedFunction:
    """A function as the library indexed it."""

    name: str
    function_id: str
    bindings: tuple[Mapping[str, Any], ...]
    has_retry_policy: bool


@dataclass(frozen=True, kw_only=True)
class InvocationResult:
    """The outcome of an invocation."""

    error: str | None  # "ValueError: …"; None if it succeeded
    stack: str = ""
    return_value: Any = None  # a TypedData, or None


class _Message:
    """A stand-in for any protobuf message; the keyword arguments become attributes."""

    def __init__(self, **fields: object) -> None:
        self.__dict__.update(fields)


class _Messages:
    """A stand-in for the protobuf module: it creates a message class for each name that the library
    uses.
    """

    def __init__(self) -> None:
        self.StatusResult = type("StatusResult", (_Message,), {"Success": 1, "Failure": 0})
        self.BindingInfo = type(
            "BindingInfo", (_Message,), {"in": 0, "out": 1, "inout": 2, "undefined": 0}
        )

    def __getattr__(self, name: str) -> type[_Message]:
        message = type(name, (_Message,), {})
        setattr(self, name, message)
        return message


class TypedData:
    """A value for the app: TypedData(string="…"), TypedData(json="…"), TypedData(bytes=b"…"),
    TypedData(http=…).
    """

    def __init__(self, **value: object) -> None:
        (self._kind,) = value
        self.__dict__.update(value)

    def WhichOneof(self, _: str) -> str:  # noqa: N802 - protobuf's name
        """Which kind of value this is: the keyword of its constructor."""
        return self._kind


@dataclass(frozen=True)
class _Parameter:
    name: str
    data: TypedData

    def WhichOneof(self, _: str) -> str:  # noqa: N802 - protobuf's name
        return "data"


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """A call of a function, with its data."""

    invocation_id: str
    function: IndexedFunction
    inputs: Mapping[str, TypedData]  # by parameter name
    metadata: Mapping[str, TypedData] = field(default_factory=dict)
    trace_parent: str = ""


class WorkerLibrary:
    """The functions of the indexed app."""

    def __init__(self, functions: tuple[IndexedFunction, ...], http_app: AsgiApp | None) -> None:
        self.functions = functions
        self.http_app = http_app  # None if no function uses the FastAPI extension
        self._provided: dict[str, TypedData] = {}

    def provide(self, binding_type: str, value: TypedData) -> None:
        """Pass this value to every function that has such a binding besides its trigger."""
        self._provided[binding_type] = value

    async def invoke(self, invocation: Invocation) -> InvocationResult:
        """Call a function and wait for its end. An HTTP function needs a concurrent request to
        `http_app`.
        """
        provided = {
            binding["name"]: self._provided[binding["type"]]
            for binding in invocation.function.bindings
            if binding["type"] in self._provided
        }
        request = _invocation_request(replace(invocation, inputs={**provided, **invocation.inputs}))
        response = await handle_event.invocation_request(request)
        if response.result.status == 1:
            return InvocationResult(
                error=None, return_value=getattr(response, "return_value", None)
            )
        error = response.result.exception
        return InvocationResult(error=error.message, stack=error.stack_trace)

    def forget_http(self, invocation_id: str) -> None:
        """Drop the library's state of an HTTP invocation, which it never drops itself."""
        http_v2.http_coordinator._context_references.pop(invocation_id, None)  # noqa: SLF001 - no public way


async def load(app_dir: Path) -> WorkerLibrary:
    """Index the app in `app_dir`. Raises IndexingError with the app's own message."""
    if not (app_dir / "function_app.py").exists():
        raise StartError(f"{app_dir} holds no function_app.py")
    sys.path.insert(0, str(app_dir))
    capture = _HttpCapture()
    handle_event.initialize_http_server = capture
    threadpool.start_threadpool_executor()
    request = SimpleNamespace(
        request=SimpleNamespace(
            worker_init_request=SimpleNamespace(
                capabilities={}, function_app_directory=str(app_dir)
            )
        ),
        properties={"host": "127.0.0.1", "protos": _Messages()},
    )
    response = await handle_event.worker_init_request(request)
    if response.result.status != 1:
        error = response.result.exception
        raise IndexingError(
            f"The app's functions cannot be indexed.\n{error.stack_trace.rstrip() or error.message}"
        )
    metadata = await handle_event.functions_metadata_request(request)
    functions = tuple(
        _index(metadata_of_function)
        for metadata_of_function in metadata.function_metadata_results or ()
    )
    return WorkerLibrary(functions, capture.app)


def _index(metadata: Any) -> IndexedFunction:
    return IndexedFunction(
        name=metadata.name,
        function_id=metadata.function_id,
        bindings=tuple(json.loads(binding) for binding in metadata.raw_bindings),
        has_retry_policy=metadata.retry_options is not None,
    )


class _HttpCapture:
    """Replaces the library's `initialize_http_server`: it creates the same app, but does not
    listen.
    """

    def __init__(self) -> None:
        self.app: AsgiApp | None = None

    def __call__(self, host: str) -> str:
        extension = importlib.import_module(
            http_v2.HttpV2Registry.ext_base().ModuleTrackerMeta.get_module()
        )
        capture = self

        class SilentServer:
            def __init__(self, _host: str, _port: int, app: Any) -> None:
                capture.app = app.get_app()

            async def serve(self) -> None:
                pass

        original = extension.WebServer
        extension.WebServer = SilentServer  # type: ignore[attr-defined]
        try:
            return str(http_v2.initialize_http_server(host))
        finally:
            extension.WebServer = original  # type: ignore[attr-defined]


def _invocation_request(invocation: Invocation) -> SimpleNamespace:
    return SimpleNamespace(
        request=SimpleNamespace(
            invocation_request=SimpleNamespace(
                invocation_id=invocation.invocation_id,
                function_id=invocation.function.function_id,
                input_data=[_Parameter(name, data) for name, data in invocation.inputs.items()],
                trigger_metadata=invocation.metadata,
                trace_context=SimpleNamespace(
                    trace_parent=invocation.trace_parent, trace_state="", attributes={}
                ),
                retry_context=SimpleNamespace(retry_count=0, max_retry_count=0, exception=""),
            )
        )
    )
