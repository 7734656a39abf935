"""A response that the app fetched for itself, as a whole."""

from __future__ import annotations

from dataclasses import dataclass

from shared.core.wire.http.headers import RawHeaders


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchedResponse:
    """Status, headers and body, and when they came: milliseconds since the request."""

    status: int
    headers: RawHeaders
    body: bytes
    to_headers_ms: float
    to_end_ms: float
