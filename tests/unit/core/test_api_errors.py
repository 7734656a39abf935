"""The proxy's own errors have Azure OpenAI's shape."""

from __future__ import annotations

import json

import pytest

from shared.core import api_errors
from shared.core.api_errors import ApiError
from shared.core.wire.token.caller_token import Role, TokenCheck


@pytest.mark.parametrize(
    ("error", "status", "code", "named"),
    [
        (
            api_errors.unknown_route(),
            404,
            "unknown_route",
            "POST /openai/deployments/{deployment}/chat/completions",
        ),
        (
            api_errors.method_not_allowed(("GET", "POST")),
            405,
            "method_not_allowed",
            "GET, POST",
        ),
        (api_errors.websocket(), 501, "websocket_not_supported", "WebSocket"),
        (api_errors.body_too_large(100 * 1024 * 1024), 413, "body_too_large", "100 MB"),
        (api_errors.body_too_large(512 * 1024), 413, "body_too_large", "0.5 MB"),
        (api_errors.body_too_large(1), 413, "body_too_large", "MAX_REQUEST_BODY_MB"),
        (api_errors.upstream_unreachable("why"), 502, "upstream_unreachable", "why"),
        (api_errors.upstream_timeout("why"), 504, "upstream_timeout", "why"),
        (
            api_errors.not_allowed(Role.CALLER),
            403,
            "caller_not_allowed",
            "CALLER_AUTH_CALLER_OBJECT_IDS",
        ),
        (
            api_errors.not_allowed(Role.OPERATOR),
            403,
            "operator_not_allowed",
            "CALLER_AUTH_OPERATOR_OBJECT_IDS",
        ),
        (
            api_errors.signing_keys_unavailable(),
            503,
            "signing_keys_unavailable",
            "CALLER_AUTH_AUTHORITY",
        ),
        *(
            (api_errors.token_rejected(check), 401, check.value, "The call was rejected: ")
            for check in TokenCheck
        ),
    ],
)
def test_an_error_says_code_message_and_type(
    error: ApiError, status: int, code: str, named: str
) -> None:
    body = json.loads(error.body())
    assert error.status == status
    assert body == {"error": {"code": code, "message": error.message, "type": "fnsse_error"}}
    assert named in error.message
