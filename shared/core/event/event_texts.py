"""The texts of an event that may be cut, with their places and sizes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from shared.core.event.shape import TruncatedText
from shared.core.wire.json.json_shape import Json, JsonObject

# No text is cut below this; whole values are dropped instead.
MIN_TEXT_BYTES: Final = 256
_NEVER_CUT: Final = MIN_TEXT_BYTES // 6 - 1  # characters: JSON takes at most six bytes for one
# These short keys identify an exchange, and stay.
_NEVER_TRUNCATED: Final = frozenset(
    {
        "type",
        "model",
        "region",
        "timestamp",
        "exchange_id",
        "operation",
        "deployment",
        "api_version",
        "method",
        "outcome",
        "request_capture",
        "response_capture",
        "request_sha256",
        "response_sha256",
        "usage_source",
        "content_mode",
        "content_rule",
        "redactions",
        "truncated_texts",
    }
)
type TextPath = tuple[str | int, ...]  # keys and indexes, from the event down


@dataclass(frozen=True, kw_only=True, slots=True)
class EventText:
    """A text in the event, and its place there."""

    parent: JsonObject | list[Json]
    path: TextPath
    value: str
    size: int  # bytes in JSON, quotes included

    def replace(self, value: str) -> None:
        """Put another text in its place."""
        match self.parent, self.path[-1]:
            case dict() as members, str() as name:
                members[name] = value
            case list() as elements, int() as index:
                elements[index] = value

    def list_entry(self) -> TruncatedText:
        """The entry that lists it in the event."""
        return TruncatedText(path=_pointer(self.path), characters=len(self.value))


def cuttable_texts(members: JsonObject) -> Iterator[EventText]:
    """The texts of the event that may be cut."""
    for key, value in members.items():
        if key not in _NEVER_TRUNCATED:
            yield from _texts_in(members, key, value, ())


def texts_of(value: Json, path: TextPath) -> Iterator[EventText]:
    """The texts within a value that may be cut. Redaction has bounded the value's depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts_in(value, key, inner, path)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts_in(value, index, inner, path)


def _texts_in(
    parent: JsonObject | list[Json], key: str | int, value: Json, path: TextPath
) -> Iterable[EventText]:
    if not isinstance(value, str):
        return texts_of(value, (*path, key)) if isinstance(value, (dict, list)) else ()
    if len(value) <= _NEVER_CUT:
        return ()
    return (EventText(parent=parent, path=(*path, key), value=value, size=json_size(value)),)


def json_size(value: str) -> int:
    """The bytes of a text in JSON, quotes included."""
    return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def _pointer(path: TextPath) -> str:
    """The JSON Pointer (RFC 6901), at most 256 characters."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)[:256]
