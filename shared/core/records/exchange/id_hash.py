"""The hash of an id that is not fnsse's own, such as a person's or a response's."""

from __future__ import annotations

import hashlib


def hash_id(text: str) -> str:
    """The SHA-256 of an id, in hex. Unlike the id it can be part of a blob's name, and it does not
    name a person.
    """
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
