"""A tenant of Microsoft Entra: the keys that it publishes, over HTTP, and whether one of them has
signed a token.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK, PyJWS, PyJWTError

from shared.core.token import published_keys
from shared.core.token.caller_token import ALGORITHM
from shared.core.token.published_keys import METADATA_PATHS, Metadata, RsaKey
from shared.errors import SigningKeysUnavailable
from shared.settings.validators import is_address

_LARGEST_ANSWER_BYTES: Final = 1024 * 1024  # Entra's are about 10 KB
_LEAST_KEY_BITS: Final = 2048  # RFC 7518, 3.3
_SIGNATURES: Final = PyJWS(algorithms=[ALGORITHM])


@dataclass(frozen=True, kw_only=True)
class EntraKeys:
    """What the tenant published: see `key_renewal.SigningKeys`."""

    issuers: frozenset[str]
    published: dict[str, RsaKey]
    usable: dict[str, RSAPublicKey] = field(compare=False, repr=False)

    def has(self, key_id: str) -> bool:
        return key_id in self.usable

    def signed(self, token: bytes, key_id: str) -> bytes | None:
        """The token's payload if that key has signed it with RS256, whatever else the token says;
        None if not.
        """
        try:
            payload: bytes = _SIGNATURES.decode(token, self.usable[key_id], algorithms=[ALGORITHM])
        except PyJWTError:
            return None
        return payload


class EntraTenant:
    """One tenant at one authority (https://login.microsoftonline.com, or a sovereign cloud's)."""

    def __init__(self, authority: str, tenant_id: str) -> None:
        self._address = f"{authority}/{tenant_id}"
        self._tenant_id = tenant_id

    async def signing_keys(self) -> EntraKeys:
        """Issuers and keys, of tokens of both versions. Raises SigningKeysUnavailable; whoever
        calls limits the time.
        """
        # Of its own, not the upstream's pool: it is needed for a moment each hour.
        async with aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
        ) as session:
            found = await asyncio.gather(
                *(self._metadata(session, self._address + path) for path in METADATA_PATHS)
            )
            addresses = sorted({one.keys_url for one in found})
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
            issuers=frozenset(one.issuer for one in found), published=published, usable=usable
        )

    async def _metadata(self, session: aiohttp.ClientSession, address: str) -> Metadata:
        found = published_keys.metadata(await _document(session, address), self._tenant_id)
        if found is None or not is_address(found.keys_url):
            raise SigningKeysUnavailable("what came is not the OpenID metadata of that tenant")
        return found


async def _document(session: aiohttp.ClientSession, address: str) -> Any:
    body = b""
    try:
        async with session.get(address, allow_redirects=False) as response:
            if response.status != 200:
                raise SigningKeysUnavailable(f"status {response.status}")
            async for piece in response.content.iter_any():
                body += piece
                if len(body) > _LARGEST_ANSWER_BYTES:
                    raise SigningKeysUnavailable(f"more than {_LARGEST_ANSWER_BYTES} bytes")
        return json.loads(body)
    except (aiohttp.ClientError, OSError) as error:
        raise SigningKeysUnavailable(type(error).__name__) from error
    except (ValueError, RecursionError):
        raise SigningKeysUnavailable("what came is not JSON") from None


def _public_key(key: RsaKey) -> RSAPublicKey | None:
    try:
        public = PyJWK({"kty": "RSA", "n": key.n, "e": key.e}, ALGORITHM).key
    except PyJWTError:
        return None
    return (
        public if isinstance(public, RSAPublicKey) and public.key_size >= _LEAST_KEY_BITS else None
    )
