"""Tokens of a tenant of Microsoft Entra: valid ones, and forged ones with the error of each."""

from __future__ import annotations

import base64
import functools
import json
import time
from collections.abc import Callable
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

TENANT: Final = "6b1f6a3e-9d41-4f0a-8a55-0c5d6f2b7e10"
OTHER_TENANT: Final = "0d9c1a58-33c4-4c8b-9d0e-51f0a2c6b7f4"
AUDIENCE: Final = "api://fnsse-under-test"
CALLER: Final = "c0ffee00-1111-4222-8333-444455556666"
OPERATOR: Final = "0beda700-1111-4222-8333-444455556666"
STRANGER: Final = "5aa4e700-1111-4222-8333-444455556666"
ISSUER_V1: Final = f"https://sts.windows.net/{TENANT}/"
ISSUER_V2: Final = f"https://login.microsoftonline.com/{TENANT}/v2.0"

type Claims = dict[str, Any]


@functools.cache
def private_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key for each name, made once in each process."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def jwk(name: str, **more: str) -> dict[str, str]:
    """The public part as the tenant publishes it; its id is its name."""
    numbers = private_key(name).public_key().public_numbers()
    return {
        "kty": "RSA",
        "use": "sig",
        "kid": name,
        "n": base64url_number(numbers.n),
        "e": base64url_number(numbers.e),
        **more,
    }


def claims(**changed: Any) -> Claims:
    """The claims of a managed identity's token; a value of None removes a claim."""
    now = int(time.time())
    usual = {
        "aud": AUDIENCE,
        "iss": ISSUER_V1,
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
        "oid": CALLER,
        "tid": TENANT,
    }
    return {name: value for name, value in {**usual, **changed}.items() if value is not None}


def token(key: str = "first", *, kid: str | None = "", **changed: Any) -> str:
    """A token signed with that key. `kid` overrides the key id in its header (None: no key id)."""
    header = {"kid": key if kid == "" else kid} if kid is not None else None
    return jwt.PyJWS().encode(
        json.dumps(claims(**changed)).encode(), private_key(key), "RS256", headers=header
    )


def unsigned_token(header: dict[str, Any], payload: Any, signature: bytes = b"") -> str:
    """A token of the three given parts."""
    parts = (json.dumps(header).encode(), json.dumps(payload).encode(), signature)
    return ".".join(_segment(part) for part in parts)


