"""Images: how many, their sizes, hashes and revised prompts, from one document or from a stream.
Never the images.
"""

from __future__ import annotations

from typing import Any

from shared.core.answer.shapes import Answer, Image, Images
from shared.core.wire.embedded_file import Base64Meter
from shared.core.wire.json_shape import mapping, mappings, short, text
from shared.core.wire.redaction import presentable


class Pictures:
    """The images of one answer."""

    def __init__(self) -> None:
        self._images: list[Image] = []
        self._partial_count = 0
        self._seen = False
        self._said: dict[str, str | None] = {"size": None, "quality": None, "output_format": None}

    def add(self, document: dict[str, Any], _event: str = "message") -> bool:
        """A document with `data`, or an event of an image stream. True where it holds an image or a
        preview.
        """
        kind = text(document.get("type"))
        if not kind and "data" not in document:
            return False
        self._seen = True
        self._said = {key: short(document.get(key)) or known for key, known in self._said.items()}
        if kind.endswith(".partial_image"):
            self._partial_count += 1
            return True
        found = [document] if kind.endswith(".completed") else mappings(document.get("data"))
        self._images += [_image(entry) for entry in found]
        return bool(found)

    def answer(self) -> Answer:
        if not self._seen:
            return Answer()
        images = tuple(self._images)
        said = self._said
        return Answer(
            images=Images(
                count=len(images),
                size=said["size"],
                quality=said["quality"],
                output_format=said["output_format"],
                partial_count=self._partial_count,
                items=images,
            )
        )


def _image(entry: dict[str, Any]) -> Image:
    encoded = text(entry.get("b64_json"))
    meter = Base64Meter()
    meter.feed(encoded)
    digest = meter.sha256()
    return Image(
        bytes=meter.size if encoded else None,
        sha256=digest if encoded else None,
        revised_prompt=text(entry.get("revised_prompt")) or None,
        content_filter_results=presentable(mapping(entry.get("content_filter_results"))) or None,
    )
