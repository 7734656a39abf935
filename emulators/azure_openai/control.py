"""The routes below `/_stand_in/`, for tests and the supervisor. They need no key."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs

from emulators.azure_openai.errors import gateway_error
from emulators.azure_openai.http_response import StandInResponse, json_response
from emulators.azure_openai.recording import ExchangeRecording
from emulators.azure_openai.request import Request
from emulators.azure_openai.routes import split_target

PREFIX: Final = "/_stand_in/"


def respond(request: Request, recording: ExchangeRecording) -> StandInResponse:
    """Respond to `GET health`, `GET exchanges` and `DELETE exchanges`.

    `exchanges` takes `deployment`, `header` (`name:value`), `limit` (the newest N), and
    `details=false`, which leaves out bodies and write times.
    """
    path, query = split_target(request.target)
    operation = request.method, path.removeprefix(PREFIX)
    if operation == ("GET", "health"):
        return json_response({"status": "ok", "open_exchanges": recording.open_count()})
    if operation == ("GET", "exchanges"):
        return json_response(_exchanges(recording, query or ""))
    if operation == ("DELETE", "exchanges"):
        recording.clear()
        return json_response({})
    return gateway_error(404, "404", "there are GET health, GET exchanges and DELETE exchanges")


def _exchanges(recording: ExchangeRecording, query: str) -> list[dict[str, object]]:
    parameters = {name: values[-1] for name, values in parse_qs(query).items()}
    limit = parameters.get("limit", "")
    exchanges = recording.find(
        parameters.get("deployment", ""),
        parameters.get("header", ""),
        int(limit) if limit.isdecimal() else 0,
    )
    return [
        exchange.document(details=parameters.get("details") != "false") for exchange in exchanges
    ]
