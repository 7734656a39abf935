"""The secrets that are planted, and the forms in which they may turn up."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import quote

# Kind -> what the detectors know. None of them is anybody's.
TEXTS: Final = {
    "email": "jane.planted@contoso-secrets.example",
    "card": "4111 1111 1111 1111",
    "iban": "DE89 3704 0044 0532 0130 00",
    "ip": "203.0.113.77",
    "api_key": "sk-plantedPLANTED0123456789planted",
    "connection_string": "AccountKey=cGxhbnRlZHBsYW50ZWRwbGFudGVkcGxhbnRlZA==",
    "jwt": "eyJwbGFudGVkIjoxfQ.eyJzdWIiOiJwbGFudGVkIn0.cGxhbnRlZHBsYW50ZWQ",
}
# What comes in headers and in the query. No content mode lets any of it be kept.
CREDENTIALS: Final = {
    "the caller's key": "planted-caller-key-7d1f0c",
    "the caller's token": "planted-bearer-token-93ab12",
    "a cookie": "planted-cookie-55e0aa",
    "a header": "planted-header-0c1d2e",
    "a parameter of the query": "planted-query-8f7e6d",
}


def everything() -> str:
    """A text with a secret of each kind."""
    return "; ".join(f"my {kind} is {text}" for kind, text in TEXTS.items()) + "."


def secrets_in(data: bytes, secrets: Mapping[str, str]) -> Iterator[str]:
    """The names of what `data` holds: plain, escaped within JSON, percent-encoded or in Base64."""
    for name, text in secrets.items():
        if any(form in data for form in _forms(text)):
            yield name


def _forms(text: str) -> set[bytes]:
    plain = text.encode()
    forms = {plain, json.dumps(text)[1:-1].encode(), quote(text, safe="").encode()}
    for offset in range(3):  # Base64 looks different by the place within a group of three bytes
        encoded = base64.b64encode(b"\0" * offset + plain)
        start = {0: 0, 1: 2, 2: 3}[offset]
        end = len(encoded) - (4 if len(b"\0" * offset + plain) % 3 else 0)
        forms.add(encoded[start:end])
    return forms
