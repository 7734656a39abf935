"""Turns a request into a response: checks directives and credentials, and chooses the shape."""

from __future__ import annotations

import asyncio
import pickle
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from emulators.azure_openai import control, errors, multipart, request_parser
from emulators.azure_openai.directives import DirectiveError, Directives, parse, split_deployment
from emulators.azure_openai.http_response import ResponseHeaders, StandInResponse, azure_headers
from emulators.azure_openai.operations import Operations, reads_body
from emulators.azure_openai.recording import ExchangeRecording
from emulators.azure_openai.request import Request
from emulators.azure_openai.request_parser import NotJsonError, ParsedRequest
from emulators.azure_openai.routes import Target, route

_LARGE_BODY_BYTES: Final = (
    512 * 1024
)  # larger bodies are parsed in a child process, see request_parser.py
_ROOT: Final = Path(__file__).parents[2]
_NO_SUCH_DEPLOYMENT: Final = "missing"


@dataclass(frozen=True, kw_only=True)
class DirectedResponse:
    """A response and its directives."""

    response: StandInResponse
    directives: Directives
    headers: ResponseHeaders = ()  # headers of Azure on every response below /openai/


class StandInApp:
    """Answers requests. `defaults` are the directives of requests that have none."""

    def __init__(self, recording: ExchangeRecording, defaults: Directives) -> None:
        self._recording = recording
        self._defaults = defaults
        self._operations = Operations()

    async def reply(self, request: Request) -> DirectedResponse:
        """The reply to a complete request."""
        if request.target.startswith(control.PREFIX):
            return DirectedResponse(
                response=control.respond(request, self._recording), directives=Directives()
            )
        target = route(request.target)
        if target is None:
            return DirectedResponse(response=errors.not_found(), directives=Directives())
        try:
            parsed_request = await _parse(request, target)
        except NotJsonError:
            parsed_request = None
        name = target.deployment or (parsed_request.text("model") if parsed_request else "")
        request.exchange.deployment = name
        deployment, suffix = split_deployment(name)
        try:
            directives = parse(request.header("x-stand-in"), parse(suffix, self._defaults))
        except DirectiveError as error:
            return DirectedResponse(
                response=errors.gateway_error(400, "BadDirective", str(error)),
                directives=Directives(),
            )
        echoed = {key.lower(): value for key, value in request.headers}
        response = _rejection(request, target, deployment, directives) or self._operations.respond(
            request, target, parsed_request, directives, deployment
        )
        return DirectedResponse(
            response=replace(response, status=directives.status, body=b"")
            if directives.empty
            else response,
            directives=directives,
            headers=azure_headers(str(request.exchange.id), deployment, directives, echoed),
        )


def _rejection(
    request: Request, target: Target, deployment: str, directives: Directives
) -> StandInResponse | None:
    """The gateway's error, if it rejects the request."""
    bearer = request.header("authorization").lower().startswith("bearer ")
    if not request.header("api-key") and not bearer:
        return errors.unauthorized()
    if not target.v1 and not target.api_version:
        return errors.not_found()
    if deployment == _NO_SUCH_DEPLOYMENT:
        return errors.deployment_not_found()
    if directives.status != 200:
        return errors.of_status(directives.status, directives.retry_after)
    return errors.blocked_prompt() if directives.blocked_prompt else None


async def _parse(request: Request, target: Target) -> ParsedRequest | None:
    """Parse the body; None without one to parse. Raises NotJsonError."""
    if not reads_body(request, target):
        return None
    if request.header("content-type").startswith("multipart/"):
        return multipart.read(request.body)
    if len(request.body) < _LARGE_BODY_BYTES:
        return request_parser.read(bytes(request.body))
    return await _parse_apart(bytes(request.body))


async def _parse_apart(body: bytes) -> ParsedRequest:
    """Parse a large body in a child process. Raises NotJsonError."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        request_parser.__name__,
        cwd=_ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        output, _ = await process.communicate(body)
    finally:
        if process.returncode is None:  # the caller has disconnected
            process.kill()
    outcome = pickle.loads(output)  # noqa: S301 - written by our own child process
    if not isinstance(outcome, ParsedRequest):
        raise NotJsonError(str(outcome))
    return outcome
