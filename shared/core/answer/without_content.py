"""The part of an answer that may be recorded if its content may not.

The only texts that remain are words of the API, such as `stop` or `gpt-4o-2024-11-20`: short texts
without a space. The name of a tool that the model called counts as such a word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Final

from shared.core.answer.shapes import (
    Audio,
    Batch,
    Choice,
    CustomCall,
    FunctionCall,
    Image,
    Images,
    ParsedAnswer,
    ToolCall,
)
from shared.core.wire.json import typed_json
from shared.core.wire.json.json_shape import Json, JsonObject, integer, mapping
from shared.errors import WrongType

_WORD: Final = re.compile(r"[\w.:/+-]{1,64}", re.ASCII)
_MAX_ITEMS: Final = 128  # choices, tool calls, output items, images


def without_content(answer: ParsedAnswer) -> ParsedAnswer:
    """The answer without its texts. Counts, sizes, hashes and words of the API remain."""
    return replace(
        answer,
        content="",
        choices=tuple(map(_choice, answer.choices[:_MAX_ITEMS])),
        output=tuple(map(_output_item, answer.output[:_MAX_ITEMS])) if answer.output else None,
        finish_reason=_word(answer.finish_reason),
        images=_images(answer.images),
        audio=_audio(answer.audio),
        batch=_batch(answer.batch),
        model=_word(answer.model),
        usage=figures_of(answer.usage),
        id=_word(answer.id),
        response_status=_word(answer.response_status),
        service_tier=_word(answer.service_tier),
        system_fingerprint=_word(answer.system_fingerprint),
        prompt_filter_results=None,
        content_filters=None,
        error=_error(answer.error),
    )


def to_json(answer: ParsedAnswer) -> JsonObject:
    """An answer without content, for the header of its capture."""
    return asdict(answer)


def from_json(value: object) -> ParsedAnswer:
    """The answer that `to_json` wrote; an empty one for anything else."""
    try:
        return typed_json.read(ParsedAnswer, value)
    except WrongType:
        return ParsedAnswer()


def figures_of(usage: Mapping[str, Json] | None) -> JsonObject | None:
    """The numbers and the words of a usage object, and of the objects within it."""
    if usage is None:
        return None
    return {
        name: figures_of(value) if isinstance(value, dict) else value
        for name, value in usage.items()
        if _word(name) and (_word(value) or not isinstance(value, str | list))
    }


def _choice(choice: Choice) -> Choice:
    return Choice(
        index=choice.index,
        content="",
        finish_reason=_word(choice.finish_reason),
        tool_calls=tuple(map(_call, choice.tool_calls[:_MAX_ITEMS])) if choice.tool_calls else None,
        function_call=_function(choice.function_call),
    )


def _call(call: ToolCall) -> ToolCall:
    return ToolCall(
        id=_word(call.id),
        type=_word(call.type) or "",
        function=_function(call.function),
        custom=CustomCall(name=_word(call.custom.name) or "", input="") if call.custom else None,
    )


def _function(function: FunctionCall | None) -> FunctionCall | None:
    return FunctionCall(name=_word(function.name) or "", arguments="") if function else None


def _output_item(item: JsonObject) -> JsonObject:
    words = {name: _word(item.get(name)) for name in ("type", "status", "name", "container_id")}
    shown: JsonObject = {name: word for name, word in words.items() if word}
    # a search is billed, and the opening of a page is not
    action = _word(mapping(item.get("action")).get("type"))
    return shown | {"action": {"type": action}} if action else shown


def _images(images: Images | None) -> Images | None:
    if images is None:
        return None
    return Images(
        count=images.count,
        size=_word(images.size),
        quality=_word(images.quality),
        output_format=_word(images.output_format),
        partial_count=images.partial_count,
        items=tuple(
            Image(bytes=image.bytes, sha256=image.sha256) for image in images.items[:_MAX_ITEMS]
        ),
    )


def _audio(audio: Audio | None) -> Audio | None:
    if audio is None:
        return None
    return replace(audio, content_type=_word(audio.content_type), language=_word(audio.language))


def _batch(batch: Batch | None) -> Batch | None:
    if batch is None:
        return None
    return replace(
        batch,
        id=_word(batch.id),
        status=_word(batch.status),
        endpoint=_word(batch.endpoint),
    )


def _error(error: JsonObject | None) -> JsonObject | None:
    """Its code and its type; an empty object if there are none."""
    if error is None:
        return None
    words = {name: error.get(name) for name in ("code", "statusCode", "type")}
    return {
        name: value for name, value in words.items() if _word(value) or integer(value) is not None
    }


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None
