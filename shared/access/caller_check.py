"""Checks callers' Entra tokens (CALLER_AUTH=entra), which APIM's managed identity sends.

A token that holds is remembered, by its hash, until it expires or its tenant publishes other keys.
So a call costs a hash and a table lookup, and a signature is verified about once a day for each of
APIM's units.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from shared.access.key_renewal import KeyRenewal
from shared.core import api_errors
from shared.core.api_errors import ApiError
from shared.core.wire.token import caller_token
from shared.core.wire.token.caller_token import Role, TokenAccepted, TokenCheck, TokenRejected
from shared.errors import SigningKeysUnavailable
from shared.ports.signing_keys import SigningKeys
from shared.settings.settings import CallerAuthSettings

# Tokens of allowed identities only: nobody else can fill the memory.
_REMEMBERED: Final = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class _VerifiedToken:
    """A token that was found to hold."""

    accepted: TokenAccepted
    keys: SigningKeys  # the keys that it was checked with


class CallerCheck:
    """Decides on calls by their headers alone, before a byte of the body is read."""

    def __init__(
        self,
        settings: CallerAuthSettings,
        renewal: KeyRenewal,
        clock: Callable[[], float] = time.time,
        *,
        max_remembered: int = _REMEMBERED,
    ) -> None:
        self._audiences = settings.audiences
        self._object_ids = {
            Role.CALLER: settings.caller_object_ids,
            Role.OPERATOR: settings.operator_object_ids,
        }
        self._any_role = settings.caller_object_ids | settings.operator_object_ids
        self._renewal = renewal
        self._clock = clock
        self._max_remembered = max_remembered
        self.token_cache: dict[bytes, _VerifiedToken] = {}

    def begin(self) -> None:
        """Fetch the tenant's keys ahead of the first call."""
        self._renewal.begin()

    async def probe(self) -> None:
        """Raises SigningKeysUnavailable while no token can be checked."""
        await self._renewal.probe()

    async def rejection(
        self, headers: Iterable[tuple[bytes, bytes]], role: Role
    ) -> ApiError | None:
        """Why the call may not go on, or None if it may. Does not suspend once the token is
        cached.
        """
        decision = await self.identity(headers, role)
        return decision if isinstance(decision, ApiError) else None

    async def identity(self, headers: Iterable[tuple[bytes, bytes]], role: Role) -> str | ApiError:
        """The object id of the identity that calls, or why the call may not go on. Does not suspend
        once the token is cached.
        """
        token = caller_token.bearer(headers)
        if isinstance(token, TokenRejected):
            return api_errors.token_rejected(token.check)
        try:
            decision = await self._decision(token)
        except SigningKeysUnavailable:
            return api_errors.signing_keys_unavailable()
        if isinstance(decision, TokenRejected):
            return api_errors.token_rejected(decision.check)
        if decision.object_id not in self._object_ids[role]:
            return api_errors.not_allowed(role)
        return decision.object_id

    async def _decision(self, token: bytes) -> TokenAccepted | TokenRejected:
        """The cached decision on a token, if it still holds; otherwise a new one."""
        digest = hashlib.sha256(token).digest()
        cached = self.token_cache.get(digest)
        if (
            cached is not None
            and cached.keys is self._renewal.keys
            and self._clock() < cached.accepted.until_s
        ):
            return cached.accepted
        self.token_cache.pop(digest, None)
        return await self._examine(token, digest)

    async def _examine(self, token: bytes, digest: bytes) -> TokenAccepted | TokenRejected:
        key_id = caller_token.key_id(token)
        if isinstance(key_id, TokenRejected):
            return key_id
        keys = await self._renewal.current_with(key_id)
        if not keys.has(key_id):
            return TokenRejected(check=TokenCheck.KEY)
        decision = keys.verify(token, key_id, self._audiences)
        if isinstance(decision, TokenAccepted) and decision.object_id in self._any_role:
            self._remember(digest, _VerifiedToken(accepted=decision, keys=keys))
        return decision

    def _remember(self, digest: bytes, entry: _VerifiedToken) -> None:
        if len(self.token_cache) >= self._max_remembered:
            now_s = self._clock()
            self.token_cache = {
                key: entry
                for key, entry in self.token_cache.items()
                if entry.accepted.until_s > now_s
            }
        if len(self.token_cache) >= self._max_remembered:
            del self.token_cache[next(iter(self.token_cache))]  # the oldest
        self.token_cache[digest] = entry


def for_app(
    settings: CallerAuthSettings | None,
    fetch_keys: Callable[[CallerAuthSettings], Callable[[], Awaitable[SigningKeys]]],
) -> CallerCheck | None:
    """The check with the tenant's keys; None if the Functions host checks its own keys."""
    return CallerCheck(settings, KeyRenewal(fetch_keys(settings))) if settings else None
