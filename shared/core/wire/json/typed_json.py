"""Reads a dataclass from parsed JSON and checks the type of every field by its annotation.

The annotations that it knows: `str`, `int`, `float`, `bool`, a `StrEnum`, a `Literal` of strings, a
`JsonObject`, `Json`, a dataclass, a tuple, a `dict` or `Mapping` from `str`, and any of them
`| None`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from typing import (
    Any,
    Final,
    Literal,
    TypeAliasType,
    TypeGuard,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from shared.core.wire.json.json_shape import Json, JsonObject, integer
from shared.errors import WrongType

type _Reader = Callable[[object], object]


def read[T](cls: type[T], value: object) -> T:
    """The dataclass `cls` in a JSON object. Raises WrongType.

    A field with a default may be absent. A member without a field is ignored: while versions take
    turns in a deployment, the older one reads what the newer one wrote.
    """
    return cast("T", _read_object(cls, value))


@functools.cache
def _reader_of(hint: Any) -> _Reader:
    if hint in _SCALARS:
        return _SCALARS[hint]
    if isinstance(hint, TypeAliasType):
        return _reader_of(hint.__value__)
    if is_dataclass(hint):
        return functools.partial(_read_object, hint)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        members: dict[str, object] = {str(member): member for member in hint}
        return functools.partial(_read_choice, members)
    return _reader_of_generic(get_origin(hint), get_args(hint), hint)


def _reader_of_generic(origin: object, args: tuple[Any, ...], hint: object) -> _Reader:
    if origin is Literal:
        return functools.partial(_read_choice, {choice: choice for choice in args})
    if origin is tuple and args[-1] is Ellipsis:
        return functools.partial(_read_array, _reader_of(args[0]))
    if origin is tuple:
        return functools.partial(_read_tuple, tuple(map(_reader_of, args)))
    if origin in {dict, Mapping} and args[0] is str:
        return functools.partial(_read_mapping, _reader_of(args[1]))
    if len(args) == 2 and args[1] is type(None):
        return functools.partial(_read_optional, _reader_of(args[0]))
    raise TypeError(f"no rule to read {hint} from JSON")


def _read_object(cls: Any, value: object) -> object:
    if not _is_object(value):
        raise WrongType(cls.__name__)
    readers = _field_readers(cls)
    values: dict[str, object] = {}
    for name, (reader, required) in readers.items():
        if name in value:
            try:
                values[name] = reader(value[name])
            except WrongType as error:
                raise WrongType(f"{name}: {error}") from None
        elif required:
            raise WrongType(f"{name}: missing")
    return cls(**values)


@functools.cache
def _field_readers(cls: Any) -> dict[str, tuple[_Reader, bool]]:
    """By field: its reader, and whether it is required."""
    hints = get_type_hints(cls)
    return {
        field.name: (
            _reader_of(hints[field.name]),
            field.default is MISSING and field.default_factory is MISSING,
        )
        for field in fields(cls)
    }


def _read_optional(reader: _Reader, value: object) -> object:
    return None if value is None else reader(value)


def _read_choice(choices: dict[str, object], value: object) -> object:
    if isinstance(value, str) and value in choices:
        return choices[value]
    raise WrongType("another text")


def _read_array(reader: _Reader, value: object) -> object:
    if not isinstance(value, list):
        raise WrongType("not an array")
    return tuple(map(reader, value))


def _read_mapping(reader: _Reader, value: object) -> object:
    if not _is_object(value):
        raise WrongType("not an object")
    return {name: reader(member) for name, member in value.items()}


def _read_tuple(readers: tuple[_Reader, ...], value: object) -> object:
    if not isinstance(value, list) or len(value) != len(readers):
        raise WrongType(f"not an array of {len(readers)}")
    return tuple(reader(item) for reader, item in zip(readers, value, strict=True))


def _read_text(value: object) -> object:
    if not isinstance(value, str):
        raise WrongType("not a text")
    return value


def _read_boolean(value: object) -> object:
    if not isinstance(value, bool):
        raise WrongType("not a boolean")
    return value


def _read_integer(value: object) -> object:
    if integer(value) is None:
        raise WrongType("not a whole number")
    return value


def _read_number(value: object) -> object:
    if isinstance(value, float) and math.isfinite(value):
        return value
    if integer(value) is None:
        raise WrongType("not a number")
    return float(cast("int", value))


def _read_json_object(value: object) -> object:
    if not _is_object(value):
        raise WrongType("not an object")
    return value


def _is_object(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)


_SCALARS: Final[dict[Any, _Reader]] = {
    str: _read_text,
    int: _read_integer,
    float: _read_number,
    bool: _read_boolean,
    JsonObject: _read_json_object,
    Json: lambda value: value,
}
