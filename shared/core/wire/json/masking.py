"""Masking of secrets and files.

Every JSON value that goes from a capture into an event passes here. Secrets are masked, files and
vectors are replaced by a description. The result can always be written as JSON: nesting is cut off
below MAX_DEPTH, and a number that JSON does not know becomes null.
"""

from __future__ import annotations

import math
from typing import Final

from shared.core.wire.json.embedded_file import describe_file, looks_encoded, without_data_urls
from shared.core.wire.json.json_shape import Json, JsonObject

MASKED: Final = "[masked]"
MAX_DEPTH: Final = 48
MAX_NUMBERS: Final = 256  # a longer array of numbers, such as token ids or a vector, is shortened

# Ends of the names of secrets, in lower case and without `-` and `_`.
_SECRETS: Final = (
    "authorization",
    "apikey",
    "subscriptionkey",
    "functionskey",
    "accountkey",
    "accesskey",
    "privatekey",
    "accesstoken",
    "refreshtoken",
    "idtoken",
    "bearertoken",
    "sastoken",
    "secret",
    "password",
    "connectionstring",
    "cookie",
)
# Every text below these names is a secret, whatever its own name (tools[].headers: litellm#35678).
_SECRET_HOLDERS: Final = frozenset({"headers", "authentication"})
# Fields whose value is a file in bare Base64: input_audio, file, images, image_generation_call,
# encrypted reasoning.
_FILES: Final = {
    "data": "application/octet-stream",
    "file_data": "application/octet-stream",
    "b64_json": "image",
    "partial_image_b64": "image",
    "result": "image",
    "image_data": "image",
    "encrypted_content": "encrypted",
}
# Arrays of numbers that are kept at any length: log probabilities of a completion.
_KEPT_NUMBERS: Final = frozenset({"token_logprobs", "text_offset"})
_TOO_DEEP: Final = "[nested too deeply]"


def mask_secrets(value: Json) -> Json:
    """A copy of a value that may be in an event."""
    return _value(value, MAX_DEPTH)


def mask_object(fields: JsonObject) -> JsonObject:
    """A copy of an object that may be in an event."""
    return _object(fields, MAX_DEPTH)


def mask_items(values: list[Json]) -> list[Json]:
    """A copy of an array's items that may be in an event."""
    return [_value(value, MAX_DEPTH - 1) for value in values]


def _value(value: Json, depth: int) -> Json:
    if isinstance(value, str):
        return without_data_urls(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return _object(value, depth) if depth else _TOO_DEEP
    if isinstance(value, list):
        return _array(value, depth) if depth else _TOO_DEEP
    return value


def _array(values: list[Json], depth: int) -> Json:
    if len(values) > MAX_NUMBERS and all(type(value) in {int, float} for value in values):
        return f"[{len(values)} numbers]"
    return [_value(value, depth - 1) for value in values]


def _object(fields: JsonObject, depth: int) -> JsonObject:
    return {key: _field(key, value, fields, depth) for key, value in fields.items()}


def _field(key: str, value: Json, siblings: JsonObject, depth: int) -> Json:
    name = key.lower().replace("-", "").replace("_", "")
    if name.endswith(_SECRETS) and value is not None:
        return MASKED
    if name in _SECRET_HOLDERS:
        return _mask(value, depth)
    if key in _FILES and isinstance(value, str) and looks_encoded(value):
        return describe_file(value, _media_type(key, siblings))
    if key in _KEPT_NUMBERS and isinstance(value, list):
        return [_value(number, depth - 1) for number in value]
    return _value(value, depth - 1)


def _media_type(key: str, siblings: JsonObject) -> str:
    """The media type by the field's name; beside the `data` of input_audio there is its format."""
    audio_format = siblings.get("format")
    if key == "data" and isinstance(audio_format, str):
        return f"audio/{audio_format[:16]}"
    return _FILES[key]


def _mask(value: Json, depth: int) -> Json:
    """The same structure with every text and number masked. Only the `type` of an authentication is
    kept.
    """
    if isinstance(value, dict) and depth:
        return {
            key: inner if key == "type" and isinstance(inner, str) else _mask(inner, depth - 1)
            for key, inner in value.items()
        }
    if isinstance(value, list) and depth:
        return [_mask(inner, depth - 1) for inner in value]
    return value if value is None or isinstance(value, bool) else MASKED
