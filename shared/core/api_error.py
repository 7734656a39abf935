"""The proxy's own error responses, in Azure OpenAI's shape: an OpenAI SDK raises them as its own
exceptions.

A function makes each error; docs/reference/errors.md lists them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from shared.core.token.caller_token import ALGORITHM, Check, Role


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


def websocket() -> ApiError:
    return ApiError(
        status=501,
        code="websocket_not_supported",
        message="This proxy does not relay WebSockets, so the Realtime API is not available through it. "
        "Call Azure OpenAI directly.",
    )


def unknown_route() -> ApiError:
    return ApiError(
        status=404,
        code="unknown_route",
        message="No such route. This proxy relays what is below /openai/, such as "
        "POST /openai/deployments/{deployment}/chat/completions.",
    )


def method_not_allowed(allowed: tuple[str, ...]) -> ApiError:
    return ApiError(
        status=405,
        code="method_not_allowed",
        message=f"This route does not have that method; use {', '.join(allowed)}.",
    )


def invalid_replay(message: str) -> ApiError:
    return ApiError(status=400, code="invalid_replay", message=message)


def invalid_hours(most: int) -> ApiError:
    return ApiError(
        status=400,
        code="invalid_hours",
        message=f"`hours` is a whole number from 1 to {most}: /ops/reports?hours=48.",
    )


def reconcile_running() -> ApiError:
    return ApiError(
        status=409,
        code="reconcile_running",
        message="Reconcile is already running. Wait until it has ended, then start it again.",
    )


def invalid_exchange_id() -> ApiError:
    return ApiError(
        status=400,
        code="invalid_exchange_id",
        message="That is not an exchange id. It is in the event and in the answer's x-exchange-id header.",
    )


def unknown_exchange() -> ApiError:
    return ApiError(
        status=404,
        code="unknown_exchange",
        message="That exchange is not dead-lettered, or nothing of it is stored any more.",
    )


def still_unreadable(why: str) -> ApiError:
    return ApiError(
        status=409,
        code="still_unreadable",
        message=f"The exchange still cannot be delivered: {why}.",
    )


def body_too_large(limit_bytes: int) -> ApiError:
    limit = f"{limit_bytes / 1048576:g} MB"
    return ApiError(
        status=413,
        code="body_too_large",
        message=f"The request body is larger than {limit}. Send a smaller one, or have MAX_REQUEST_BODY_MB raised.",
    )


def request_memory_full() -> ApiError:
    return ApiError(
        status=503,
        code="request_memory_full",
        message="This proxy holds as many large request bodies as it may. Try again. If it persists, the operator should "
        "raise REQUEST_MEMORY_MB, or have fewer calls served by one instance.",
        retry_after_s=2,
    )


def capture_unavailable() -> ApiError:
    return ApiError(
        status=503,
        code="capture_unavailable",
        message="This proxy relays only what it can record (CAPTURE_POLICY=required), and its storage did not take the record. "
        "Try again. If it persists, the operator should check the storage account of CAPTURES_STORAGE.",
    )


def upstream_unreachable(message: str) -> ApiError:
    return ApiError(status=502, code="upstream_unreachable", message=message)


def upstream_interrupted(message: str) -> ApiError:
    return ApiError(status=502, code="upstream_interrupted", message=message)


def internal_error() -> ApiError:
    return ApiError(
        status=500,
        code="internal_error",
        message="The proxy itself failed. Try again. If it persists, give its operator the x-exchange-id of this answer.",
    )


def upstream_timeout(message: str) -> ApiError:
    return ApiError(status=504, code="upstream_timeout", message=message)


_FAILED_CHECKS: Final = {
    Check.MISSING: "it carries no token. Send one for this app as `Authorization: Bearer <token>`",
    Check.SEVERAL: "it carries several Authorization headers. Send one",
    Check.FORM: "what follows `Bearer` is not one signed JWT",
    Check.ALGORITHM: f"its token is not signed with {ALGORITHM}, as Entra's are",
    Check.KEY: "its token is signed with a key that the tenant of CALLER_AUTH_TENANT_ID does not publish",
    Check.SIGNATURE: "its token's signature is invalid",
    Check.ISSUER: "its token was not issued by the tenant of CALLER_AUTH_TENANT_ID",
    Check.AUDIENCE: "its token is for another audience than CALLER_AUTH_AUDIENCE",
    Check.EXPIRY: "its token has expired, or does not say when it expires. Send a new one",
    Check.START: "its token is not valid yet. Compare the clocks",
    Check.OBJECT_ID: "its token does not name an identity (claim `oid`)",
}
_LISTS: Final = {
    Role.CALLER: "CALLER_AUTH_CALLER_OBJECT_IDS",
    Role.OPERATOR: "CALLER_AUTH_OPERATOR_OBJECT_IDS",
}


def token_refused(check: Check) -> ApiError:
    """A 401 that says which check failed and repeats nothing of the token."""
    return ApiError(
        status=401, code=check.value, message=f"The call was refused: {_FAILED_CHECKS[check]}."
    )


def not_allowed(role: Role) -> ApiError:
    return ApiError(
        status=403,
        code=f"{role}_not_allowed",
        message=f"The call was refused: its token is valid, but its identity is not in {_LISTS[role]}.",
    )


def signing_keys_unavailable() -> ApiError:
    return ApiError(
        status=503,
        code="signing_keys_unavailable",
        message="This proxy cannot check tokens now: it could not get the signing keys of the callers' Entra tenant. "
        "Try again. If it persists, the operator should check CALLER_AUTH_TENANT_ID, CALLER_AUTH_AUTHORITY and the network.",
    )
