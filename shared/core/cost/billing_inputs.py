"""The quantities of an exchange, computed from what its event reports.

An event that an older version wrote has no `quantities`: they are computed from its other keys, by
the same rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.core.cost.quantities import (
    INPUT_TOKENS,
    TOKENS,
    Basis,
    ModelSource,
    Quantities,
    from_json,
    split_tokens,
)
from shared.core.wire.json.json_shape import (
    Json,
    JsonObject,
    integer,
    mapping,
    mappings,
    number,
    short,
    text,
)
from shared.core.wire.json.usage_object import has_figures
from shared.core.wire.model_router import is_model_router
from shared.core.wire.operations import spec_of

_UNKNOWN_MODEL: Final = "unknown"
_REQUESTS_WITHOUT_BODY: Final = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
_DURATION: Final = "duration"


@dataclass(frozen=True, kw_only=True, slots=True)
class BillingInputs:
    """The values of an event on which its quantities depend, as the upstream sent them."""

    operation: str
    method: str | None
    outcome: str
    upstream_status_code: int | None
    error_code: str | None
    usage: JsonObject | None
    usage_estimate: JsonObject | None
    usage_repeated: bool
    model: str | None  # the answer's
    served_model: str | None  # x-ms-served-model
    deployment: str | None
    deployment_model: str | None  # the operator's setting
    sku: str | None
    zone: str | None
    service_tier: str | None
    spilled_over: bool | None
    prompt: Json
    images: JsonObject | None  # count, size, quality
    duration_s: float | None
    output: list[JsonObject]  # the items of a response
    pending: bool  # a background response that was only created: its usage comes with a later read
    has_batch_results: bool  # a batch that has ended, and requests of it were answered


def quantities_of(event: JsonObject) -> Quantities:
    """The quantities of the exchange that an event reports."""
    quantities = mapping(event.get("quantities"))
    if quantities:
        return from_json(quantities)
    served, batch = mapping(event.get("served")), mapping(event.get("batch"))
    return measure_inputs(
        BillingInputs(
            operation=text(event.get("operation")),
            method=short(event.get("method")),
            outcome=text(event.get("outcome")),
            upstream_status_code=integer(event.get("upstream_status_code")),
            error_code=short(mapping(event.get("error")).get("code")),
            usage=mapping(event.get("usage")) or None,
            usage_estimate=mapping(event.get("usage_estimate")) or None,
            usage_repeated=event.get("usage_repeated") is True,
            model=short(event.get("model")),
            served_model=None,
            deployment=short(event.get("deployment")),
            deployment_model=None,
            sku=None,
            zone=None,
            service_tier=short(served.get("service_tier")),
            spilled_over=True if served.get("spillover_from_deployment") else None,
            prompt=None if event.get("truncated") else event.get("prompt"),
            images=mapping(event.get("images")) or None,
            duration_s=_quantity(mapping(event.get("audio")).get("duration_s")),
            output=mappings(event.get("output")),
            pending=is_pending(event.get("background"), event.get("response_status")),
            has_batch_results=has_results(
                text(event.get("operation")), batch.get("status"), batch.get("completed")
            ),
        )
    )


def is_pending(background: object, response_status: object) -> bool:
    """Whether an answer is a background response that has not ended."""
    return background is True and response_status in {"queued", "in_progress"}


def has_results(operation: str, status: object, completed: object) -> bool:
    """Whether a batch of this status, with so many answered requests, has ended and is billed."""
    return status in spec_of(operation).final_statuses and (integer(completed) or 0) > 0


def measure_inputs(inputs: BillingInputs) -> Quantities:
    """The quantities of an exchange."""
    basis = _basis(inputs)
    model, model_source = _model(inputs)
    images = inputs.images or {}
    tokens, calls = _tokens(inputs, basis), _tool_calls(inputs.output)
    return Quantities(
        basis=basis,
        model=model,
        model_source=model_source,
        sku=inputs.sku,
        zone=inputs.zone,
        service_tier=inputs.service_tier,
        spilled_over=inputs.spilled_over,
        input=tokens["input"] or None,
        cached=tokens["cached"] or None,
        cache_write=tokens["cache_write"] or None,
        output=tokens["output"] or None,
        reasoning=tokens["reasoning"] or None,
        audio_input=tokens["audio_input"] or None,
        audio_cached=tokens["audio_cached"] or None,
        audio_output=tokens["audio_output"] or None,
        image_input=tokens["image_input"] or None,
        image_output=tokens["image_output"] or None,
        characters=_characters(inputs, basis) or None,
        seconds=_seconds(inputs, basis) or None,
        images=integer(images.get("count")) or None,
        image_size=short(images.get("size")),
        image_quality=short(images.get("quality")),
        web_search=calls["web_search"] or None,
        file_search=calls["file_search"] or None,
        code_interpreter=calls["code_interpreter"] or None,
        image_generation=calls["image_generation"] or None,
        routed_input=_routed_input(inputs, tokens) or None,
    )


def _basis(inputs: BillingInputs) -> Basis:
    if inputs.usage_repeated:
        return "repeated"
    if inputs.usage and has_figures(inputs.usage):
        return "usage"
    if inputs.usage_estimate:
        return "estimate"
    if not _is_billed(inputs):
        return "nothing"
    return "count" if _has_count(inputs) else "unknown"


def _is_billed(inputs: BillingInputs) -> bool:
    """Whether the upstream may have charged for the exchange, as far as it shows."""
    status, spec = inputs.upstream_status_code, spec_of(inputs.operation)
    if spec.is_own_call or inputs.has_batch_results:
        return True  # it reads what was billed, and nothing else may say how much
    if inputs.method in _REQUESTS_WITHOUT_BODY:
        return False
    if status is None:
        return inputs.outcome not in {"rejected", "upstream_error"}
    if status >= 400:
        # Azure bills what it processed, although the status reports an error
        return status == 408 or (status == 400 and inputs.error_code == "content_filter")
    return not (inputs.pending or spec.repeats_usage or spec.reads_object)


def _has_count(inputs: BillingInputs) -> bool:
    if spec_of(inputs.operation).is_billed_by_characters:
        return isinstance(inputs.prompt, str)
    return bool(inputs.images) or inputs.duration_s is not None


def _model(inputs: BillingInputs) -> tuple[str | None, ModelSource | None]:
    model = inputs.model if inputs.model != _UNKNOWN_MODEL else None
    sources: tuple[tuple[str | None, ModelSource], ...] = (
        (inputs.served_model, "header"),
        (model, "answer"),
        (inputs.deployment_model, "setting"),
        (inputs.deployment, "deployment"),
    )
    return next(((name, source) for name, source in sources if name), (None, None))


def _tokens(inputs: BillingInputs, basis: Basis) -> dict[str, int]:
    """The tokens of each part."""
    if basis == "estimate" and inputs.usage_estimate:
        return split_tokens(inputs.usage_estimate)
    if not inputs.usage or basis not in {"usage", "repeated"}:
        return dict.fromkeys(TOKENS, 0)
    parts = split_tokens(inputs.usage)
    if inputs.images and not parts["image_output"]:
        # an answer with images reports its output as one figure, and it is the images'
        parts |= {"image_output": parts["output"], "output": 0}
    return parts


def _routed_input(inputs: BillingInputs, tokens: dict[str, int]) -> int:
    return sum(tokens[part] for part in INPUT_TOKENS) if _is_routed(inputs) else 0


def _characters(inputs: BillingInputs, basis: Basis) -> int:
    is_counted = basis == "count" and spec_of(inputs.operation).is_billed_by_characters
    return len(inputs.prompt) if is_counted and isinstance(inputs.prompt, str) else 0


def _seconds(inputs: BillingInputs, basis: Basis) -> float | None:
    usage = inputs.usage or {}
    if usage.get("type") == _DURATION:
        return _quantity(usage.get("seconds"))
    return inputs.duration_s if basis == "count" else None


def _is_routed(inputs: BillingInputs) -> bool:
    """Whether a model router chose the model that answered."""
    names_router = is_model_router(inputs.deployment_model or inputs.deployment or "")
    model = inputs.served_model or inputs.model or _UNKNOWN_MODEL
    return names_router and model != _UNKNOWN_MODEL and not is_model_router(model)


def _tool_calls(output: list[JsonObject]) -> dict[str, int]:
    kinds = [text(item.get("type")) for item in output]
    searches = [
        item
        for item in output
        if item.get("type") == "web_search_call"
        # opening a page of the results is not a search
        and mapping(item.get("action")).get("type") in {None, "search"}
    ]
    containers = {
        text(item.get("container_id"))
        for item in output
        if item.get("type") == "code_interpreter_call"
    }
    return {
        "web_search": len(searches),
        "file_search": kinds.count("file_search_call"),
        "code_interpreter": len(containers),
        "image_generation": kinds.count("image_generation_call"),
    }


def _quantity(value: object) -> float | None:
    quantity = number(value)
    return quantity if quantity is not None and quantity >= 0 else None
