"""What a captured answer says: text, model, usage, how it finished. Assembled from raw bytes; arbitrary bytes never raise."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from shared.core.sse import decode
from shared.core.tail import parse_object, usage_of

# A compressed answer may not unfold into more than this: a bound against decompression bombs, far above any real answer.
MAX_UNFOLDED_BYTES: Final = 256 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """The answer of a generating operation."""

    content: str = ""  # the text of choice 0
    model: str | None = None
    usage: dict[str, Any] | None = None
    finish_reason: str | None = None
    error: dict[str, Any] | None = None  # the upstream's error object, wherever it stood
    problem: str | None = None  # why the body could not be read as what it claims to be


def read(body: bytes, *, stream: bool, content_encoding: str = "") -> Completion:
    """The completion in a response body, streamed or not."""
    try:
        body = _unfold(body, content_encoding)
    except (zlib.error, ValueError) as error:
        return Completion(problem=f"the body's content-encoding could not be undone: {error}")
    return _from_stream(body) if stream else _from_json(body)


def _from_json(body: bytes) -> Completion:
    document = parse_object(body)
    if not document:
        return Completion(problem="the body is not a JSON object" if body else None)
    choice = _first_choice(document)
    message = choice.get("message")
    return Completion(
        content=_text(message.get("content")) if isinstance(message, dict) else _text(choice.get("text")),
        model=_text(document.get("model")) or None,
        usage=usage_of(document),
        finish_reason=_text(choice.get("finish_reason")) or None,
        error=_error(document),
    )


def _from_stream(body: bytes) -> Completion:
    texts: list[str] = []
    model: str | None = None
    usage: dict[str, Any] | None = None
    finish_reason: str | None = None
    error: dict[str, Any] | None = None
    for chunk in _chunks(body):
        choice = _first_choice(chunk)
        texts.append(_delta_text(choice))
        model = model or _text(chunk.get("model")) or None
        usage = usage_of(chunk) or usage
        finish_reason = _text(choice.get("finish_reason")) or finish_reason
        error = error or _error(chunk)
    return Completion(content="".join(texts), model=model, usage=usage, finish_reason=finish_reason, error=error)


def _chunks(body: bytes) -> Iterable[dict[str, Any]]:
    return (parse_object(event.data) for event in decode(body) if event.data != "[DONE]")


def _first_choice(document: dict[str, Any]) -> dict[str, Any]:
    choices = document.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and choice.get("index", 0) == 0:
            return choice
    return {}


def _delta_text(choice: dict[str, Any]) -> str:
    delta = choice.get("delta")
    return _text(delta.get("content")) if isinstance(delta, dict) else _text(choice.get("text"))


def _error(document: dict[str, Any]) -> dict[str, Any] | None:
    error = document.get("error")
    if isinstance(error, str) and error:
        return {"message": error}
    return error if isinstance(error, dict) else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _unfold(body: bytes, content_encoding: str) -> bytes:
    coding = content_encoding.strip().lower()
    if coding in {"", "identity"}:
        return body
    if coding not in {"gzip", "x-gzip", "deflate"}:
        raise ValueError(f"{coding[:32]!r} is not one that can be read")
    raw_deflate = coding == "deflate" and body[:1] != b"\x78"  # RFC 9110, 8.4.1.2: zlib format, but some send it bare
    unfolder = zlib.decompressobj(-zlib.MAX_WBITS if raw_deflate else zlib.MAX_WBITS | 32)
    unfolded = unfolder.decompress(body, MAX_UNFOLDED_BYTES)
    if unfolder.unconsumed_tail:
        raise ValueError(f"more than {MAX_UNFOLDED_BYTES} bytes")
    return unfolded
