"""A request as it arrived."""

from __future__ import annotations

from dataclasses import dataclass, field

from emulators.azure_openai.recording import RecordedExchange


@dataclass(kw_only=True, slots=True)
class Request:
    """An HTTP request with its complete body."""

    method: str
    target: str  # raw path and query, latin-1
    headers: list[tuple[str, str]]  # as they arrived
    keep_alive: bool
    chunking: bool  # the client understands chunked transfer encoding (HTTP/1.1)
    body: bytearray = field(default_factory=bytearray)
    exchange: RecordedExchange

    def header(self, name: str) -> str:
        """The first header of that lower-case name, "" if there is none."""
        return next((value for header, value in self.headers if header.lower() == name), "")
