"""Embeddings: how many, and how many dimensions. The vectors stay in the capture."""

from __future__ import annotations

from typing import Any

from shared.core.answer.shapes import Answer, Embeddings
from shared.core.wire.embedded_file import Base64Meter
from shared.core.wire.json_shape import mappings

_FLOAT_BYTES = 4  # Base64 vectors are little-endian 32-bit floats


class Vectors:
    """The vectors of one answer."""

    def __init__(self) -> None:
        self._embeddings: Embeddings | None = None

    def add(self, document: dict[str, Any], _event: str = "message") -> bool:
        if "data" in document:
            data = mappings(document["data"])
            dimensions = _dimensions(data[0].get("embedding")) if data else None
            self._embeddings = Embeddings(count=len(data), dimensions=dimensions)
        return False

    def answer(self) -> Answer:
        return Answer(embeddings=self._embeddings)


def _dimensions(vector: object) -> int | None:
    if isinstance(vector, list):
        return len(vector)
    if not isinstance(vector, str):
        return None
    meter = Base64Meter()
    meter.feed(vector)
    meter.sha256()
    return meter.size // _FLOAT_BYTES
