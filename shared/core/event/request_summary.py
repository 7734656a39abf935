"""What a captured request asked for. Arbitrary bytes never raise; `problem` says what was wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from shared.core.event import parameters
from shared.core.wire import json_shape, multipart, stream_request
from shared.core.wire.content_coding import ContentDecoder
from shared.core.wire.json_shape import mapping, scalar, short, text, utf8_size
from shared.core.wire.multipart import FormField
from shared.core.wire.operations import OperationSpec, spec_of
from shared.core.wire.redaction import redact, redact_object

_MAX_NUMBER_TEXT: Final = 32
# fields of a form that stay texts, even "42"
_TEXTS: Final = frozenset({"prompt", "model", "user", "input"})


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestSummary:
    """A request. Everything in here may stand in an event."""

    prompt: Any = None
    instructions: str | None = None
    model: str | None = None
    stream: bool = False
    user: str | None = None
    metadata: dict[str, Any] | None = None
    prompt_cache_key: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    form: tuple[FormField, ...] | None = None  # of an upload
    # UTF-8 of everything that the model has to read, images apart; for estimates
    text_bytes: int = 0
    problem: str | None = None


def parse(
    body: bytes, operation: str, content_type: str = "", content_encoding: str = ""
) -> RequestSummary:
    """What a request's body asks for."""
    spec = spec_of(operation)
    if spec.prompt_member is None or not body:
        return RequestSummary()
    decoder = ContentDecoder(content_encoding)
    decoded = b"".join(decoder.decode((body,)))
    if decoder.problem is not None:
        return RequestSummary(problem=f"the request cannot be read: {decoder.problem}")
    if multipart.is_form(content_type):
        form = multipart.read(decoded, content_type)
        problem = (
            f"the request's form cannot be read whole: {form.problem}" if form.problem else None
        )
        return _asked(_typed(form.texts), spec, form=form.fields, problem=problem)
    document = json_shape.parse(decoded)
    if not isinstance(document, dict):
        return RequestSummary(problem=f"the request's body {json_shape.problem(decoded)}")
    return _asked(document, spec)


def _asked(
    document: dict[str, Any],
    operation: OperationSpec,
    *,
    form: tuple[FormField, ...] | None = None,
    problem: str | None = None,
) -> RequestSummary:
    prompt = redact(document.get(operation.prompt_member or ""))
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
        parameters=parameters.of(document),
        form=form,
        text_bytes=sum(map(utf8_size, _texts(prompt)))
        + utf8_size(instructions or "")
        + _written(tools),
        problem=problem,
    )


def _typed(texts: dict[str, str]) -> dict[str, Any]:
    """A form has nothing but texts; `stream`, `n` and their like mean what they mean in JSON."""
    values = {
        name: json_shape.parse(text) if len(text) <= _MAX_NUMBER_TEXT else None
        for name, text in texts.items()
    }
    as_json = {
        name: value
        for name, value in values.items()
        if isinstance(value, bool | int | float) and name not in _TEXTS
    }
    return texts | as_json


def _metadata(value: object) -> dict[str, Any] | None:
    """At most 16 pairs of short texts, as the API has them."""
    pairs = list(redact_object(mapping(value)).items())[:16]
    return {
        key[:64]: item[:512] if isinstance(item, str) else scalar(item) for key, item in pairs
    } or None


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value."""
    pending = [value]
    while pending:
        inner = pending.pop()
        if isinstance(inner, str):
            yield inner
        elif isinstance(inner, dict):
            pending.extend(inner.values())
        elif isinstance(inner, list):
            pending.extend(inner)


def _written(tools: object) -> int:
    """Tools are read by the model as well, in about the size of their JSON."""
    try:
        return len(json.dumps(tools)) if tools else 0
    except (ValueError, RecursionError):
        return 0