def signed_with_the_public_key(key: str = "first") -> str:
    """HS256 whose secret is the published key, which libraries that trust `alg` accept as the
    tenant's signature.
    """
    secret = (
        private_key(key).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    signing_input = unsigned_token({"alg": "HS256", "typ": "JWT", "kid": key}, claims()).rpartition(
        "."
    )[0]
    mac = HMAC(secret, SHA256())
    mac.update(signing_input.encode())
    return f"{signing_input}.{_segment(mac.finalize())}"


def with_another_payload(whole: str, **changed: Any) -> str:
    """A valid token's header and signature with other claims."""
    header, _, signature = whole.split(".")
    return f"{header}.{_segment(json.dumps(claims(**changed)).encode())}.{signature}"


# Name -> function that makes the token, and the error code of the check that it fails. All name the
# key that signs valid tokens, unless that is their defect.
FORGED: Final[dict[str, tuple[Callable[[], str], str]]] = {
    "alg none": (
        lambda: unsigned_token({"alg": "none", "typ": "JWT", "kid": "first"}, claims()),
        "token_algorithm",
    ),
    "alg None": (
        lambda: unsigned_token({"alg": "None", "kid": "first"}, claims()),
        "token_algorithm",
    ),
    "no alg": (lambda: unsigned_token({"kid": "first"}, claims()), "token_algorithm"),
    "alg none, signed": (
        lambda: unsigned_token({"alg": "none", "kid": "first"}, claims(), b"x" * 256),
        "token_algorithm",
    ),
    "HS256 with the public key": (signed_with_the_public_key, "token_algorithm"),
    "RS512": (
        lambda: jwt.encode(claims(), private_key("first"), "RS512", headers={"kid": "first"}),
        "token_algorithm",
    ),
    "wrong key": (lambda: token("another", kid="first"), "token_signature"),
    "RS256 without a signature": (
        lambda: unsigned_token({"alg": "RS256", "kid": "first"}, claims()),
        "token_signature",
    ),
    "other claims": (
        lambda: with_another_payload(token(oid=STRANGER), oid=CALLER),
        "token_signature",
    ),
    "own key inside": (
        lambda: jwt.encode(
            claims(),
            private_key("another"),
            "RS256",
            headers={"kid": "first", "jwk": jwk("another")},
        ),
        "token_signature",
    ),
    "crit": (
        lambda: jwt.encode(
            claims(),
            private_key("first"),
            "RS256",
            headers={"kid": "first", "crit": ["exp"], "exp": 1},
        ),
        "token_signature",
    ),
    "no kid": (lambda: token(kid=None), "token_key_unknown"),
    "unknown kid": (lambda: token("another"), "token_key_unknown"),
    "kid is a path": (lambda: token("another", kid="../../../../dev/null"), "token_key_unknown"),
    "other tenant": (
        lambda: token(iss=f"https://sts.windows.net/{OTHER_TENANT}/", tid=OTHER_TENANT),
        "token_issuer",
    ),
    "other tenant, v2": (
        lambda: token(iss=f"https://login.microsoftonline.com/{OTHER_TENANT}/v2.0"),
        "token_issuer",
    ),
    "almost the issuer": (lambda: token(iss=ISSUER_V1.rstrip("/")), "token_issuer"),
    "issuers": (lambda: token(iss=[ISSUER_V1]), "token_issuer"),
    "no issuer": (lambda: token(iss=None), "token_issuer"),
    "wrong audience": (lambda: token(aud="https://management.azure.com"), "token_audience"),
    "almost the audience": (lambda: token(aud=f"{AUDIENCE}/"), "token_audience"),
    "audiences": (lambda: token(aud=[AUDIENCE, "https://management.azure.com"]), "token_audience"),
    "no audience": (lambda: token(aud=None), "token_audience"),
    "expired": (lambda: token(nbf=1, exp=int(time.time()) - 61), "token_expired"),
    "no expiry": (lambda: token(exp=None), "token_expired"),
    "expiry in words": (lambda: token(exp="never"), "token_expired"),
    "expiry true": (lambda: token(exp=True), "token_expired"),
    "not yet valid": (lambda: token(nbf=int(time.time()) + 600), "token_not_yet_valid"),
    "no oid": (lambda: token(oid=None), "token_object_id"),
    "oid is a list": (lambda: token(oid=[CALLER]), "token_object_id"),
    "truncated": (lambda: token()[:-200], "token_signature"),
    "truncated to two parts": (lambda: token().rpartition(".")[0], "token_malformed"),
    "a part too many": (lambda: f"{token()}.e30", "token_malformed"),
    "garbage": (lambda: "garbage", "token_malformed"),
    "garbage in three parts": (lambda: "a.b.c", "token_malformed"),
    "not a header": (lambda: f"{_segment(b'[1]')}.e30.c2ln", "token_malformed"),
    "nested without end": (lambda: f"{_segment(b'[' * 9000)}.e30.c2ln", "token_malformed"),
    "nothing": (lambda: "", "token_malformed"),
    "two tokens": (lambda: f"{token()}, Bearer {token()}", "token_malformed"),
    "huge": (lambda: token(groups=["x" * 36] * 500), "token_malformed"),
}


def _segment(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def base64url_number(value: int) -> str:
    """The number as a JWK holds it: big-endian bytes in base64url."""
    return _segment(value.to_bytes((value.bit_length() + 7) // 8))
