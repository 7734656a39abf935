"""Images, from a document or a stream: their number, sizes, hashes and revised prompts. The images
stay in the capture.
"""

from __future__ import annotations

from shared.core.answer.shapes import Image, Images, ParsedAnswer
from shared.core.wire.json.embedded_file import Base64Meter
from shared.core.wire.json.json_shape import JsonObject, mapping, mappings, short, text
from shared.core.wire.json.masking import mask_object


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
