"""Errors of calls that are rejected because of their token."""

from __future__ import annotations

from typing import Final

from shared.core.api_errors.api_error import ApiError
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
