"""Errors with which an exchange ends."""

from __future__ import annotations

from shared.core.api_errors.api_error import ApiError
from shared.core.wire.operations import CHAT_COMPLETIONS


def websocket() -> ApiError:
    """A 501 for a request to open a WebSocket."""
    return ApiError(
        status=501,
        code="websocket_not_supported",
        message="This proxy does not relay WebSockets, so the Realtime API is not available through it. "
        "Call Azure OpenAI directly.",
    )


def unknown_route() -> ApiError:
    """A 404 for a path that is not relayed."""
    return ApiError(
        status=404,
        code="unknown_route",
        message="No such route. This proxy relays what is below /openai/, such as "
        f"{CHAT_COMPLETIONS.method} {CHAT_COMPLETIONS.deployment_path('{deployment}')}.",
    )


def method_not_allowed(allowed: tuple[str, ...]) -> ApiError:
    """A 405 that names the methods of the route."""
    return ApiError(
        status=405,
        code="method_not_allowed",
        message=f"This route does not have that method; use {', '.join(allowed)}.",
    )


def body_too_large(limit_bytes: int) -> ApiError:
    """A 413 that names the limit."""
    limit = f"{limit_bytes / 1048576:g} MB"
    return ApiError(
        status=413,
        code="body_too_large",
        message=f"The request body is larger than {limit}. Send a smaller one, or have MAX_REQUEST_BODY_MB raised.",
    )


def request_memory_full() -> ApiError:
    """A 503 for a large request that finds no memory for its body."""
    return ApiError(
        status=503,
        code="request_memory_full",
        message="This proxy holds as many large request bodies as it may. Try again. If it persists, the operator should "
        "raise REQUEST_MEMORY_MB, or have fewer calls served by one instance.",
        retry_after_s=2,
    )


def capture_unavailable() -> ApiError:
    """A 503 for a request whose capture is required and cannot be stored."""
    return ApiError(
        status=503,
        code="capture_unavailable",
        message="This proxy relays only what it can record (CAPTURE_POLICY=required), and its storage did not take the record. "
        "Try again. If it persists, the operator should check the storage account of CAPTURES_STORAGE.",
    )


def upstream_unreachable(message: str) -> ApiError:
    """A 502 for a request that did not reach Azure OpenAI."""
    return ApiError(status=502, code="upstream_unreachable", message=message)


def upstream_interrupted(message: str) -> ApiError:
    """A 502 for a response that broke off."""
    return ApiError(status=502, code="upstream_interrupted", message=message)


def internal_error() -> ApiError:
    """A 500 for a failure of the proxy itself."""
    return ApiError(
        status=500,
        code="internal_error",
        message="The proxy itself failed. Try again. If it persists, give its operator the x-exchange-id of this response.",
    )


def upstream_timeout(message: str) -> ApiError:
    """A 504 for a response that took too long."""
    return ApiError(status=504, code="upstream_timeout", message=message)
