"""Addresses of services that get the app's credentials, or whose keys the app trusts."""

from __future__ import annotations

from typing import Final
from urllib.parse import SplitResult, urlsplit

_LOCAL_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def is_service_address(text: str) -> bool:
    """Whether the text is a URL without a query that `has_safe_scheme`. Raises ValueError for a
    malformed URL.
    """
    parts = urlsplit(text)
    return has_safe_scheme(parts) and bool(parts.hostname) and "?" not in text


def has_safe_scheme(parts: SplitResult) -> bool:
    """Whether nobody on the way can read or change a call: HTTPS, or HTTP on this machine."""
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL_HOSTS)
