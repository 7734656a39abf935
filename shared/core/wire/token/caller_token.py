"""A caller's Entra token: its place in the request, the key that signed it, and the identity that
its claims speak for.

Signature, issuer, audience and times are checked by PyJWT, in `shared.adapters.identity.entra`.

Claims of an access token:

https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

# the algorithm of Entra's access tokens; with a list, the token would choose
ALGORITHM: Final = "RS256"
# A managed identity's token has 1 to 2 KB. A token that lists groups lists at most 200.
LARGEST_BYTES: Final = 16 * 1024
LEEWAY_S: Final = 60  # the most by which two clocks may differ

# RFC 7515, 7.1; the third part of an unsigned token is empty
_FORM: Final = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


class Role(StrEnum):
    """The kind of caller that a function is for."""

    CALLER = "caller"
    OPERATOR = "operator"


class TokenCheck(StrEnum):
    """The checks that a call can fail, in their order. The values are the error codes that a caller
    gets.
    """

    MISSING = "token_missing"
    SEVERAL = "token_several"
    FORM = "token_malformed"
    ALGORITHM = "token_algorithm"
    KEY = "token_key_unknown"
    SIGNATURE = "token_signature"
    START = "token_not_yet_valid"
    EXPIRY = "token_expired"
    ISSUER = "token_issuer"
    AUDIENCE = "token_audience"
    OBJECT_ID = "token_object_id"


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenRejected:
    """The token does not hold; the call is answered 401."""

    check: TokenCheck


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenAccepted:
    """The token and its claims hold; the call goes on."""

    object_id: str  # the identity's id in its tenant, lower-case
    until_s: float  # Unix time until which they hold, the leeway included


def bearer(headers: Iterable[tuple[bytes, bytes]]) -> bytes | TokenRejected:
    """The token of the one `Authorization: Bearer` header, its form not yet checked. Names are
    lower-case, as in ASGI.
    """
    values = [value for name, value in headers if name == b"authorization"]
    if len(values) > 1:
        return TokenRejected(check=TokenCheck.SEVERAL)
    scheme, _, token = values[0].partition(b" ") if values else (b"", b"", b"")
    if scheme.lower() != b"bearer":  # RFC 9110, 11.1: without regard to case
        return TokenRejected(check=TokenCheck.MISSING)
    return token if len(token) <= LARGEST_BYTES else TokenRejected(check=TokenCheck.FORM)


def key_id(token: bytes) -> str | TokenRejected:
    """The id of the key that the token names (`kid`). Nothing else in its header is trusted."""
    if not _FORM.fullmatch(token):
        return TokenRejected(check=TokenCheck.FORM)
    header = _json_object(_decode(token.partition(b".")[0]))
    if header is None:
        return TokenRejected(check=TokenCheck.FORM)
    if header.get("alg") != ALGORITHM:
        return TokenRejected(check=TokenCheck.ALGORITHM)
    kid = header.get("kid")
    return kid if isinstance(kid, str) else TokenRejected(check=TokenCheck.KEY)


def failed_check(payload: bytes) -> TokenCheck | None:
    """The check that a signed payload fails by its form or its times; None if it fails none.

    Checked here because a JWT library is more lenient: it takes `"1800003600"` and `true` for
    times, and reports every other malformed time by one and the same exception.
    """
    claims = _json_object(payload)
    if claims is None:
        return TokenCheck.FORM
    if "exp" in claims and _seconds(claims["exp"]) is None:
        return TokenCheck.EXPIRY
    if "nbf" in claims and _seconds(claims["nbf"]) is None:
        return TokenCheck.START
    return None


def identity(claims: Mapping[str, Any]) -> TokenAccepted | TokenRejected:
    """Whom claims speak for, and until when, once issuer, audience and times were found to hold.

    Entra writes one audience as a string; a list of them is not its form.
    """
    if not isinstance(claims["aud"], str):
        return TokenRejected(check=TokenCheck.AUDIENCE)
    object_id = claims.get("oid")
    if not isinstance(object_id, str):
        return TokenRejected(check=TokenCheck.OBJECT_ID)
    return TokenAccepted(object_id=object_id.lower(), until_s=claims["exp"] + LEEWAY_S)


def _seconds(claim: object) -> float | None:
    """A NumericDate (RFC 7519, 2). JSON as Python reads it knows `true`, which is 1, and
    `Infinity`.
    """
    if isinstance(claim, bool) or not isinstance(claim, (int, float)):
        return None
    return claim if isinstance(claim, int) or math.isfinite(claim) else None


def _decode(segment: bytes) -> bytes:
    try:
        return base64.urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))
    except ValueError:
        return b""


def _json_object(text: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
