"""A response that makes Microsoft's worker library release its references to a request."""

from __future__ import annotations

import functools
import importlib
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class ReleasingResponse(Response):
    """A response that first drops the library's references to its invocation, which would stay for
    the rest of the worker's life.

    They take about 1 KB for each request. They may only go once the library has handed the response
    over, which is when the response is called.
    """

    def __init__(self, request: Request, response: Response) -> None:
        super().__init__()
        self._invocation_id = request.headers.get("x-ms-invocation-id", "")
        self._response = response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the wrapped response does."""
        references = _installed_references()
        if references is not None:
            references.pop(self._invocation_id, None)
        await self._response(scope, receive, send)


@functools.cache
def _installed_references() -> dict[str, Any] | None:
    return references_of(installed_coordinator())


def references_of(coordinator: Any) -> dict[str, Any] | None:
    """The coordinator's references, by invocation id; None if it is not as fnsse knows it."""
    references = getattr(coordinator, "_context_references", None)
    return references if isinstance(references, dict) else None


def installed_coordinator() -> Any:
    """The library's coordinator of requests and invocations; None if there is none."""
    try:
        return getattr(
            importlib.import_module("azure_functions_runtime.http_v2"), "http_coordinator", None
        )
    except ImportError:
        return None
