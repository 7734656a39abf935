"""The event that holds the prompt and the answer of an exchange."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.core.telemetry.attributes import Attributes, AttributeValue
from shared.core.telemetry.messages import Messages
from shared.core.wire.json.json_shape import Json, parse

EVENT_NAME: Final = "gen_ai.client.inference.operation.details"


@dataclass(frozen=True, kw_only=True, slots=True)
class Details:
    """An event of the exchange's span."""

    at_ns: int  # unix time
    span_id: int
    attributes: Mapping[str, AttributeValue | Json]  # the messages are structured values


def details_of(messages: Messages, attributes: Attributes, *, span_id: int, at_ns: int) -> Details:
    """The event. `attributes`: those of the span, which are the event's own as well."""
    structured = {name: parse(value) for name, value in messages.by_attribute().items()}
    return Details(at_ns=at_ns, span_id=span_id, attributes={**attributes, **structured})
