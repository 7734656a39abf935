"""Which operation of Azure OpenAI a request calls, and whether the proxy relays it.

Everything below /openai/ is relayed: an operation of the table (shared.core.wire.operations), or a
`call`. The path is the one that the Functions host gives.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from shared.core.wire.operations import CALL, OPERATIONS, OperationSpec

_ROOT: Final = "/openai/"
# The app's other routes and their methods; a test compares them with the blueprints'. The Functions
# host gives a request with another method to the route of everything else.
OWN_ROUTES: Final = {
    "/health": ("GET",),
    "/health/ready": ("GET",),
    "/ops/reconcile": ("POST",),
    "/ops/status": ("GET",),
    "/ops/reports": ("GET",),
    "/ops/replay": ("POST",),
    "/ops/erase": ("POST",),
    "/ops/erase/{}": ("GET",),
    "/ops/erase/{}/ids": ("GET",),
    "/ops/dead-letters": ("GET",),
    "/ops/dead-letters/{}": ("POST",),
    "/ops/exchanges/{}": ("DELETE",),
}
_OWN_PATTERNS: Final = tuple(
    (re.compile(path.replace("{}", "[^/]+")), methods) for path, methods in OWN_ROUTES.items()
)
_PATTERNS: Final = tuple(
    (spec, re.compile(spec.route.replace("{}", "[^/]+")))
    for spec in OPERATIONS
    if spec.route and not spec.is_own_call
)

# OPTIONS is not among them: no operation of Azure OpenAI has it. It comes from browsers, which ask
# whether another site's page may call. API Management is to answer that, and not the upstream, to a
# call with the proxy's credential.
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")

# By the route of a deployment, the one method that it has.
_ONLY_METHODS: Final = {
    spec.route: spec.method for spec in OPERATIONS if spec.is_only_method and spec.method
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """A call that is relayed."""

    spec: OperationSpec  # its row in the table
    # decoded; None if the path names none (on the v1 routes the body's `model` does)
    deployment: str | None
    v1: bool  # on /openai/v1/, where api-version is optional

    @property
    def name(self) -> str:
        """`chat.completions`, … or `call`."""
        return self.spec.name


@dataclass(frozen=True, kw_only=True, slots=True)
class UnknownRoute:
    """The proxy relays no such path. The client gets a 404."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WrongMethod:
    """The path has other methods. The client gets a 405 that names them."""

    allowed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class WebSocketRequested:
    """The request wants a WebSocket, which the Functions host does not relay. The client gets a
    501.
    """


def route(
    method: str, path: str, *, upgrade: str = ""
) -> Operation | UnknownRoute | WrongMethod | WebSocketRequested:
    """The operation that a request calls, or why it is not relayed. `path` is percent-encoded,
    `upgrade` is the header's value.
    """
    if not path.startswith(_ROOT) or _climbs(path):
        return _route_error(path)
    if "websocket" in upgrade.lower():
        return WebSocketRequested()
    deployment, v1, rest = _split(path.removeprefix(_ROOT))
    only_method = _ONLY_METHODS.get(rest, method) if deployment else method
    if method != only_method:
        return WrongMethod(allowed=(only_method,))
    if method == "OPTIONS":
        return WrongMethod(allowed=_METHODS)
    return Operation(spec=_spec(method, rest), deployment=deployment, v1=v1)


def _route_error(path: str) -> UnknownRoute | WrongMethod:
    for pattern, methods in _OWN_PATTERNS:
        if pattern.fullmatch(path):
            return WrongMethod(allowed=methods)
    return UnknownRoute()


def rejected_operation(path: str) -> Operation | None:
    """The operation by which a rejected request is recorded; None if its path is not below
    /openai/.
    """
    if not path.startswith(_ROOT):
        return None
    deployment, v1, _ = _split(path.removeprefix(_ROOT))
    return Operation(spec=CALL, deployment=deployment, v1=v1)


def _climbs(path: str) -> bool:
    """Whether a segment is `..` after it is decoded twice, as the host and an upstream may do: the
    path could then lead out of /openai/. Some servers take the parameters off a segment first
    (`..;a=b`).
    """
    segments = re.split(r"[/\\]", unquote(unquote(path)))
    return any(segment.partition(";")[0] == ".." for segment in segments)


def _split(path: str) -> tuple[str | None, bool, str]:
    """(deployment, whether it is a v1 route, the rest of the path)."""
    first, _, rest = path.partition("/")
    if first == "v1":
        return None, True, rest
    if first == "deployments" and "/" in rest:
        deployment, _, rest = rest.partition("/")
        return unquote(deployment), False, rest
    return None, False, path


def _spec(method: str, rest: str) -> OperationSpec:
    matches = (
        spec for spec, pattern in _PATTERNS if spec.method == method and pattern.fullmatch(rest)
    )
    return next(matches, CALL)
