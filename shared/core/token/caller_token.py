"""A caller's Entra token: where it stands in the request, which key is to prove it, and whom its
claims speak for.

What the claims say counts only once the token's signature holds, which needs a key and so is
checked elsewhere. Claims of an access token:
https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

# the one that Entra signs access tokens with; a list would be a choice left to the token
ALGORITHM: Final = "RS256"
# A managed identity's token has 1 to 2 KB; one that lists its groups stays within 200 of them.
LARGEST_BYTES: Final = 16 * 1024
LEEWAY_S: Final = 60  # by which two clocks may differ

# RFC 7515, 7.1; nothing signed it: no third part
_FORM: Final = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


class Role(StrEnum):
    """What a function is for."""

    CALLER = "caller"
    OPERATOR = "operator"


class Check(StrEnum):
    """What a call can fail at, in this order. The values are the error codes that a caller gets."""

    MISSING = "token_missing"
    SEVERAL = "token_several"
    FORM = "token_malformed"
    ALGORITHM = "token_algorithm"
    KEY = "token_key_unknown"
    SIGNATURE = "token_signature"
    ISSUER = "token_issuer"
    AUDIENCE = "token_audience"
    EXPIRY = "token_expired"
    START = "token_not_yet_valid"
    OBJECT_ID = "token_object_id"


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenRejected:
    """The call goes no further."""

    check: Check


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenAccepted:
    """The claims hold."""

    object_id: str  # of the identity in its tenant, lower-case
    until_s: float  # Unix time from which they no longer do, the leeway included


def bearer(headers: Iterable[tuple[bytes, bytes]]) -> bytes | TokenRejected:
    """The token of the one `Authorization: Bearer` header; its form is not looked at yet. Names are
    lower-case, as in ASGI.
    """
    values = [value for name, value in headers if name == b"authorization"]
    if len(values) > 1:
        return TokenRejected(check=Check.SEVERAL)
    scheme, _, token = values[0].partition(b" ") if values else (b"", b"", b"")
    if scheme.lower() != b"bearer":  # RFC 9110, 11.1: without regard to case
        return TokenRejected(check=Check.MISSING)
    return token if len(token) <= LARGEST_BYTES else TokenRejected(check=Check.FORM)


def key_id(token: bytes) -> str | TokenRejected:
    """Which key the token says that it is signed with (`kid`). Whatever else is in its header is
    not believed.
    """
    if not _FORM.fullmatch(token):
        return TokenRejected(check=Check.FORM)
    header = _json_object(_decoded(token.partition(b".")[0]))
    if header is None:
        return TokenRejected(check=Check.FORM)
    if header.get("alg") != ALGORITHM:
        return TokenRejected(check=Check.ALGORITHM)
    named = header.get("kid")
    return named if isinstance(named, str) else TokenRejected(check=Check.KEY)


def judge(
    payload: bytes, *, issuers: Collection[str], audiences: Collection[str], now_s: float
) -> TokenAccepted | TokenRejected:
    """Whom the claims of a token speak for, and until when. `payload` is what a signature was found
    to hold for.
    """
    claims = _json_object(payload)
    if claims is None:
        return TokenRejected(check=Check.FORM)
    failed = _failed(claims, issuers, audiences, now_s)
    if failed is not None:
        return TokenRejected(check=failed)
    return TokenAccepted(object_id=claims["oid"].lower(), until_s=claims["exp"] + LEEWAY_S)


def _failed(
    claims: dict[str, Any], issuers: Collection[str], audiences: Collection[str], now_s: float
) -> Check | None:
    expires_s, starts_s = _seconds(claims.get("exp")), _seconds(claims.get("nbf", 0))
    holds = {
        Check.ISSUER: _is_text_of(claims.get("iss"), issuers),
        Check.AUDIENCE: _is_text_of(claims.get("aud"), audiences),
        Check.EXPIRY: expires_s is not None and now_s < expires_s + LEEWAY_S,
        Check.START: starts_s is not None and now_s >= starts_s - LEEWAY_S,
        Check.OBJECT_ID: isinstance(claims.get("oid"), str),
    }
    return next((check for check, passed in holds.items() if not passed), None)


def _is_text_of(claim: object, allowed: Collection[str]) -> bool:
    return isinstance(claim, str) and claim in allowed


def _seconds(claim: object) -> float | None:
    """A NumericDate (RFC 7519, 2). JSON as Python reads it knows `true`, which is 1, and
    `Infinity`.
    """
    if isinstance(claim, bool) or not isinstance(claim, (int, float)):
        return None
    return claim if isinstance(claim, int) or math.isfinite(claim) else None


def _decoded(segment: bytes) -> bytes:
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
