"""Audio operations: the transcript of a transcription or translation, size and hash of speech."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from shared.core.answer.shapes import Audio, ParsedAnswer
from shared.core.wire.json.embedded_file import Base64Meter
from shared.core.wire.json.json_shape import JsonObject, mapping, short, text, utf8_size


class AudioReader:
    """An audio answer in JSON, or its stream of events."""

    def __init__(self, content_type: str) -> None:
        self._content_type = content_type or None
        self._deltas: list[str] = []
        self._text: str | None = None  # the whole transcript
        self._duration_s: float | None = None
        self._language: str | None = None
        self._speech: Base64Meter | None = None

    def add(self, chunk: JsonObject) -> bool:
        """Add a document or an event. True if it holds text or speech."""
        kind = text(chunk.get("type"))
        if kind == "speech.audio.delta":
            self._speech = self._speech or Base64Meter()
            self._speech.feed(text(chunk.get("audio")))
            return True
        if kind == "transcript.text.delta":
            self._deltas.append(text(chunk.get("delta")))
            return bool(self._deltas[-1])
        transcript = chunk.get("text")
        if isinstance(transcript, str) and kind in {"", "transcript.text.done"}:
            self._text = transcript
        usage = mapping(chunk.get("usage"))
        seconds = usage.get("seconds") if usage.get("type") == "duration" else None
        self._duration_s = (
            _duration(chunk.get("duration")) or _duration(seconds) or self._duration_s
        )
        self._language = short(chunk.get("language")) or self._language
        return False

    def build(self) -> ParsedAnswer:
        content = self._text if self._text is not None else "".join(self._deltas)
        digest = self._speech.sha256() if self._speech else None
        audio = Audio(
            content_type=self._content_type,
            bytes=self._speech.size if self._speech else None,
            sha256=digest,
            duration_s=self._duration_s,
            language=self._language,
        )
        return ParsedAnswer(content=content, audio=audio, generated_bytes=utf8_size(content))


def read_binary(pieces: Iterable[bytes], media_type: str) -> ParsedAnswer:
    """An answer that is not JSON: an audio file, or a transcript as text (`response_format` text,
    srt, vtt).
    """
    if media_type.startswith("text/"):
        content = b"".join(pieces).decode("utf-8", "replace")
        return ParsedAnswer(
            content=content, audio=_audio(media_type), generated_bytes=utf8_size(content)
        )
    digest, size = hashlib.sha256(), 0
    for piece in pieces:
        digest.update(piece)
        size += len(piece)
    return ParsedAnswer(audio=_audio(media_type, size, digest.hexdigest()))


def unstored_audio(media_type: str, size: int, sha256: str) -> ParsedAnswer:
    """An answer that is not JSON, of which only size and hash are known."""
    is_text = media_type.startswith("text/")
    return ParsedAnswer(audio=_audio(media_type) if is_text else _audio(media_type, size, sha256))


def _audio(media_type: str, size: int | None = None, sha256: str | None = None) -> Audio:
    return Audio(
        content_type=media_type or None, bytes=size, sha256=sha256, duration_s=None, language=None
    )


def _duration(seconds: object) -> float | None:
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        return None
    return float(seconds) if 0 <= seconds < 10**9 else None
