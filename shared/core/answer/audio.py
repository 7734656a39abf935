"""Audio: what was said (transcription, translation), or how much sound was answered (speech)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from shared.core.answer.shapes import Answer, Audio
from shared.core.wire.embedded_file import Base64Meter
from shared.core.wire.json_shape import mapping, short, text, utf8_size


class Sound:
    """An audio answer in JSON, or its stream of events."""

    def __init__(self, content_type: str) -> None:
        self._content_type = content_type or None
        self._deltas: list[str] = []
        self._text: str | None = None  # the whole transcript, where it was said
        self._duration_s: float | None = None
        self._language: str | None = None
        self._speech: Base64Meter | None = None

    def add(self, document: dict[str, Any], _event: str = "message") -> bool:
        """A document or an event. True where it holds text or sound."""
        kind = text(document.get("type"))
        if kind == "speech.audio.delta":
            self._speech = self._speech or Base64Meter()
            self._speech.feed(text(document.get("audio")))
            return True
        if kind == "transcript.text.delta":
            self._deltas.append(text(document.get("delta")))
            return bool(self._deltas[-1])
        if isinstance(document.get("text"), str) and kind in {"", "transcript.text.done"}:
            self._text = document["text"]
        usage = mapping(document.get("usage"))
        billed = usage.get("seconds") if usage.get("type") == "duration" else None
        self._duration_s = (
            _duration(document.get("duration")) or _duration(billed) or self._duration_s
        )
        self._language = short(document.get("language")) or self._language
        return False

    def answer(self) -> Answer:
        content = self._text if self._text is not None else "".join(self._deltas)
        digest = self._speech.sha256() if self._speech else None
        audio = Audio(
            content_type=self._content_type,
            bytes=self._speech.size if self._speech else None,
            sha256=digest,
            duration_s=self._duration_s,
            language=self._language,
        )
        return Answer(content=content, audio=audio, generated_bytes=utf8_size(content))


def of_bytes(pieces: Iterable[bytes], content_type: str) -> Answer:
    """Sound as it is, or a transcript in plain text (`response_format` text, srt, vtt)."""
    if content_type.startswith("text/"):
        content = b"".join(pieces).decode("utf-8", "replace")
        audio = Audio(
            content_type=content_type, bytes=None, sha256=None, duration_s=None, language=None
        )
        return Answer(content=content, audio=audio, generated_bytes=utf8_size(content))
    digest, size = hashlib.sha256(), 0
    for piece in pieces:
        digest.update(piece)
        size += len(piece)
    sound = Audio(
        content_type=content_type or None,
        bytes=size,
        sha256=digest.hexdigest(),
        duration_s=None,
        language=None,
    )
    return Answer(audio=sound)


def _duration(seconds: object) -> float | None:
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        return None
    return float(seconds) if 0 <= seconds < 10**9 else None
