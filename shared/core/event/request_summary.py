"""The summary of a captured request, for its event.

Arbitrary bytes never raise; `problem` says what is wrong with them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from shared.core.event import parameters
from shared.core.wire.http import multipart
from shared.core.wire.http.content_coding import ContentDecoder
from shared.core.wire.http.multipart import FormField
from shared.core.wire.json import json_shape
from shared.core.wire.json.json_shape import (
    Json,
    JsonObject,
    mapping,
    scalar,
    short,
    text,
    utf8_size,
)
from shared.core.wire.json.masking import mask_object, mask_secrets
from shared.core.wire.operations import OperationSpec, spec_of
from shared.core.wire.request import stream_request

_MAX_NUMBER_TEXT: Final = 32
# Fields of a form that stay texts, even "42".
_TEXTS: Final = frozenset({"prompt", "model", "user", "input"})


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestSummary:
    """The request as an event reports it. Secrets and files are redacted, so all of it may be
    published.
    """

    prompt: Json = None
    instructions: str | None = None
    model: str | None = None
    stream: bool = False
    user: str | None = None
    metadata: JsonObject | None = None
    prompt_cache_key: str | None = None
    parameters: JsonObject = field(default_factory=dict)
    form: tuple[FormField, ...] | None = None  # of an upload
    # UTF-8 of everything that the model has to read, without images; for estimates
    text_bytes: int = 0
    problem: str | None = None


def parse(
    body: bytes, operation: str, content_type: str = "", content_encoding: str = ""
) -> RequestSummary:
    """The summary of a request's body."""
    spec = spec_of(operation)
    if spec.prompt_member is None or not body:
        return RequestSummary()
    decoder = ContentDecoder(content_encoding)
    decoded = b"".join(decoder.decode((body,)))
    if decoder.problem is None:
        return _of_body(decoded, spec, content_type)
    if not decoder.is_right_so_far:
        return RequestSummary(problem=f"the request cannot be read: {decoder.problem}")
    problem = f"the request cannot be read whole: {decoder.problem}"
    return replace(_of_body(decoded, spec, content_type), problem=problem)


def _of_body(body: bytes, spec: OperationSpec, content_type: str) -> RequestSummary:
    if multipart.is_form(content_type):
        form = multipart.read(body, content_type)
        problem = (
            f"the request's form cannot be read whole: {form.problem}" if form.problem else None
        )
        return _summary(_typed_fields(form.texts), spec, form=form.fields, problem=problem)
    document = json_shape.parse(body)
    if not isinstance(document, dict):
        return RequestSummary(problem=f"the request's body {json_shape.problem(body)}")
    return _summary(document, spec)


def _summary(
    document: JsonObject,
    operation: OperationSpec,
    *,
    form: tuple[FormField, ...] | None = None,
    problem: str | None = None,
) -> RequestSummary:
    prompt = mask_secrets(document.get(operation.prompt_member or ""))
    instructions = text(document.get("instructions")) or None
    tools = document.get("tools") or document.get("functions")
    return RequestSummary(
        prompt=prompt,
        instructions=instructions,
        model=short(document.get("model")),
        stream=stream_request.requests_stream(document, operation),
        user=short(document.get("user")),
        metadata=_metadata(document.get("metadata")),
        prompt_cache_key=short(document.get("prompt_cache_key")),
        parameters=parameters.extract(document),
        form=form,
        text_bytes=sum(map(utf8_size, _texts(prompt)))
        + utf8_size(instructions or "")
        + _json_size(tools),
        problem=problem,
    )


def _typed_fields(texts: dict[str, str]) -> JsonObject:
    """The fields of a form. All of them are texts; a text that looks like a number or a boolean
    (`n`, `stream`) becomes one, as in JSON.
    """
    values = {
        name: json_shape.parse(text) if len(text) <= _MAX_NUMBER_TEXT else None
        for name, text in texts.items()
    }
    as_json = {
        name: value
        for name, value in values.items()
        if isinstance(value, bool | int | float) and name not in _TEXTS
    }
    return {**texts, **as_json}


def _metadata(value: object) -> JsonObject | None:
    """At most 16 pairs of short texts, as the API allows."""
    pairs = list(mask_object(mapping(value)).items())[:16]
    return {
        key[:64]: item[:512] if isinstance(item, str) else scalar(item) for key, item in pairs
    } or None


def _texts(value: Json) -> Iterator[str]:
    """Every text in a JSON value."""
    pending: list[Json] = [value]
    while pending:
        inner = pending.pop()
        if isinstance(inner, str):
            yield inner
        elif isinstance(inner, dict):
            pending.extend(inner.values())
        elif isinstance(inner, list):
            pending.extend(inner)


def _json_size(tools: object) -> int:
    """The model reads the tools as well, at about the size of their JSON."""
    try:
        return len(json.dumps(tools)) if tools else 0
    except (ValueError, RecursionError):
        return 0
