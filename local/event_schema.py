"""docs/event.schema.json, generated from the event's types. `make schema` writes it, a test
compares it.

Types become JSON Schema (2020-12); the comment after or above a field becomes its description.
Objects stay open: a schema version may gain keys, and a consumer's copy of the schema must not
refuse them.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import json
import re
import types
import typing
from pathlib import Path
from typing import Any, Final, Literal, TypeAliasType, Union

from shared.core.event.shape import SCHEMA_VERSION, Event, is_optional
from shared.core.wire.json.json_shape import Json, JsonObject

PATH: Final = Path(__file__).resolve().parent.parent / "docs" / "event.schema.json"

_FIELD: Final = re.compile(r"^    (\w+): [^#\n]*?(?:  # (.*))?$")
_COMMENT: Final = re.compile(r"^    # (.*)$")
_SCALARS: Final[dict[object, dict[str, Any]]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    Any: {},
    Json: {},
    JsonObject: {"type": "object"},
}


def schema() -> dict[str, Any]:
    """The whole schema."""
    definitions: dict[str, Any] = {}
    event = _object(Event, definitions)
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"An event of fnsse, schema version {SCHEMA_VERSION}",
    }
    return head | event | {"$defs": dict(sorted(definitions.items()))}


def text() -> str:
    """The schema as the file holds it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _object(cls: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    hints, comments = typing.get_type_hints(cls), _comments(cls)
    properties, required = {}, []
    for field in dataclasses.fields(cls):
        absent = is_optional(field)
        schema_of_field = _of(
            _not_none(hints[field.name]) if absent else hints[field.name], definitions
        )
        comment = comments.get(field.name)
        properties[field.name] = schema_of_field | ({"description": comment} if comment else {})
        if not absent:
            required.append(field.name)
    description = " ".join(inspect.cleandoc(cls.__doc__ or "").partition("\n\n")[0].split())
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": required,
    }


def _of(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if hint in _SCALARS:
        return dict(_SCALARS[hint])
    if isinstance(hint, TypeAliasType):
        return _of(hint.__value__, definitions)
    if isinstance(hint, type) and issubclass(hint, enum.StrEnum):
        return {"enum": [str(member) for member in hint]}
    if dataclasses.is_dataclass(hint):
        return _reference(hint, definitions)
    return _of_generic(typing.get_origin(hint), typing.get_args(hint), definitions)


def _of_generic(origin: Any, args: tuple[Any, ...], definitions: dict[str, Any]) -> dict[str, Any]:
    if origin is Literal:
        return {"enum": list(args)}
    if origin is tuple and args[1] is Ellipsis:
        return {"type": "array", "items": _of(args[0], definitions)}
    if origin is dict:
        inner = _of(args[1], definitions)
        return {"type": "object", "additionalProperties": inner} if inner else {"type": "object"}
    if origin in {types.UnionType, Union}:
        return _any_of([_of(arg, definitions) for arg in args])
    raise TypeError(f"no rule for {origin}[{args}] in the event's types")


def _any_of(options: list[dict[str, Any]]) -> dict[str, Any]:
    """`{"type": [a, b]}` if the options are plain types."""
    if all(option.keys() == {"type"} for option in options):
        return {"type": [option["type"] for option in options]}
    return {"anyOf": options}


def _reference(cls: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    name = cls.__name__
    if name not in definitions:
        definitions[name] = {}  # before its fields: a type may hold itself
        definitions[name] = _object(cls, definitions)
    return {"$ref": f"#/$defs/{name}"}


def _not_none(hint: Any) -> Any:
    """`X` of `X | None`: a field with a default is absent if it is None."""
    rest = [arg for arg in typing.get_args(hint) if arg is not type(None)]
    return Union[*rest]


def _comments(cls: type) -> dict[str, str]:
    """Field -> its comment, after it or in the lines above."""
    comments, above = {}, []
    for line in inspect.getsource(cls).splitlines():
        comment, field = _COMMENT.match(line), _FIELD.match(line)
        if comment:
            above.append(comment[1])
        elif field:
            comments[field[1]] = field[2] or " ".join(above)
            above = []
        else:
            above = []
    return {name: comment for name, comment in comments.items() if comment}


if __name__ == "__main__":
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_text(text(), "utf-8")
    print(f"wrote {PATH.name}")
