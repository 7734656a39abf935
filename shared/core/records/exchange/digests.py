"""Digests: SHA-256 of an exchange's captures and of its event.

The ledger keeps those of the first delivery, so that a later one can tell whether a capture was
altered in storage since. The digest of a capture covers its header as well, which holds the caller
and, in a response's capture, the envelope: it is the SHA-256 of everything before the body,
followed by the SHA-256 of the body. The event needs the body's hash anyway, so no body is hashed
twice.

A digest is a text of 43 characters: base64url without padding, a third shorter than hexadecimal.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Final, Self

from shared.core.records.exchange.capture import Capture, preamble

_SEPARATOR: Final = ","
_DIGEST: Final = re.compile(r"[\w-]{43}", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Digests:
    """The digests of an exchange. None: not known, or the capture may still change."""

    request: str | None = None  # of the request's capture
    response: str | None = None  # of the response's capture
    event: str | None = None  # of the event as it was sent

    @property
    def word(self) -> str:
        """One word of a ledger line, empty if no digest is known."""
        parts = [self.request or "", self.response or "", self.event or ""]
        return _SEPARATOR.join(parts) if any(parts) else ""

    @classmethod
    def of_word(cls, word: str) -> Self:
        """The digests in such a word; none if it is another word."""
        parts = word.split(_SEPARATOR)
        if len(parts) != 3 or not all(_DIGEST.fullmatch(part) for part in parts if part):
            return cls()
        request, response, event = (part or None for part in parts)
        return cls(request=request, response=response, event=event)


NO_DIGESTS: Final = Digests()


@dataclass(frozen=True, kw_only=True, slots=True)
class AcceptedEvent:
    """An event that the Event Hub has accepted."""

    exchange_id: str
    digests: Digests = NO_DIGESTS


def of_bytes(data: bytes) -> str:
    """The digest of bytes."""
    return _text(hashlib.sha256(data).digest())


def of_capture(stored: Capture | None, body_sha256: str | None) -> str | None:
    """The digest of a capture; None without a capture, and for a placeholder, which the capture
    may still replace.

    `body_sha256` is the body's hash, in hexadecimal.
    """
    if stored is None or body_sha256 is None or stored.is_partial:
        return None
    return of_bytes(preamble(stored.header) + bytes.fromhex(body_sha256))


def _text(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
