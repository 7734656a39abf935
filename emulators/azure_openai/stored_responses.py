"""Stored responses: get (also as a stream), cancel, delete, input items; background mode.

The newest 1,000 are kept. A background response is `queued` when created, then `in_progress` for
`background_ms`, then over. Each gets an id of its own, even for equal texts.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from emulators.azure_openai import responses, sse
from emulators.azure_openai.choices import ModelOutput
from emulators.azure_openai.directives import Directives
from emulators.azure_openai.errors import error, invalid_request
from emulators.azure_openai.http_response import SSE, StandInResponse, json_response
from emulators.azure_openai.request import Request
from emulators.azure_openai.responses_stream import stream
from emulators.azure_openai.routes import Target
from emulators.azure_openai.texts import digest

_MAX_RESPONSES: Final = 1_000


@dataclass(kw_only=True, slots=True)
class _StoredResponse:
    model_output: ModelOutput
    request_body: bytes
    # clock seconds; for a response not in the background, when it was created
    over_at: float
    cancelled: bool = False

    def status(self, now: float) -> str:
        if self.cancelled:
            return "cancelled"
        return responses.final_status(self.model_output) if now >= self.over_at else "in_progress"


class StoredResponses:
    """The Responses API's server side. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._stored: OrderedDict[str, _StoredResponse] = OrderedDict()
        self._created = 0

    def create(self, request: Request, model_output: ModelOutput) -> StandInResponse:
        """Create a response: `POST responses`."""
        self._created += 1
        name = f"resp_{digest(model_output.request.seed, str(self._created))[:48]}"
        background = model_output.request.flag("background")
        if model_output.request.parameters.get("store") is not False:
            self._keep(name, request, model_output, background=background)
        if model_output.request.flag("stream"):
            return _stream_response(stream(model_output, name), model_output.directives)
        if model_output.directives.error_in_200:
            failure = responses.FAILURE
            return json_response(
                failure if model_output.directives.error_in_200 == "flat" else {"error": failure}
            )
        status = "queued" if background else responses.final_status(model_output)
        return json_response(responses.document(model_output, name, status))

    def compact(self, request: Request, model_output: ModelOutput) -> StandInResponse:
        """`POST responses/compact`. Nothing is stored."""
        users = [item for item in _items(request.body, model_output) if _is_of_user(item)]
        return json_response(responses.compact(model_output, users))

    def respond(
        self, request: Request, route: Target, directives: Directives
    ) -> StandInResponse | None:
        """Respond to other requests below `responses/`; None for unknown ones."""
        name = route.segments[1] if len(route.segments) > 1 else ""
        stored = self._stored.get(name)
        if stored is None:
            return error(
                404, None, f"Response with id '{name}' not found.", "invalid_request_error", "id"
            )
        match request.method, route.segments[2:]:
            case "GET", []:
                return self._get(name, stored, route, directives)
            case "DELETE", []:
                del self._stored[name]
                return json_response({"id": name, "object": "response", "deleted": True})
            case "POST", ["cancel"]:
                return self._cancel(name, stored)
            case "GET", ["input_items"]:
                return json_response(
                    {"object": "list", "data": _input_items(stored), "has_more": False}
                )
        return None

    def _keep(
        self, name: str, request: Request, model_output: ModelOutput, *, background: bool
    ) -> None:
        delay_s = model_output.directives.background_ms / 1000 if background else 0.0
        body = bytes(request.exchange.request_body or b"")
        self._stored[name] = _StoredResponse(
            model_output=model_output, request_body=body, over_at=self._clock() + delay_s
        )
        if len(self._stored) > _MAX_RESPONSES:
            self._stored.popitem(last=False)

    def _get(
        self, name: str, stored: _StoredResponse, route: Target, directives: Directives
    ) -> StandInResponse:
        if route.query.get("stream") == "true":
            after = route.query.get("starting_after", "")
            return _stream_response(
                stream(stored.model_output, name, int(after) if after.isdecimal() else -1),
                directives,
            )
        return json_response(
            responses.document(stored.model_output, name, stored.status(self._clock()))
        )

    def _cancel(self, name: str, stored: _StoredResponse) -> StandInResponse:
        if not stored.model_output.request.flag("background"):
            return invalid_request("Cannot cancel a synchronous response.")
        stored.cancelled = stored.cancelled or self._clock() < stored.over_at
        return json_response(
            responses.document(stored.model_output, name, stored.status(self._clock()))
        )


def _stream_response(events: sse.EncodedEvents, directives: Directives) -> StandInResponse:
    return StandInResponse(content_type=SSE, body=sse.apply_directives(events, directives))


def _input_items(stored: _StoredResponse) -> list[object]:
    """The request's input items. Empty if the request was too long to be recorded."""
    return _items(stored.request_body, stored.model_output)


def _items(request_body: bytes | bytearray, model_output: ModelOutput) -> list[object]:
    """The input items of a request; plain text becomes a message."""
    request_input = json.loads(request_body).get("input", []) if request_body else []
    if isinstance(request_input, str):
        part = {"type": "input_text", "text": request_input}
        return [
            {
                "id": model_output.id("msg_in_"),
                "type": "message",
                "role": "user",
                "content": [part],
            }
        ]
    return list(request_input)


def _is_of_user(item: object) -> bool:
    return isinstance(item, dict) and item.get("role") == "user"
