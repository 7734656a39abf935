"""The keys by which a tenant signs the tokens of callers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from shared.core.wire.token.caller_token import TokenAccepted, TokenRejected


class SigningKeys(Protocol):
    """The signing keys that a tenant publishes. Two are equal if their contents are."""

    def has(self, key_id: str) -> bool:
        """Whether a usable key of that id is among them."""
        ...

    def verify(
        self, token: bytes, key_id: str, audiences: Collection[str]
    ) -> TokenAccepted | TokenRejected:
        """The identity that the token speaks for, if the key of that id signed it and its claims
        hold; otherwise the check that it failed. Only for an id that `has` knows.
        """
        ...
