"""Which operation of Azure OpenAI a path names, and what the proxy does with it. The path comes as the host gives it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

_DEPLOYMENTS: Final = "/openai/deployments/"

# Operations on a deployment that the proxy relays, by what follows the deployment's name, and the methods that they have.
_DEPLOYMENT_OPERATIONS: Final = {"chat/completions": ("chat.completions", ("POST",))}
_OWN_ROUTES: Final = {"/health": ("GET",), "/health/ready": ("GET",)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """A call that is relayed."""

    name: str  # "chat.completions"
    deployment: str | None  # decoded; None where the path names none


@dataclass(frozen=True, kw_only=True, slots=True)
class UnknownRoute:
    """404."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WrongMethod:
    """405."""

    allowed: tuple[str, ...]


def route(method: str, path: str) -> Operation | UnknownRoute | WrongMethod:
    """What to do with a request; `path` is still percent-encoded and starts with a slash."""
    if path in _OWN_ROUTES:
        return WrongMethod(allowed=_OWN_ROUTES[path])
    if not path.startswith(_DEPLOYMENTS):
        return UnknownRoute()
    deployment, _, rest = path.removeprefix(_DEPLOYMENTS).partition("/")
    if not deployment or rest not in _DEPLOYMENT_OPERATIONS:
        return UnknownRoute()
    name, allowed = _DEPLOYMENT_OPERATIONS[rest]
    if method not in allowed:
        return WrongMethod(allowed=allowed)
    return Operation(name=name, deployment=unquote(deployment))
