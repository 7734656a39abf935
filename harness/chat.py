"""Chat completion requests. Each has its own deployment, which identifies its event and its record
at the upstream.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import Any, Final

from harness.http_client import Call, ReceivedResponse
from local.stack import Stack

API_VERSION: Final = "2024-10-21"
CALLER_KEY: Final = "callers-own-key-5d2c"  # must never reach the upstream
# part of every prompt; must never appear in an output
PROMPT: Final = "a question that stays private 7f3a"


def new_deployment() -> str:
    """A deployment name that no other call has."""
    return f"chat-{uuid.uuid4().hex[:12]}"


@dataclass(frozen=True, kw_only=True)
class Chat:
    """A chat completion request. `directives` are the stand-in's: `first_chunk_ms=300;
    chunk_ms=20`.
    """

    stream: bool = False
    directives: str = ""
    prompt: str = PROMPT
    more: dict[str, Any] = field(default_factory=dict)  # more members of the body
    headers: tuple[tuple[str, str], ...] = ()
    deployment: str = field(default_factory=new_deployment)

    @property
    def target(self) -> str:
        return f"/openai/deployments/{self.deployment}/chat/completions?api-version={API_VERSION}"

    @property
    def messages(self) -> list[dict[str, str]]:
        return [{"role": "user", "content": self.prompt}]

    @property
    def body(self) -> bytes:
        # The proxy does not touch a stream that requests its usage.
        streaming = (
            {"stream": True, "stream_options": {"include_usage": True}} if self.stream else {}
        )
        return json.dumps({"messages": self.messages, **streaming, **self.more}).encode()

    @property
    def all_headers(self) -> list[tuple[str, str]]:
        directives = [("x-stand-in", self.directives)] if self.directives else []
        return [
            ("content-type", "application/json"),
            ("api-key", CALLER_KEY),
            *directives,
            *self.headers,
        ]

    def begin(self, stack: Stack) -> Call:
        """Send it to the proxy; use the result in a `with` block."""
        return Call(stack.proxy_url, "POST", self.target, self.all_headers, self.body)

    def ask(self, stack: Stack) -> ReceivedResponse:
        """Send it to the proxy and read the whole response."""
        with self.begin(stack) as call:
            return call.rest()


def content_of(body: bytes) -> str:
    """The text of choice 0 in a JSON document or an SSE stream. An error frame has none."""
    if not body.startswith(b"data:"):
        return str(json.loads(body)["choices"][0]["message"]["content"])
    data = [
        line.removeprefix(b"data: ") for line in body.split(b"\n") if line.startswith(b"data: ")
    ]
    chunks = [json.loads(line) for line in data if line != b"[DONE]"]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk.get("choices", [])[:1]]
    return "".join(delta.get("content") or "" for delta in deltas)
