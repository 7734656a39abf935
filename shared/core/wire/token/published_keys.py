"""The documents that an Entra tenant publishes about its tokens: their issuer (OpenID metadata) and
the keys that sign them (JWKS).

https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-tokens
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.core.wire.token.caller_token import ALGORITHM

# Tokens of version 1.0 and 2.0 have different issuers, which the metadata of either version name.
# Which version an app gets is a property of its registration (`requestedAccessTokenVersion`), not
# of the caller.
METADATA_PATHS: Final = (
    "/.well-known/openid-configuration",
    "/v2.0/.well-known/openid-configuration",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Metadata:
    """The part of a tenant's OpenID metadata that is used."""

    issuer: str
    keys_url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RsaKey:
    """A public key as JWKS writes it (RFC 7518, 6.3): modulus and exponent, base64url."""

    n: str
    e: str


def metadata(document: object, tenant_id: str) -> Metadata | None:
    """The metadata of that tenant, or None: that of `common`, for example, has a template as
    issuer.
    """
    issuer, keys_url = (_text(document, name) for name in ("issuer", "jwks_uri"))
    if tenant_id not in issuer.lower().split("/") or not keys_url:
        return None
    return Metadata(issuer=issuer, keys_url=keys_url)


def signing_keys(document: object, tenant_id: str) -> dict[str, RsaKey]:
    """Key id -> RSA key, for the keys of a JWKS that may sign this tenant's tokens. Keys of unknown
    kinds are omitted.
    """
    keys = document.get("keys") if isinstance(document, dict) else None
    return {
        _text(key, "kid"): RsaKey(n=_text(key, "n"), e=_text(key, "e"))
        for key in (keys if isinstance(keys, list) else [])
        if _text(key, "kid") and _signs(key) and _is_for(key, tenant_id)
    }


def _signs(key: object) -> bool:
    return (
        _text(key, "kty") == "RSA"
        and _text(key, "use") in {"", "sig"}
        and _text(key, "alg") in {"", ALGORITHM}
        and bool(_text(key, "n") and _text(key, "e"))
    )


def _is_for(key: object, tenant_id: str) -> bool:
    """Whether a key signs this tenant's tokens. Entra may name an issuer beside the key, in which
    `{tenantid}` stands for every tenant.
    """
    issuer = _text(key, "issuer").lower()
    return not issuer or "{tenantid}" in issuer or tenant_id in issuer.split("/")


def _text(document: object, name: str) -> str:
    value = document.get(name) if isinstance(document, dict) else None
    return value if isinstance(value, str) else ""
