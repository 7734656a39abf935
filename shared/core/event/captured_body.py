"""The size and the hash of a captured body, whether it is stored or not."""

from __future__ import annotations

import hashlib

from shared.core.records.exchange.capture import BodyDigest, Capture
from shared.core.records.exchange.envelope import Envelope


def body_bytes(envelope: Envelope, capture: Capture | None, relayed_bytes: int) -> int:
    """The size of the captured body; without a capture, `relayed_bytes`."""
    if capture is None:
        return relayed_bytes
    digest = _known_digest(envelope, capture)
    return digest.bytes if digest else len(capture.body)


def body_sha256(envelope: Envelope, capture: Capture | None) -> str | None:
    """The SHA-256 of the captured body, in hexadecimal; None without a capture."""
    if capture is None:
        return None
    digest = _known_digest(envelope, capture)
    return digest.sha256 if digest else hashlib.sha256(capture.body).hexdigest()


def _known_digest(envelope: Envelope, capture: Capture) -> BodyDigest | None:
    """The size and hash of a body that is not here: it was too large to be read, or it is not
    stored. If bodies are stored, the header is not believed: it may have been changed to hide that
    the body was altered.
    """
    if capture.unread is not None:
        return capture.unread
    return None if envelope.content_mode.stores_bodies else capture.body_digest
