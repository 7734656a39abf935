"""Starts the Azure OpenAI stand-in for a test, calls it, and parses its responses."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import httpx

CHAT: Final = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"
ASK: Final = {"messages": [{"role": "user", "content": "hello there"}]}
STREAM: Final = {**ASK, "stream": True}
WITH_USAGE: Final = {**STREAM, "stream_options": {"include_usage": True}}
DEADLINE_S: Final = 60.0


def start(*arguments: str) -> subprocess.Popen[str]:
    """Start the stand-in."""
    command = [sys.executable, "-m", "emulators.azure_openai", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ready_port(process: subprocess.Popen[str]) -> int:
    """The port in the ready line."""
    assert process.stdout
    readable, _, _ = select.select([process.stdout], [], [], DEADLINE_S)
    assert readable, "no ready line in time"
    return int(process.stdout.readline().rpartition(":")[2])


@dataclass(frozen=True)
class StandIn:
    """A running stand-in."""

    port: int

    @property
    def url(self) -> str:
        """The URL of the stand-in."""
        return f"http://127.0.0.1:{self.port}"

    def post(
        self, path: str = CHAT, body: object = None, directives: str = "", **headers: str
    ) -> httpx.Response:
        """Make a call and read the whole response."""
        all_headers = {"api-key": "any", "x-stand-in": directives, **headers}
        return httpx.post(
            self.url + path,
            json=ASK if body is None else body,
            headers=all_headers,
            timeout=DEADLINE_S,
        )

    def get(self, path: str) -> httpx.Response:
        """Make a GET with a key."""
        return httpx.get(self.url + path, headers={"api-key": "any"}, timeout=DEADLINE_S)

    def exchange(self, header: str) -> dict[str, object]:
        """Wait for the end of the newest exchange with that header; return its record."""
        until = time.monotonic() + DEADLINE_S
        while time.monotonic() < until:
            records = httpx.get(
                f"{self.url}/_stand_in/exchanges",
                params={"header": header, "limit": 1},
                timeout=DEADLINE_S,
            ).json()
            if records and records[0]["ended"] != "open":
                return dict(records[0])
        raise AssertionError(f"no finished exchange with {header}")


@contextmanager
def running() -> Iterator[StandIn]:
    """A stand-in on a free port, ended afterwards."""
    process = start("--port", "0")
    try:
        yield StandIn(ready_port(process))
    finally:
        process.terminate()
        process.communicate(timeout=DEADLINE_S)


def events(body: bytes) -> list[object]:
    """The JSON of each `data:` event; `[DONE]` as text."""
    records = [part.removeprefix(b"data: ") for part in body.split(b"\n\n") if part]
    return [part.decode() if part == b"[DONE]" else json.loads(part) for part in records]


def chunks(body: bytes) -> list[dict[str, object]]:
    """The JSON events of a body."""
    return [event for event in events(body) if isinstance(event, dict)]


def text_of(body: bytes) -> str:
    """The content of choice 0, joined."""
    choices = [choice for chunk in chunks(body) for choice in chunk["choices"]]  # type: ignore[attr-defined]
    return "".join(choice.get("delta", {}).get("content") or "" for choice in choices)


def request_bytes(body: bytes, directives: str, tag: str = "raw") -> bytes:
    """A chat request as bytes."""
    head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\napi-key: any\r\nX-Tag: {tag}\r\nx-stand-in: {directives}\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
