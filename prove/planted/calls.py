"""Calls of every operation and ending, with secrets in prompts, tools, file names and headers."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any, Final

import httpx

from prove.planted.secrets import CREDENTIALS, everything
from shared.core.wire.operations import OPERATIONS, OperationSpec

_QUERY: Final = f"api-version=2024-10-21&note={CREDENTIALS['a parameter of the query']}"
_HEADERS: Final = {
    "api-key": CREDENTIALS["the caller's key"],
    "authorization": f"Bearer {CREDENTIALS["the caller's token"]}",
    "cookie": f"session={CREDENTIALS['a cookie']}",
    "x-note": CREDENTIALS["a header"],
}
_DEPLOYMENT: Final = "/openai/deployments/{}"
_FORMS: Final = {"images/edits", "audio/transcriptions", "audio/translations"}
type PlantedCall = Callable[[httpx.Client], httpx.Response | None]


def _messages() -> list[dict[str, Any]]:
    text = everything()
    arguments = json.dumps({"to": text, "nested": json.dumps({"text": text})})
    function = {"name": "write_to", "arguments": arguments}
    return [
        {"role": "system", "content": text},
        {"role": "user", "content": [{"type": "text", "text": text}]},
        {"role": "assistant", "tool_calls": [
            {"id": "call_0", "type": "function", "function": function}
        ]},
        {"role": "tool", "tool_call_id": "call_0", "content": text},
        {"role": "user", "content": text, "name": "jane"},
    ]  # fmt: skip


def _chat(deployment: str, *, stream: bool) -> PlantedCall:
    path = f"{_DEPLOYMENT.format(deployment)}/chat/completions"
    return _json(path, {"messages": _messages(), "stream": stream, "metadata": {"k": everything()}})


def _json(path: str, body: dict[str, Any]) -> PlantedCall:
    return lambda client: client.post(f"{path}?{_QUERY}", json=body)


def _upload(path: str, **fields: str) -> PlantedCall:
    file = (f"{everything()}.txt".replace("\\", ""), everything().encode(), "text/plain")
    return lambda client: client.post(f"{path}?{_QUERY}", files={"file": file}, data=fields)


def _leave_early(client: httpx.Client) -> None:
    """The client disconnects after the first pieces of a stream."""
    path = f"{_DEPLOYMENT.format('chat')}/chat/completions?{_QUERY}"
    body = {"messages": _messages(), "stream": True}
    with client.stream("POST", path, json=body) as response:
        for _ in zip(range(3), response.iter_raw(), strict=False):
            pass


def _of_the_table(spec: OperationSpec) -> PlantedCall:
    """The operation by its route below /openai/v1/, with secrets where its prompt stands."""
    path = f"/openai/v1/{(spec.route or '').replace('{}', 'resp_1')}"
    if spec.method != "POST":
        return lambda client: client.request(spec.method or "GET", f"{path}?{_QUERY}")
    if spec.route in _FORMS:
        return _upload(path, model="any", **{spec.prompt_member or "prompt": everything()})
    body = {"model": "any", spec.prompt_member or "input": everything(), "messages": _messages()}
    return _json(path, body)


CALLS: Final[dict[str, PlantedCall]] = {
    **{
        f"operation {spec.name}": _of_the_table(spec)
        for spec in OPERATIONS
        if spec.route and not spec.is_own_call
    },
    "chat": _chat("chat", stream=False),
    "chat, streamed": _chat("chat", stream=True),
    "completions": _json(f"{_DEPLOYMENT.format('old')}/completions", {"prompt": everything()}),
    "responses": _json("/openai/responses", {"model": "gpt-4o", "input": everything()}),
    "responses, streamed": _json(
        "/openai/responses", {"model": "gpt-4o", "input": everything(), "stream": True}
    ),
    "embeddings": _json(f"{_DEPLOYMENT.format('vector')}/embeddings", {"input": [everything()]}),
    "images": _json(f"{_DEPLOYMENT.format('image')}/images/generations", {"prompt": everything()}),
    "transcription": _upload(
        f"{_DEPLOYMENT.format('sound')}/audio/transcriptions", prompt=everything()
    ),
    "upload": _upload("/openai/files", purpose="assistants"),
    "an operation that is not known": _json("/openai/something/new", {"text": everything()}),
    "refused by the upstream": _chat("refused", stream=False),
    "cut by the upstream": _chat("cut", stream=True),
    "silent upstream": _chat("silent", stream=False),
    "the client leaves": _leave_early,
    "no JSON": lambda client: client.post(
        f"{_DEPLOYMENT.format('chat')}/chat/completions?{_QUERY}",
        content=b"{" + everything().encode(),
        headers={"content-type": "application/json"},
    ),
    "no route": _json("/openai/..%2fanything", {"text": everything()}),
}


def make(url: str, name: str) -> bytes:
    """Make a call. Returns what the app itself says in an error, and nothing of an upstream's."""
    with (
        httpx.Client(base_url=url, headers=_HEADERS, timeout=60, trust_env=False) as client,
        contextlib.suppress(httpx.HTTPError),
    ):
        response = CALLS[name](client)
        if response is not None and b"fnsse_error" in response.content:
            return response.content
    return b""
