"""A value that an orchestration passes on: Durable stores it as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Self

from shared.core.wire.json import typed_json
from shared.core.wire.json.json_shape import JsonObject


@dataclass(frozen=True, kw_only=True, slots=True)
class DurableValue:
    """The base of a dataclass that Durable stores: a member of the JSON object for each field."""

    @classmethod
    def from_json(cls, fields: object) -> Self:
        """The value that `to_json` wrote. Raises WrongType."""
        return typed_json.read(cls, fields)

    def to_json(self) -> JsonObject:
        """The value as Durable stores it."""
        return asdict(self)
