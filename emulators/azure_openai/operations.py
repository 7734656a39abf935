"""Maps operations to the shapes of their responses."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from emulators.azure_openai import audio, chat, completions, echo, embeddings, errors, files, images
from emulators.azure_openai.choices import ModelOutput, generate
from emulators.azure_openai.directives import Directives
from emulators.azure_openai.http_response import StandInResponse
from emulators.azure_openai.request import Request
from emulators.azure_openai.request_parser import ParsedRequest
from emulators.azure_openai.routes import Target
from emulators.azure_openai.stored_responses import StoredResponses

# The first api-version that users saw stream_options work with is 2024-08-01-preview
# (Azure/azure-rest-api-specs#30810); 2024-05-01-preview answered 400 (azure-rest-api-specs#29157).
_STREAM_OPTIONS_SINCE: Final = "2024-08-01"

_MODEL_OPERATIONS: Final[dict[str, Callable[[ModelOutput], StandInResponse]]] = {
    "chat/completions": chat.respond,
    "completions": completions.respond,
    "embeddings": embeddings.respond,
    "images/generations": images.respond,
    "images/edits": images.respond,
    "images/variations": images.respond,
    "audio/transcriptions": audio.transcription,
    "audio/translations": audio.transcription,
    "audio/speech": audio.speech,
}
_OTHER_JSON: Final = {"responses", "responses/compact", "batches"}


def reads_body(request: Request, route: Target) -> bool:
    """Whether the operation parses its request's body."""
    return request.method == "POST" and route.operation in {*_MODEL_OPERATIONS, *_OTHER_JSON}


class Operations:
    """Answers requests that the gateway accepted."""

    def __init__(self) -> None:
        self._responses = StoredResponses(time.monotonic)

    def respond(
        self,
        request: Request,
        route: Target,
        parsed_request: ParsedRequest | None,
        directives: Directives,
        deployment: str,
    ) -> StandInResponse:
        """The operation's response, by default an echo. `parsed_request` is None for a body that is
        not parsed.
        """
        if reads_body(request, route):
            if parsed_request is None:
                return errors.invalid_request("We could not parse the JSON body of your request.")
            if route.operation != "batches":
                return self._of_model(request, route, parsed_request, directives, deployment)
        return self._of_resource(request, route, parsed_request, directives) or echo.respond(
            request
        )

    def _of_model(
        self,
        request: Request,
        route: Target,
        parsed_request: ParsedRequest,
        directives: Directives,
        deployment: str,
    ) -> StandInResponse:
        if not deployment:
            return errors.invalid_request("you must provide a model parameter")
        if "stream_options" in parsed_request.parameters and _refuses_stream_options(
            route, parsed_request, directives
        ):
            return errors.stream_options_refused()
        output = generate(
            parsed_request,
            directives,
            deployment,
            parsed_request.inputs if route.operation == "completions" else 1,
        )
        if route.operation == "responses":
            return self._responses.create(request, output)
        if route.operation == "responses/compact":
            return self._responses.compact(request, output)
        return _MODEL_OPERATIONS[route.operation](output)

    def _of_resource(
        self,
        request: Request,
        route: Target,
        parsed_request: ParsedRequest | None,
        directives: Directives,
    ) -> StandInResponse | None:
        match route.segments[0]:
            case "responses":
                return self._responses.respond(request, route, directives)
            case "files":
                return files.files(request, route.segments)
            case "batches":
                return files.batches(request, route.segments, parsed_request)
            case "models":
                return files.models(request, route.segments)
        return None


def _refuses_stream_options(
    route: Target, parsed_request: ParsedRequest, directives: Directives
) -> bool:
    old = not route.v1 and (route.api_version or "") < _STREAM_OPTIONS_SINCE
    never = route.operation.startswith("responses") or "data_sources" in parsed_request.parameters
    return directives.refuse_stream_options or old or never
