"""What of a request or an answer may stand in an event: no secret that it carries for others, no
file, no vector.

`presentable` is applied to every JSON value that goes from a capture into an event. It also keeps
the event writable: what is nested absurdly deep is cut off, and a number that JSON cannot write
becomes null.
"""

from __future__ import annotations

import math
from typing import Any, Final

from shared.core.wire.embedded_file import described, looks_encoded, without_data_urls

MASKED: Final = "[masked]"
MAX_DEPTH: Final = 48
MAX_NUMBERS: Final = 256  # of an array of nothing but numbers: token ids, or a vector

# Ends of keys, as they are compared: lower case, without - and _.
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
# Below these keys every text is a secret, whatever its own key (tools[].headers: litellm#35678).
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
# Arrays of numbers that stay however long they are: log probabilities of a completion.
_WANTED_NUMBERS: Final = frozenset({"token_logprobs", "text_offset"})


def presentable(value: Any) -> Any:
    """A copy that may stand in an event."""
    return _any(value, MAX_DEPTH)


def _any(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return without_data_urls(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return _object(value, depth) if depth else "[nested too deeply]"
    if isinstance(value, list):
        return _array(value, depth) if depth else "[nested too deeply]"
    return value


def _array(values: list[Any], depth: int) -> Any:
    if len(values) > MAX_NUMBERS and all(type(value) in {int, float} for value in values):
        return f"[{len(values)} numbers]"
    return [_any(value, depth - 1) for value in values]


def _object(fields: dict[str, Any], depth: int) -> dict[str, Any]:
    return {key: _field(key, value, fields, depth) for key, value in fields.items()}


def _field(key: str, value: Any, siblings: dict[str, Any], depth: int) -> Any:
    name = key.lower().replace("-", "").replace("_", "")
    if name.endswith(_SECRETS) and value is not None:
        return MASKED
    if name in _SECRET_HOLDERS:
        return _masked(value, depth)
    if key in _FILES and isinstance(value, str) and looks_encoded(value):
        return described(value, _media_type(key, siblings))
    if key in _WANTED_NUMBERS and isinstance(value, list):
        return [_any(number, depth - 1) for number in value]
    return _any(value, depth - 1)


def _media_type(key: str, siblings: dict[str, Any]) -> str:
    """input_audio says its format, a data source may say its type."""
    said = siblings.get("format")
    return f"audio/{said[:16]}" if key == "data" and isinstance(said, str) else _FILES[key]


def _masked(value: Any, depth: int) -> Any:
    """The same shape, every text in it masked but the one that says which type of authentication it
    is.
    """
    if isinstance(value, dict) and depth:
        return {
            key: inner if key == "type" and isinstance(inner, str) else _masked(inner, depth - 1)
            for key, inner in value.items()
        }
    if isinstance(value, list) and depth:
        return [_masked(inner, depth - 1) for inner in value]
    return value if value is None or isinstance(value, bool) else MASKED
