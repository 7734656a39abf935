"""An error response of the proxy's own."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiError:
    """An error response. `message` names the thing and the remedy, never a host, an account or a
    secret.
    """

    status: int
    code: str
    message: str
    type: str = "fnsse_error"
    retry_after_s: int | None = None  # the response's Retry-After; None: no such header

    def body(self) -> bytes:
        """The JSON document `{"error": {"code", "message", "type"}}`."""
        return json.dumps(
            {"error": {"code": self.code, "message": self.message, "type": self.type}}
        ).encode()
