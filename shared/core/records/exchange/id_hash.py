"""The hash of an id that is not fnsse's own."""

from __future__ import annotations

import hashlib


def hash_id(text: str) -> str:
    """The SHA-256 of the id of a person or of a response, in hex. Unlike the id it can be part of a
    blob's name, and it does not name a person.
    """
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
