"""Server-sent events as bytes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from emulators.azure_openai.directives import Directives
from emulators.azure_openai.http_response import to_json

type EncodedEvents = Iterable[bytes]
DONE: Final = b"[DONE]"


def data(value: object, name: str = "") -> bytes:
    """An event with LF line ends, and an `event:` line if it has a name."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + (value if isinstance(value, bytes) else to_json(value)) + b"\n\n"


def apply_directives(events: EncodedEvents, directives: Directives) -> Iterator[bytes]:
    """The events with the requested line ends, comments and byte order mark."""
    end = b"\r\n" if directives.crlf else b"\r" if directives.cr else b""
    for at, event in enumerate(events):
        text = b": stand-in\n\n" + event if directives.comments else event
        if end:
            text = text.replace(b"\n", end)  # JSON has no raw line feed
        yield b"\xef\xbb\xbf" + text if directives.bom and at == 0 else text
