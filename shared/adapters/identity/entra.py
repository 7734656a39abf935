"""A tenant of Microsoft Entra: the keys that it publishes, over HTTP, and the verification of
tokens with them, by PyJWT.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK, PyJWS, PyJWTError
from jwt.exceptions import (
    ExpiredSignatureError,
    ImmatureSignatureError,
    InvalidAudienceError,
    InvalidIssuerError,
    MissingRequiredClaimError,
)
from jwt.types import Options

from shared.core.wire.http.service_address import is_service_address
from shared.core.wire.token import caller_token, published_keys
from shared.core.wire.token.caller_token import (
    ALGORITHM,
    LEEWAY_S,
    TokenAccepted,
    TokenCheck,
    TokenRejected,
)
from shared.core.wire.token.published_keys import METADATA_PATHS, Metadata, RsaKey
from shared.errors import SigningKeysUnavailable

_MAX_RESPONSE_BYTES: Final = 1024 * 1024  # Entra's are about 10 KB
_MIN_KEY_BITS: Final = 2048  # RFC 7518, 3.3
_SIGNATURES: Final = PyJWS(algorithms=[ALGORITHM])

# The claims that decide on a caller. Other claims (`iat`, `jti`, `sub`) do not matter.
_OPTIONS: Final[Options] = {
    "require": ["exp", "iss", "aud"],
    "verify_iat": False,
    "verify_jti": False,
    "verify_sub": False,
}
_CHECK_OF_CLAIM: Final = {
    "exp": TokenCheck.EXPIRY,
    "iss": TokenCheck.ISSUER,
    "aud": TokenCheck.AUDIENCE,
}
_CHECK_OF_ERROR: Final[dict[type[PyJWTError], TokenCheck]] = {
    ImmatureSignatureError: TokenCheck.START,
    ExpiredSignatureError: TokenCheck.EXPIRY,
    InvalidIssuerError: TokenCheck.ISSUER,
    InvalidAudienceError: TokenCheck.AUDIENCE,
}


@dataclass(frozen=True, kw_only=True)
class EntraKeys:
    """The keys that the tenant published, as SigningKeys."""

    issuers: frozenset[str]
    published: dict[str, RsaKey]
    usable: dict[str, RSAPublicKey] = field(compare=False, repr=False)

    def has(self, key_id: str) -> bool:
        return key_id in self.usable

    def verify(
        self, token: bytes, key_id: str, audiences: Collection[str]
    ) -> TokenAccepted | TokenRejected:
        """The signature, by RS256, is checked first: no claim of an unsigned token is read."""
        key = self.usable[key_id]
        try:
            payload: bytes = _SIGNATURES.decode(token, key, algorithms=[ALGORITHM])
        except PyJWTError:
            return TokenRejected(check=TokenCheck.SIGNATURE)
        check = caller_token.failed_check(payload)
        if check is not None:
            return TokenRejected(check=check)
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=self.issuers,
                audience=audiences,
                leeway=LEEWAY_S,
                options=_OPTIONS,
            )
        except PyJWTError as error:
            return TokenRejected(check=_failed_check(error))
        return caller_token.identity(claims)


def _failed_check(error: PyJWTError) -> TokenCheck:
    if isinstance(error, MissingRequiredClaimError):
        return _CHECK_OF_CLAIM.get(error.claim, TokenCheck.FORM)
    return _CHECK_OF_ERROR.get(type(error), TokenCheck.FORM)


class EntraTenant:
    """One tenant at one authority (https://login.microsoftonline.com, or a sovereign cloud's)."""

    def __init__(self, authority: str, tenant_id: str) -> None:
        self._address = f"{authority}/{tenant_id}"
        self._tenant_id = tenant_id

    async def signing_keys(self) -> EntraKeys:
        """Issuers and keys, of tokens of both versions. Raises SigningKeysUnavailable. The
        caller limits the time.
        """
        # A session of its own, not the upstream's: it is needed for a moment each hour.
        async with aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
        ) as session:
            tenants = await asyncio.gather(
                *(self._metadata(session, self._address + path) for path in METADATA_PATHS)
            )
            addresses = sorted({metadata.keys_url for metadata in tenants})
            documents = await asyncio.gather(
                *(_document(session, address) for address in addresses)
            )
        published: dict[str, RsaKey] = {}
        for document in documents:
            published |= published_keys.signing_keys(document, self._tenant_id)
        usable = {
            key_id: public
            for key_id, key in published.items()
            if (public := _public_key(key)) is not None
        }
        if not usable:
            raise SigningKeysUnavailable("the tenant published no RSA key for signatures")
        return EntraKeys(
            issuers=frozenset(metadata.issuer for metadata in tenants),
            published=published,
            usable=usable,
        )

    async def _metadata(self, session: aiohttp.ClientSession, address: str) -> Metadata:
        metadata = published_keys.metadata(await _document(session, address), self._tenant_id)
        if metadata is None or not is_service_address(metadata.keys_url):
            raise SigningKeysUnavailable("the response is not the OpenID metadata of that tenant")
        return metadata


async def _document(session: aiohttp.ClientSession, address: str) -> Any:
    body = b""
    try:
        async with session.get(address, allow_redirects=False) as response:
            if response.status != 200:
                raise SigningKeysUnavailable(f"status {response.status}")
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > _MAX_RESPONSE_BYTES:
                    raise SigningKeysUnavailable(f"more than {_MAX_RESPONSE_BYTES} bytes")
        return json.loads(body)
    except (aiohttp.ClientError, OSError) as error:
        raise SigningKeysUnavailable(type(error).__name__) from error
    except (ValueError, RecursionError):
        raise SigningKeysUnavailable("the response is not JSON") from None


def _public_key(key: RsaKey) -> RSAPublicKey | None:
    try:
        public = PyJWK({"kty": "RSA", "n": key.n, "e": key.e}, ALGORITHM).key
    except PyJWTError:
        return None
    return public if isinstance(public, RSAPublicKey) and public.key_size >= _MIN_KEY_BITS else None
