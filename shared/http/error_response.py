"""An error of the proxy itself, in Azure OpenAI's shape, as the whole response to a call that is
not an exchange.
"""

from __future__ import annotations

from starlette.responses import Response

from shared.core.api_errors.api_error import ApiError


class ErrorResponse(Response):
    """The whole response. An exchange reports its errors by itself (shared.core.exchange)."""

    def __init__(self, error: ApiError, headers: dict[str, str] | None = None) -> None:
        if error.retry_after_s is not None:
            headers = {**(headers or {}), "retry-after": str(error.retry_after_s)}
        super().__init__(error.body(), error.status, headers, media_type="application/json")
