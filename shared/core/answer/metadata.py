"""Response metadata: values that any document or chunk may hold, for every operation (model, usage,
ids, filter results, errors).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from shared.core.answer.shapes import ParsedAnswer
from shared.core.wire.json.json_shape import Json, JsonObject, integer, items, mapping, short
from shared.core.wire.json.masking import mask_items, mask_object
from shared.core.wire.json.reported_error import error_of
from shared.core.wire.json.usage_object import latest_usage
from shared.core.wire.model_router import is_model_router

# Names of the events with which a stream of an assistant's run reports that it failed.
_FAILED_RUNS: Final = frozenset({"thread.run.failed"})


class ResponseMetadataCollector:
    """Collects ResponseMetadata from one chunk after another.

    For id and error the first value counts, for usage and status the last. `requested_model` is the
    deployment or the model that the request names.
    """

    def __init__(self, requested_model: str | None = None) -> None:
        self._requested_model = requested_model
        self._failed = False
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
            failed=self._failed or self._error is not None,
        )

    def add(self, document: JsonObject, event: str = "message") -> None:
        """Add one document, chunk or Responses event, whose `response` then holds the metadata."""
        # thousands of chunks hold nothing but choices
        if "choices" not in document or "error" in document or event == "error":
            self._note_error(error_of(document, event))
        if event in _FAILED_RUNS:
            self._note_error(error_of({"error": document.get("last_error")}))
        response = mapping(document.get("response"))
        holder = response or document
        self._add_names(holder)
        if holder.get("usage"):
            self._usage = latest_usage(self._usage, mask_object(mapping(holder["usage"])))
        if response or document.get("object") == "response":
            self._add_response(holder)
        self._add_filters(holder)

    def _note_error(self, error: JsonObject | None) -> None:
        if self._error is None and error is not None:
            self._error = mask_object(error)

    def _add_names(self, holder: JsonObject) -> None:
        self._add_model(short(holder.get("model")))
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
        self._note_error(error_of({"error": response.get("error")}))
        self._failed = self._failed or response.get("status") == "failed"

    def _add_model(self, model: str | None) -> None:
        """The last name counts, because a model router may name itself first and the model that
        answered later. The name of the router does not replace that of the model.
        """
        if model and (self._model is None or not self._is_router(model)):
            self._model = model

    def _is_router(self, model: str) -> bool:
        return model == self._requested_model or is_model_router(model)

    def _add_filters(self, holder: JsonObject) -> None:
        of_prompt = holder.get("prompt_filter_results") or holder.get("prompt_annotations")
        if of_prompt:
            results = tuple(mask_items(items(of_prompt)))
            self._prompt_filter_results = results or self._prompt_filter_results
        if holder.get("content_filters"):
            results = tuple(mask_items(items(holder["content_filters"])))
            self._content_filters = results or self._content_filters
