"""The answers whose content is not a conversation: embeddings, images and audio.

Vectors, images and speech stay in the capture. Their number, sizes and hashes are read, and texts
beside them: revised prompts, and the transcript of a transcription or translation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from shared.core.answer.shapes import Audio, Embeddings, Image, Images, ParsedAnswer
from shared.core.wire.json.embedded_file import Base64Meter
from shared.core.wire.json.json_shape import JsonObject, mapping, mappings, short, text, utf8_size
from shared.core.wire.json.masking import mask_object

_FLOAT_BYTES: Final = 4  # Base64 vectors are little-endian 32-bit floats


class EmbeddingsReader:
    """The vectors of one answer, counted."""

    def __init__(self) -> None:
        self._embeddings: Embeddings | None = None

    def add(self, chunk: JsonObject) -> bool:
        """Add a document. Always False: nothing in it is generated."""
        if "data" in chunk:
            items = mappings(chunk["data"])
            dimensions = _dimensions(items[0].get("embedding")) if items else None
            self._embeddings = Embeddings(count=len(items), dimensions=dimensions)
        return False

    def build(self) -> ParsedAnswer:
        return ParsedAnswer(embeddings=self._embeddings)


def _dimensions(vector: object) -> int | None:
    if isinstance(vector, list):
        return len(vector)
    if not isinstance(vector, str):
        return None
    meter = Base64Meter()
    meter.feed(vector)
    meter.sha256()  # flushes the rest of the text
    return meter.size // _FLOAT_BYTES


class ImagesReader:
    """The images of one answer."""

    def __init__(self) -> None:
        self._images: list[Image] = []
        self._partial_count = 0
        self._has_answer = False
        self._size: str | None = None
        self._quality: str | None = None
        self._output_format: str | None = None

    def add(self, chunk: JsonObject) -> bool:
        """Add a document with `data`, or an event of a stream. True if it holds an image or a
        preview.
        """
        kind = text(chunk.get("type"))
        if not kind and "data" not in chunk:
            return False
        self._has_answer = True
        self._size = short(chunk.get("size")) or self._size
        self._quality = short(chunk.get("quality")) or self._quality
        self._output_format = short(chunk.get("output_format")) or self._output_format
        if kind.endswith(".partial_image"):
            self._partial_count += 1
            return True
        images = [chunk] if kind.endswith(".completed") else mappings(chunk.get("data"))
        self._images += [_image(image) for image in images]
        return bool(images)

    def build(self) -> ParsedAnswer:
        if not self._has_answer:
            return ParsedAnswer()
        return ParsedAnswer(
            images=Images(
                count=len(self._images),
                size=self._size,
                quality=self._quality,
                output_format=self._output_format,
                partial_count=self._partial_count,
                items=tuple(self._images),
            )
        )


def _image(image: JsonObject) -> Image:
    encoded = text(image.get("b64_json"))
    meter = Base64Meter()
    meter.feed(encoded)
    digest = meter.sha256()
    return Image(
        bytes=meter.size if encoded else None,
        sha256=digest if encoded else None,
        revised_prompt=text(image.get("revised_prompt")) or None,
        content_filter_results=mask_object(
            mapping(image.get("content_filter_result"))
            | mapping(image.get("content_filter_results"))
        )
        or None,
    )


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
    """An answer that is not JSON: a sound file, or a transcript as text (`response_format` text,
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
