"""An error of the proxy itself, in Azure OpenAI's shape, as a whole response."""

from __future__ import annotations

from starlette.responses import Response

from shared.core.api_errors import ApiError


class ErrorResponse(Response):
    """The whole response. What an exchange reports to its client is decided in
    shared.core.exchange.
    """

    def __init__(self, error: ApiError, headers: dict[str, str] | None = None) -> None:
        if error.retry_after_s is not None:
            headers = {**(headers or {}), "retry-after": str(error.retry_after_s)}
        super().__init__(error.body(), error.status, headers, media_type="application/json")
