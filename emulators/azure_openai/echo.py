"""The response to requests without a shape of their own: the request as JSON. Pure."""

from __future__ import annotations

from emulators.azure_openai.http_response import StandInResponse, json_response
from emulators.azure_openai.request import Request
from emulators.azure_openai.routes import split_target


def respond(request: Request) -> StandInResponse:
    """The request's method, raw path and query (latin-1), and its body's size and digest."""
    path, query = split_target(request.target)
    return json_response(
        {
            "object": "stand_in.echo",
            "method": request.method,
            "path": path,
            "query": query,
            "body_size": request.exchange.request_size,
            "body_sha256": request.exchange.request_hash.hexdigest(),
        }
    )
