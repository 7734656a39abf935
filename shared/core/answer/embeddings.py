"""Embeddings: how many vectors, and their dimensions. The vectors stay in the capture."""

from __future__ import annotations

from typing import Final

from shared.core.answer.shapes import Embeddings, ParsedAnswer
from shared.core.wire.json.embedded_file import Base64Meter
from shared.core.wire.json.json_shape import JsonObject, mappings

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
