"""Batches: status and counts. Requests and their answers are in files."""

from __future__ import annotations

from shared.core.answer.shapes import Batch, ParsedAnswer
from shared.core.wire.json.json_shape import JsonObject, integer, mapping, short


class BatchReader:
    """The batch that a document describes."""

    def __init__(self) -> None:
        self._batch: Batch | None = None

    def add(self, chunk: JsonObject) -> bool:
        """Add a document. Always False: nothing in it is generated."""
        if chunk.get("object") == "batch":
            counts = mapping(chunk.get("request_counts"))
            self._batch = Batch(
                id=short(chunk.get("id")),
                status=short(chunk.get("status")),
                endpoint=short(chunk.get("endpoint")),
                total=integer(counts.get("total")),
                completed=integer(counts.get("completed")),
                failed=integer(counts.get("failed")),
            )
        return False

    def build(self) -> ParsedAnswer:
        return ParsedAnswer(batch=self._batch)
