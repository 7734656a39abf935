"""A call as a command line of curl. It never holds a key: a variable of the shell stands for it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from shared.core.wire.json.json_shape import Json, JsonObject, integer, mapping, text
from shared.core.wire.operations import spec_of

# Systems refuse a command line with a longer body.
_LONGEST_BODY: Final = 100_000
_PATH_CHARACTERS: Final = "/-._~!$&'()*+,;=:@%"
_FALLBACK_ADDRESS: Final = "$APP"


def of_event(event: Mapping[str, Json], app: str | None) -> str:
    """The call, with the prompt as the event holds it: files are replaced by their description, and
    of tools and formats the event has the names alone.
    """
    return _command(event, app, _body_of_event(event))


def of_capture(event: Mapping[str, Json], app: str | None, body: bytes) -> str | None:
    """The call with the captured body, byte for byte; None if it is binary, or too long."""
    try:
        content = body.decode()
    except UnicodeDecodeError:
        return None
    if len(content) > _LONGEST_BODY or "\0" in content:
        return None
    return _command(event, app, content or None)


def _command(event: Mapping[str, Json], app: str | None, body: str | None) -> str:
    method = text(event.get("method")) or "POST"
    stream = ["-N"] if event.get("stream") is True else []
    lines = [
        " ".join(
            [
                "curl",
                "-sS",
                *stream,
                *([] if method == "POST" and body else ["-X", shlex.quote(method)]),
                _address(event, app),
            ]
        ),
        '-H "api-key: $AZURE_OPENAI_KEY"',
    ]
    if body:
        # not --data-binary: it takes a body that begins with @ for the name of a file to send
        lines += ["-H 'content-type: application/json'", f"--data-raw {shlex.quote(body)}"]
    return " \\\n  ".join(lines)


def _address(event: Mapping[str, Json], app: str | None) -> str:
    path = quote(text(event.get("path")), safe=_PATH_CHARACTERS)
    version = text(event.get("api_version"))
    query = f"?api-version={quote(version)}" if version else ""
    if app is None:
        return f'"{_FALLBACK_ADDRESS}"{shlex.quote(path + query)}'
    return shlex.quote(app + path + query)


def _body_of_event(event: Mapping[str, Json]) -> str | None:
    member = spec_of(text(event.get("operation"))).prompt_member
    if member is None or event.get("form") is not None or event.get("prompt") is None:
        return None
    body: JsonObject = {
        name: value
        for name, value in mapping(event.get("parameters")).items()
        if isinstance(value, str | float | bool) or integer(value) is not None
    }
    body.pop("input_count", None)
    if "/deployments/" not in text(event.get("path")):
        body["model"] = event.get("deployment")
    if event.get("stream") is True:
        body["stream"] = True
    if text(event.get("instructions")):
        body["instructions"] = event["instructions"]
    body[member] = event["prompt"]
    content = json.dumps(body, ensure_ascii=False)
    return content if len(content) <= _LONGEST_BODY else None
