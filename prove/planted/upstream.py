"""An upstream whose answers hold secrets, and which fails as the deployment's name says."""

from __future__ import annotations

import asyncio
import json
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import web

from harness.loop_thread import LoopThread
from prove.planted.secrets import everything

_USAGE: Final = {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}
_RESPONSE_USAGE: Final = {"input_tokens": 9, "output_tokens": 9, "total_tokens": 18}
_PACE_S: Final = 0.02
_PIECE: Final = 7  # characters of a delta: every secret is cut over several


class PlantedUpstream:
    """Serves on loopback inside a `with` block."""

    def __enter__(self) -> Self:
        self._loop = LoopThread()
        port = self._loop.run(self._start())
        self.url = f"http://127.0.0.1:{port}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.run(self._runner.cleanup())
        self._loop.close()

    async def _start(self) -> int:
        app = web.Application(client_max_size=10 * 2**20)
        app.router.add_route("*", "/{rest:.*}", _answer)
        self._runner = web.AppRunner(app, shutdown_timeout=1, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        port: int = self._runner.addresses[0][1]
        return port


async def _answer(request: web.Request) -> web.StreamResponse:
    body = await request.read()
    ask = _json(body)
    path = request.path
    if "refused" in path:
        error = {"code": "invalid_prompt", "message": f"Not with this: {everything()}"}
        return web.json_response({"error": error}, status=400)
    if "silent" in path:
        await asyncio.sleep(60)
    if ask.get("stream"):
        return await _stream(request, path)
    return web.json_response(_document(path))


def _json(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:  # a multipart form, or the call whose body is not JSON on purpose
        return {}
    return document if isinstance(document, dict) else {}


def _document(path: str) -> dict[str, Any]:
    text = everything()
    if path.endswith("/chat/completions"):
        function = {"name": "write_to", "arguments": json.dumps({"text": text})}
        tools = [{"id": "call_1", "type": "function", "function": function}]
        message = {"role": "assistant", "content": text, "tool_calls": tools}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
        return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o",
                "choices": [choice], "usage": _USAGE}  # fmt: skip
    if path.endswith("/completions"):
        choice = {"index": 0, "text": text, "finish_reason": "stop"}
        return {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "gpt-4o",
                "choices": [choice], "usage": _USAGE}  # fmt: skip
    if path.endswith("/responses"):
        return _response(text)
    if path.endswith("/embeddings"):
        data = [{"object": "embedding", "index": 0, "embedding": [0.5]}]
        return {"object": "list", "data": data, "model": "embedding", "usage": _USAGE}
    if path.endswith("/images/generations"):
        return {"created": 1, "data": [{"b64_json": "aGk=", "revised_prompt": text}]}
    if path.endswith("/audio/transcriptions"):
        return {"text": text}
    return {"id": "file-1", "object": "file", "filename": f"{text}.txt"}


def _response(text: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
            "content": content}  # fmt: skip
    return {"id": "resp_1", "object": "response", "created_at": 1, "status": "completed",
            "model": "gpt-4o", "output": [item], "usage": _RESPONSE_USAGE}  # fmt: skip


async def _stream(request: web.Request, path: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await response.prepare(request)
    frames = _response_frames() if path.endswith("/responses") else _chat_frames()
    for number, frame in enumerate(frames):
        await response.write(frame)
        await asyncio.sleep(_PACE_S)
        if "cut" in path and number == len(frames) - 4:
            if request.transport is not None:
                request.transport.abort()
            break
    return response


def _chat_frames() -> list[bytes]:
    def chunk(choices: list[dict[str, Any]], usage: dict[str, int] | None = None) -> bytes:
        document = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1,
                    "model": "gpt-4o", "choices": choices, "usage": usage}  # fmt: skip
        return b"data: " + json.dumps(document).encode() + b"\n\n"

    text = everything()
    pieces = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
    deltas = [chunk([{"index": 0, "delta": {"content": piece}}]) for piece in pieces]
    end = chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}])
    return [*deltas, end, chunk([], _USAGE), b"data: [DONE]\n\n"]


def _response_frames() -> list[bytes]:
    def event(kind: str, **members: Any) -> bytes:
        data = json.dumps({"type": kind, **members}).encode()
        return b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n"

    text = everything()
    started = {**_response(text), "status": "in_progress", "output": [], "usage": None}
    pieces = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    deltas = [event("response.output_text.delta", delta=piece, **place) for piece in pieces]
    created = event("response.created", response=started)
    return [created, *deltas, event("response.completed", response=_response(text))]
