"""The proxy's own error responses, in Azure OpenAI's shape: an OpenAI SDK raises them as its own
exceptions.

A function makes each error: those with which an exchange ends, those of calls that are rejected
because of their token, and those of what operators call. docs/reference/errors.md lists them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from shared.core.wire.operations import CHAT_COMPLETIONS
from shared.core.wire.token.caller_token import ALGORITHM, Role, TokenCheck

_FAILED_CHECKS: Final = {
    TokenCheck.MISSING: "it carries no token. Send one for this app as `Authorization: Bearer <token>`",
    TokenCheck.SEVERAL: "it carries several Authorization headers. Send one",
    TokenCheck.FORM: "what follows `Bearer` is not one signed JWT",
    TokenCheck.ALGORITHM: f"its token is not signed with {ALGORITHM}, as Entra's are",
    TokenCheck.KEY: "its token is signed with a key that the tenant of CALLER_AUTH_TENANT_ID does not publish",
    TokenCheck.SIGNATURE: "its token's signature is invalid",
    TokenCheck.ISSUER: "its token was not issued by the tenant of CALLER_AUTH_TENANT_ID",
    TokenCheck.AUDIENCE: "its token is for another audience than CALLER_AUTH_AUDIENCE",
    TokenCheck.EXPIRY: "its token has expired, or does not say when it expires. Send a new one",
    TokenCheck.START: "its token is not valid yet. Compare the clocks",
    TokenCheck.OBJECT_ID: "its token does not name an identity (claim `oid`)",
}
_LISTS: Final = {
    Role.CALLER: "CALLER_AUTH_CALLER_OBJECT_IDS",
    Role.OPERATOR: "CALLER_AUTH_OPERATOR_OBJECT_IDS",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiError:
    """An error response. `message` names the thing and the remedy, never a host, an account or a
    secret.
    """

    status: int
    code: str
    message: str
    type: str = "fnsse_error"
    retry_after_s: int | None = None  # the response's Retry-After; None: no such header

    def body(self) -> bytes:
        """The JSON document `{"error": {"code", "message", "type"}}`."""
        return json.dumps(
            {"error": {"code": self.code, "message": self.message, "type": self.type}}
        ).encode()


# errors with which an exchange ends


def websocket() -> ApiError:
    """A 501 for a request to open a WebSocket."""
    return ApiError(
        status=501,
        code="websocket_not_supported",
        message="This proxy does not relay WebSockets, so the Realtime API is not available through it. "
        "Call Azure OpenAI directly.",
    )


def unknown_route() -> ApiError:
    """A 404 for a path that is not relayed."""
    return ApiError(
        status=404,
        code="unknown_route",
        message="No such route. This proxy relays what is below /openai/, such as "
        f"{CHAT_COMPLETIONS.method} {CHAT_COMPLETIONS.deployment_path('{deployment}')}.",
    )


def method_not_allowed(allowed: tuple[str, ...]) -> ApiError:
    """A 405 that names the methods of the route."""
    return ApiError(
        status=405,
        code="method_not_allowed",
        message=f"This route does not have that method; use {', '.join(allowed)}.",
    )


def body_too_large(limit_bytes: int) -> ApiError:
    """A 413 that names the limit."""
    limit = f"{limit_bytes / 1048576:g} MB"
    return ApiError(
        status=413,
        code="body_too_large",
        message=f"The request body is larger than {limit}. Send a smaller one, or have MAX_REQUEST_BODY_MB raised.",
    )


def request_memory_full() -> ApiError:
    """A 503 for a large request that finds no memory for its body."""
    return ApiError(
        status=503,
        code="request_memory_full",
        message="This proxy holds as many large request bodies as it may. Try again. If it persists, the operator should "
        "raise REQUEST_MEMORY_MB, or have fewer calls served by one instance.",
        retry_after_s=2,
    )


def capture_unavailable() -> ApiError:
    """A 503 for a request whose capture is required and cannot be stored."""
    return ApiError(
        status=503,
        code="capture_unavailable",
        message="This proxy relays only what it can record (CAPTURE_POLICY=required), and its storage did not take the record. "
        "Try again. If it persists, the operator should check the storage account of CAPTURES_STORAGE.",
    )


def upstream_unreachable(message: str) -> ApiError:
    """A 502 for a request that did not reach Azure OpenAI."""
    return ApiError(status=502, code="upstream_unreachable", message=message)


def upstream_interrupted(message: str) -> ApiError:
    """A 502 for a response that broke off."""
    return ApiError(status=502, code="upstream_interrupted", message=message)


def internal_error() -> ApiError:
    """A 500 for a failure of the proxy itself."""
    return ApiError(
        status=500,
        code="internal_error",
        message="The proxy itself failed. Try again. If it persists, give its operator the x-exchange-id of this response.",
    )


def upstream_timeout(message: str) -> ApiError:
    """A 504 for a response that took too long."""
    return ApiError(status=504, code="upstream_timeout", message=message)


# errors of calls that are rejected because of their token


def token_rejected(check: TokenCheck) -> ApiError:
    """A 401 that says which check failed and repeats nothing of the token."""
    return ApiError(
        status=401, code=check.value, message=f"The call was rejected: {_FAILED_CHECKS[check]}."
    )


def not_allowed(role: Role) -> ApiError:
    """A 403 for a valid token whose identity may not do this."""
    return ApiError(
        status=403,
        code=f"{role}_not_allowed",
        message=f"The call was rejected: its token is valid, but its identity is not in {_LISTS[role]}.",
    )


def signing_keys_unavailable() -> ApiError:
    """A 503 for a token that cannot be checked now."""
    return ApiError(
        status=503,
        code="signing_keys_unavailable",
        message="This proxy cannot check tokens now: it could not get the signing keys of the callers' Entra tenant. "
        "Try again. If it persists, the operator should check CALLER_AUTH_TENANT_ID, CALLER_AUTH_AUTHORITY and the network.",
        retry_after_s=5,
    )


# errors of what operators call: replay, erasure, reconcile, dead letters, reports


def invalid_replay(message: str) -> ApiError:
    """A 400 for a malformed replay request. `message` says what would be right."""
    return ApiError(status=400, code="invalid_replay", message=message)


def invalid_erasure(message: str) -> ApiError:
    """A 400 for a malformed erasure request. `message` says what would be right."""
    return ApiError(status=400, code="invalid_erasure", message=message)


def unknown_erasure() -> ApiError:
    """A 404 for an id that no run of an erasure has."""
    return ApiError(
        status=404,
        code="unknown_erasure",
        message="No erasure has that id, or its receipt has expired. The response to POST /ops/erase has it as `run`.",
    )


def invalid_hours(max_hours: int) -> ApiError:
    """A 400 for a number of hours that is out of range."""
    return ApiError(
        status=400,
        code="invalid_hours",
        message=f"`hours` is a whole number from 1 to {max_hours}: /ops/reports?hours=48.",
    )


def reconcile_running() -> ApiError:
    """A 409 for a second run of reconcile."""
    return ApiError(
        status=409,
        code="reconcile_running",
        message="Reconcile is already running. Wait until it has ended, then start it again.",
    )


def invalid_exchange_id() -> ApiError:
    """A 400 for a text that is not an exchange id."""
    return ApiError(
        status=400,
        code="invalid_exchange_id",
        message="That is not an exchange id. It is in the event and in the response's x-exchange-id header.",
    )


def unknown_exchange() -> ApiError:
    """A 404 for an exchange of which nothing is stored."""
    return ApiError(
        status=404,
        code="unknown_exchange",
        message="That exchange is not dead-lettered, or nothing of it is stored any more.",
    )


def immutable_exchange() -> ApiError:
    """A 409 for captures that storage does not let anyone delete."""
    return ApiError(
        status=409,
        code="immutable_exchange",
        message="An immutability policy or a legal hold of the storage account keeps the exchange's captures. "
        "Erase it when that has ended.",
    )


def still_unreadable(reason: str) -> ApiError:
    """A 409 for a dead letter that still cannot be delivered."""
    return ApiError(
        status=409,
        code="still_unreadable",
        message=f"The exchange still cannot be delivered: {reason}.",
    )
