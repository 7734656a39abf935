"""The size of the part of an output item that the model wrote; for estimates."""

from __future__ import annotations

import json
from typing import Final

from shared.core.wire.json.json_shape import (
    Json,
    JsonObject,
    items,
    mapping,
    mappings,
    text,
    utf8_size,
)

# Members that the model wrote, wherever they are in an item.
_GENERATED: Final = ("text", "refusal", "arguments", "input", "code", "name")
_GENERATED_OBJECTS: Final = ("operation", "action")


def is_generated(item: JsonObject, *, whole: bool) -> bool:
    """Whether an item holds generated content. The name and the empty containers of an item that
    has only started do not count.
    """
    if not whole:
        present_at_start = {"name", "result", *_GENERATED_OBJECTS}
        item = {key: value for key, value in item.items() if key not in present_at_start}
    return bool(generated_bytes(item) or item.get("result"))


def is_of_user(item: JsonObject) -> bool:
    """Whether the item repeats a part of the prompt, as compacted conversations do."""
    return text(item.get("role")) in {"user", "system", "developer"}


def generated_bytes(item: JsonObject) -> int:
    """Bytes of the item's generated texts, as UTF-8; 0 for a part of the prompt."""
    if is_of_user(item):
        return 0
    parts = [item, *mappings(item.get("content")), *mappings(item.get("summary"))]
    texts = sum(_size(part.get(key)) for part in parts for key in _GENERATED if key in part)
    objects = (mapping(item[key]) for key in _GENERATED_OBJECTS if key in item)
    return texts + sum(
        _size(value) if isinstance(value, str) else sum(map(_size, items(value)))
        for members in objects
        for key, value in members.items()
        if key != "type"
    )


def _size(value: Json) -> int:
    """Bytes of a text. Arguments that come as an object count as their JSON."""
    if isinstance(value, dict | list):
        return utf8_size(json.dumps(value, ensure_ascii=False)) if value else 0
    return utf8_size(text(value))
