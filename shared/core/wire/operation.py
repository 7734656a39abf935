"""Which operation of Azure OpenAI a request names, and what the proxy does with it. The path comes
as the host gives it.

Everything below /openai/ is relayed. Operations that are known by name get a full event; whatever
else is there, or comes next, is a `call`: timings, status, sizes and a capture.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

_ROOT: Final = "/openai/"
_OWN_ROUTES: Final = {
    "/health": ("GET",),
    "/health/ready": ("GET",),
    "/ops/reconcile": ("POST",),
    "/ops/replay": ("POST",),
    "/ops/parked": ("GET",),
}
_CALL: Final = "call"

# What follows /openai/deployments/{name}/, /openai/v1/ or /openai/, by method. `{}` stands for one
# segment.
_KNOWN: Final = (
    ("POST", "chat/completions", "chat.completions"),
    ("POST", "completions", "completions"),
    ("POST", "embeddings", "embeddings"),
    ("POST", "images/generations", "images.generations"),
    ("POST", "images/edits", "images.edits"),
    ("POST", "audio/transcriptions", "audio.transcriptions"),
    ("POST", "audio/translations", "audio.translations"),
    ("POST", "audio/speech", "audio.speech"),
    ("POST", "responses", "responses"),
    ("GET", "responses/{}", "responses.get"),
    ("DELETE", "responses/{}", "responses.delete"),
    ("POST", "responses/{}/cancel", "responses.cancel"),
    ("GET", "responses/{}/input_items", "responses.input_items"),
)
_PATTERNS: Final = tuple(
    (method, re.compile(pattern.replace("{}", "[^/]+")), name) for method, pattern, name in _KNOWN
)

# Azure OpenAI has no other method on this route; /openai/v1/chat/completions does (stored
# completions).
_ONLY_POST: Final = re.compile(r"/openai/deployments/[^/]+/chat/completions")


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """A call that is relayed."""

    name: str  # "chat.completions", … or "call"
    # decoded; None where the path names none (on the v1 routes the body's `model` does)
    deployment: str | None
    v1: bool  # on /openai/v1/, where api-version is optional


@dataclass(frozen=True, kw_only=True, slots=True)
class UnknownRoute:
    """404."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WrongMethod:
    """405."""

    allowed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class WebSocketAsked:
    """501: the Functions host relays no WebSocket."""


def route(
    method: str, path: str, *, upgrade: str = ""
) -> Operation | UnknownRoute | WrongMethod | WebSocketAsked:
    """What to do with a request; `path` is still percent-encoded, `upgrade` is the
    header's value.
    """
    if path in _OWN_ROUTES:
        return WrongMethod(allowed=_OWN_ROUTES[path])
    if not path.startswith(_ROOT) or _climbs(path):
        return UnknownRoute()
    if "websocket" in upgrade.lower():
        return WebSocketAsked()
    if method != "POST" and _ONLY_POST.fullmatch(path):
        return WrongMethod(allowed=("POST",))
    deployment, v1, rest = _split(path.removeprefix(_ROOT))
    return Operation(name=_name(method, rest), deployment=deployment, v1=v1)


def refused(path: str) -> Operation | None:
    """The exchange that a refused request is; None for what is not below /openai/ at all."""
    if not path.startswith(_ROOT):
        return None
    deployment, v1, _ = _split(path.removeprefix(_ROOT))
    return Operation(name=_CALL, deployment=deployment, v1=v1)


def _climbs(path: str) -> bool:
    """Whether a segment is `..` once decoded as often as the host and an upstream may: it could
    leave /openai/ there.
    """
    return ".." in re.split(r"[/\\]", unquote(unquote(path)))


def _split(path: str) -> tuple[str | None, bool, str]:
    """(deployment, on the v1 routes, what follows)."""
    first, _, rest = path.partition("/")
    if first == "v1":
        return None, True, rest
    if first == "deployments" and "/" in rest:
        deployment, _, rest = rest.partition("/")
        return unquote(deployment), False, rest
    return None, False, path


def _name(method: str, rest: str) -> str:
    matches = (
        name for known, pattern, name in _PATTERNS if known == method and pattern.fullmatch(rest)
    )
    return next(matches, _CALL)
