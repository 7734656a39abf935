"""The attributes that spans and metrics share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.core.telemetry.conventions import PROVIDER, Attributes, AttributeValue
from shared.core.telemetry.exchange_telemetry import MAX_NAME, ExchangeTelemetry
from shared.core.wire.operations import spec_of


@dataclass(frozen=True, kw_only=True, slots=True)
class TelemetryOptions:
    """An operator's choices about spans and metrics."""

    server_address: str  # the upstream's
    server_port: int
    caller_members: frozenset[str] = field(default_factory=frozenset)  # names of `caller`
    old_names: bool = False  # metrics by their former names, in addition
    messages_on_spans: bool = False  # as JSON
    messages_in_events: bool = False


def without_none(values: Mapping[str, AttributeValue | None]) -> Attributes:
    """The values that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def server(options: TelemetryOptions) -> Attributes:
    """The upstream's address."""
    return {"server.address": options.server_address, "server.port": options.server_port}


def callers(exchange: ExchangeTelemetry, options: TelemetryOptions) -> Attributes:
    """The caller's names that the operator chose."""
    members = {name: getattr(exchange.caller, name) for name in sorted(options.caller_members)}
    return {
        f"fnsse.caller.{name}": str(value)[:MAX_NAME] for name, value in members.items() if value
    }


def gen_ai(exchange: ExchangeTelemetry, request_model: str | None) -> Attributes:
    """Operation, provider and models; {} if the operation is not one of generative AI."""
    operation = spec_of(exchange.operation).gen_ai
    if operation is None:
        return {}
    return without_none(
        {
            "gen_ai.operation.name": operation.operation_name,
            "gen_ai.provider.name": PROVIDER,
            "gen_ai.request.model": request_model,
            "gen_ai.response.model": exchange.response_model,
        }
    )
