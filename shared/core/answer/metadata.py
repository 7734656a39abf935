"""What every document and every chunk may say, whatever the operation: model, usage, ids, filters,
errors.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from shared.core.answer.shapes import Facts
from shared.core.wire.json_shape import integer, items, mapping, short, text
from shared.core.wire.redaction import presentable


class Said:
    """Collects Facts from chunk after chunk. The first model and id stay, the last usage and status
    stay.
    """

    def __init__(self) -> None:
        self.model: str | None = None
        self.id: str | None = None
        self.usage: dict[str, Any] | None = None
        self.service_tier: str | None = None
        self.system_fingerprint: str | None = None
        self.response_status: str | None = None
        self.background: bool | None = None
        self.completed_at: int | None = None
        self.prompt_filter_results: tuple[Any, ...] | None = None
        self.content_filters: tuple[Any, ...] | None = None
        self.error: dict[str, Any] | None = None

    def facts(self) -> dict[str, Any]:
        """What was said so far, by the names of Facts."""
        return {part.name: getattr(self, part.name) for part in fields(Facts)}

    def note(self, document: dict[str, Any], event: str = "message") -> None:
        """One document, chunk, or Responses event (whose `response` then speaks)."""
        # thousands of chunks are nothing but choices
        if "choices" not in document or "error" in document:
            self.error = self.error or error_of(document, event)
        response = mapping(document.get("response"))
        speaker = response or document
        self._note_names(speaker)
        if speaker.get("usage"):
            self.usage = presentable(mapping(speaker["usage"])) or self.usage
        if response or document.get("object") == "response":
            self._note_response(speaker)
        self._note_filters(speaker)

    def _note_names(self, speaker: dict[str, Any]) -> None:
        self.model = self.model or short(speaker.get("model"))
        self.id = self.id or short(speaker.get("id"))
        self.service_tier = short(speaker.get("service_tier")) or self.service_tier
        self.system_fingerprint = self.system_fingerprint or short(
            speaker.get("system_fingerprint")
        )

    def _note_response(self, response: dict[str, Any]) -> None:
        self.response_status = short(response.get("status")) or self.response_status
        if isinstance(response.get("background"), bool):
            self.background = response["background"]
        self.completed_at = integer(response.get("completed_at")) or self.completed_at
        # a router names the model that answered in the last event
        self.model = short(response.get("model")) or self.model
        self.error = self.error or _object_or_text(response.get("error"))

    def _note_filters(self, speaker: dict[str, Any]) -> None:
        asked = speaker.get("prompt_filter_results") or speaker.get("prompt_annotations")
        if asked:
            self.prompt_filter_results = (
                tuple(presentable(items(asked))) or self.prompt_filter_results
            )
        if speaker.get("content_filters"):
            self.content_filters = (
                tuple(presentable(items(speaker["content_filters"]))) or self.content_filters
            )


def error_of(document: dict[str, Any], event: str = "message") -> dict[str, Any] | None:
    """The error that a document is or holds: nested (`{"error": {…}}`) or flat (`{"type": "error",
    "message": …}`).
    """
    nested = _object_or_text(document.get("error"))
    if nested is not None or not _is_flat_error(document, event):
        return nested
    return {
        name: value for name, value in presentable(document).items() if name != "sequence_number"
    }


def _is_flat_error(document: dict[str, Any], event: str) -> bool:
    if event == "error" or "error" in (document.get("type"), document.get("object")):
        return bool(document)
    # API Management's own errors: {"statusCode": 429, "message": …}; some servers say {"code",
    # "message"}.
    named = "code" in document or "statusCode" in document
    return (
        bool(text(document.get("message")))
        and named
        and "choices" not in document
        and "id" not in document
    )


def _object_or_text(error: object) -> dict[str, Any] | None:
    if isinstance(error, str) and error:
        return {"message": error}
    return presentable(error) if isinstance(error, dict) and error else None
