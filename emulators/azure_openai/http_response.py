"""A response before its delivery, and the headers of Azure. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from emulators.azure_openai.directives import Directives
from emulators.azure_openai.texts import digest

type ResponseHeaders = tuple[tuple[str, str], ...]

SSE: Final = "text/event-stream"
JSON: Final = "application/json"


@dataclass(frozen=True, kw_only=True)
class StandInResponse:
    """Status, headers and body. Bytes are sent with their length, an iterable of pieces is sent
    chunked.
    """

    status: int = 200
    content_type: str = JSON
    headers: ResponseHeaders = ()  # in addition to those of every response
    body: bytes | Iterable[bytes] = b""


# built once, used for every event
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def to_json(value: object) -> bytes:
    """JSON as Azure writes it: compact, UTF-8 unescaped."""
    return _encode(value).encode("utf-8", "surrogatepass")


def json_response(
    value: object, status: int = 200, headers: ResponseHeaders = ()
) -> StandInResponse:
    """A response with a JSON document."""
    return StandInResponse(status=status, headers=headers, body=to_json(value))


def azure_headers(
    request_id: str, deployment: str, directives: Directives, echoed: Mapping[str, str]
) -> ResponseHeaders:
    """The headers of every response. `request_id` differs for each request; `echoed` are the
    request's headers.
    """
    headers = [
        ("x-ms-region", directives.region),
        ("apim-request-id", _uuid(digest(request_id, "apim"))),
        ("x-request-id", _uuid(digest(request_id, "x"))),
        ("x-ms-client-request-id", echoed.get("x-ms-client-request-id", "")),
        ("x-ms-deployment-name", quote(deployment)),
        ("azureml-model-session", f"v20241120-1-{digest(deployment)[:9]}" if deployment else ""),
        ("x-ratelimit-remaining-requests", "999"),
        ("x-ratelimit-remaining-tokens", "99000"),
        ("x-ms-spillover-from-deployment", directives.spillover),
        ("x-ms-spillover-error", "429" if directives.spillover else ""),
        ("x-ms-is-spilled-over", "true" if directives.spillover else "false"),
        (
            "set-cookie",
            f"stand_in={directives.set_cookie}; Path=/" if directives.set_cookie else "",
        ),
        ("strict-transport-security", "max-age=31536000; includeSubDomains; preload"),
        ("x-content-type-options", "nosniff"),
    ]
    return tuple((name, value) for name, value in headers if value)


def _uuid(hexadecimal: str) -> str:
    return "-".join(
        hexadecimal[start:end] for start, end in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
    )
