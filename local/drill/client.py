"""The HTTP client of the drill: a call as a user makes it, and the app's readiness."""

from __future__ import annotations

import json
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import Final
from urllib.parse import urlsplit

from shared.core.wire.http.headers import EXCHANGE_ID_HEADER

_CALL_TIMEOUT_S: Final = 60.0
_HEALTH_TIMEOUT_S: Final = 15.0


def ask(proxy: str) -> tuple[str, str | None]:
    """(status or error, exchange id) of a streamed call that is read to its end."""
    body = json.dumps(
        {"stream": True, "messages": [{"role": "user", "content": "Is anything lost?"}]}
    )
    target = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"
    with closing(_connection(proxy, _CALL_TIMEOUT_S)) as connection:
        try:
            connection.request("POST", target, body, {"content-type": "application/json"})
            response = connection.getresponse()
            exchange_id = response.getheader(EXCHANGE_ID_HEADER)
            text = response.read()
        except (OSError, HTTPException) as error:
            return f"no response ({type(error).__name__})", None
    whole = response.status != 200 or b"data: [DONE]" in text
    return str(response.status) if whole else "cut short", exchange_id


def health(proxy: str) -> str:
    """The status line of `GET /health/ready` and the state of each part."""
    with closing(_connection(proxy, _HEALTH_TIMEOUT_S)) as connection:
        try:
            connection.request("GET", "/health/ready")
            response = connection.getresponse()
            states = json.loads(response.read())
        except (OSError, HTTPException, ValueError) as error:
            return f"no response ({type(error).__name__})"
    members = ", ".join(f"{name} {state}" for name, state in states.items() if name != "status")
    return f"{response.status} {states.get('status')} ({members})"


def _connection(proxy: str, timeout_s: float) -> HTTPConnection:
    address = urlsplit(proxy)
    return HTTPConnection(address.hostname or "", address.port, timeout=timeout_s)
