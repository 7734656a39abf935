"""Response metadata: what any document or chunk may hold, whatever the operation (model, usage,
ids, filter results, errors).
"""

from __future__ import annotations

from dataclasses import replace

from shared.core.answer.shapes import ParsedAnswer
from shared.core.wire.json_shape import Json, JsonObject, integer, items, mapping, short, text
from shared.core.wire.redaction import redact_items, redact_object


class ResponseMetadataCollector:
    """Collects ResponseMetadata from one chunk after another.

    Of model, id and error the first value counts, of usage and status the last.
    """

    def __init__(self) -> None:
        self._model: str | None = None
        self._id: str | None = None
        self._usage: JsonObject | None = None
        self._service_tier: str | None = None
        self._system_fingerprint: str | None = None
        self._response_status: str | None = None
        self._background: bool | None = None
        self._completed_at: int | None = None
        self._prompt_filter_results: tuple[Json, ...] | None = None
        self._content_filters: tuple[Json, ...] | None = None
        self._error: JsonObject | None = None

    def complete(self, answer: ParsedAnswer) -> ParsedAnswer:
        """The answer with the metadata collected so far."""
        return replace(
            answer,
            model=self._model,
            id=self._id,
            usage=self._usage,
            service_tier=self._service_tier,
            system_fingerprint=self._system_fingerprint,
            response_status=self._response_status,
            background=self._background,
            completed_at=self._completed_at,
            prompt_filter_results=self._prompt_filter_results,
            content_filters=self._content_filters,
            error=self._error,
        )

    def add(self, document: JsonObject, event: str = "message") -> None:
        """Add one document, chunk or Responses event, whose `response` then holds the metadata."""
        # thousands of chunks hold nothing but choices
        if "choices" not in document or "error" in document:
            self._error = self._error or error_of(document, event)
        response = mapping(document.get("response"))
        holder = response or document
        self._add_names(holder)
        if holder.get("usage"):
            self._usage = redact_object(mapping(holder["usage"])) or self._usage
        if response or document.get("object") == "response":
            self._add_response(holder)
        self._add_filters(holder)

    def _add_names(self, holder: JsonObject) -> None:
        self._model = self._model or short(holder.get("model"))
        self._id = self._id or short(holder.get("id"))
        self._service_tier = short(holder.get("service_tier")) or self._service_tier
        self._system_fingerprint = self._system_fingerprint or short(
            holder.get("system_fingerprint")
        )

    def _add_response(self, response: JsonObject) -> None:
        self._response_status = short(response.get("status")) or self._response_status
        background = response.get("background")
        if isinstance(background, bool):
            self._background = background
        self._completed_at = integer(response.get("completed_at")) or self._completed_at
        # a model router names the model that answered in the last event only
        self._model = short(response.get("model")) or self._model
        self._error = self._error or _object_or_text(response.get("error"))

    def _add_filters(self, holder: JsonObject) -> None:
        of_prompt = holder.get("prompt_filter_results") or holder.get("prompt_annotations")
        if of_prompt:
            results = tuple(redact_items(items(of_prompt)))
            self._prompt_filter_results = results or self._prompt_filter_results
        if holder.get("content_filters"):
            results = tuple(redact_items(items(holder["content_filters"])))
            self._content_filters = results or self._content_filters


def error_of(document: JsonObject, event: str = "message") -> JsonObject | None:
    """The error that a document holds (`{"error": {…}}`) or is (`{"type": "error", "message": …}`).

    `event` is the SSE event's name.
    """
    nested = _object_or_text(document.get("error"))
    if nested is not None or not _is_flat_error(document, event):
        return nested
    return {
        name: value for name, value in redact_object(document).items() if name != "sequence_number"
    }


def _is_flat_error(document: JsonObject, event: str) -> bool:
    if event == "error" or "error" in (document.get("type"), document.get("object")):
        return bool(document)
    # API Management's own errors: {"statusCode": 429, "message": …}; some servers send {"code",
    # "message"}.
    has_code = "code" in document or "statusCode" in document
    return (
        bool(text(document.get("message")))
        and has_code
        and "choices" not in document
        and "id" not in document
    )


def _object_or_text(error: object) -> JsonObject | None:
    if isinstance(error, str) and error:
        return {"message": error}
    return redact_object(error) if isinstance(error, dict) and error else None
