"""The proxy's own errors have Azure OpenAI's shape."""

from __future__ import annotations

import json

import pytest

from shared.core import api_error
from shared.core.api_error import ApiError
from shared.core.token.caller_token import Check, Role


@pytest.mark.parametrize(
    ("error", "status", "code", "named"),
    [
        (
            api_error.unknown_route(),
            404,
            "unknown_route",
            "POST /openai/deployments/{deployment}/chat/completions",
        ),
        (api_error.method_not_allowed(("GET", "POST")), 405, "method_not_allowed", "GET, POST"),
        (api_error.websocket(), 501, "websocket_not_supported", "WebSocket"),
        (api_error.body_too_large(100 * 1024 * 1024), 413, "body_too_large", "100 MB"),
        (api_error.body_too_large(512 * 1024), 413, "body_too_large", "0.5 MB"),
        (api_error.body_too_large(1), 413, "body_too_large", "MAX_REQUEST_BODY_MB"),
        (api_error.upstream_unreachable("why"), 502, "upstream_unreachable", "why"),
        (api_error.upstream_timeout("why"), 504, "upstream_timeout", "why"),
        (
            api_error.not_allowed(Role.CALLER),
            403,
            "caller_not_allowed",
            "CALLER_AUTH_CALLER_OBJECT_IDS",
        ),
        (
            api_error.not_allowed(Role.OPERATOR),
            403,
            "operator_not_allowed",
            "CALLER_AUTH_OPERATOR_OBJECT_IDS",
        ),
        (
            api_error.signing_keys_unavailable(),
            503,
            "signing_keys_unavailable",
            "CALLER_AUTH_AUTHORITY",
        ),
        *(
            (api_error.token_refused(check), 401, check.value, "The call was refused: ")
            for check in Check
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
