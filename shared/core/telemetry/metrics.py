"""The points of metrics that one delivery adds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from shared.core.telemetry import conventions as names
from shared.core.telemetry.attributes import (
    TelemetryOptions,
    callers,
    gen_ai,
    server,
    without_none,
)
from shared.core.telemetry.conventions import Attributes, Instrument
from shared.core.telemetry.exchange_telemetry import (
    DeliveryCause,
    DeliveryReport,
    ExchangeTelemetry,
)
from shared.core.telemetry.spans import end_ns
from shared.core.wire.gen_ai import INFERENCE_OF_FETCHED, GenAiOperation, MetricFamily
from shared.core.wire.operations import spec_of

_DURATIONS: Final = {
    MetricFamily.INFERENCE: names.INFERENCE_DURATION,
    MetricFamily.EMBEDDINGS: names.EMBEDDINGS_DURATION,
    MetricFamily.OTHER: names.OPERATION_DURATION,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricPoint:
    """A value that is added to a counter, or recorded in a histogram."""

    instrument: Instrument
    value: int | float
    attributes: Attributes


def points_of(
    exchange: ExchangeTelemetry, delivery: DeliveryReport, options: TelemetryOptions
) -> tuple[MetricPoint, ...]:
    """The points of a delivery. Figures of the exchange count with its first delivery alone."""
    points = [*_delivery_points(exchange, delivery)]
    if delivery.first:
        points.append(_lag(exchange, delivery))
        points += _exchange_points(exchange, options)
        points += _gen_ai_points(exchange, options)
    return tuple(points)


def dead_lettered(reason: str) -> MetricPoint:
    """An exchange can never be delivered."""
    return _point(names.DEAD_LETTERED, 1, {"fnsse.dead_letter.reason": reason})


def _delivery_points(
    exchange: ExchangeTelemetry, delivery: DeliveryReport
) -> Iterator[MetricPoint]:
    cause: Attributes = {"fnsse.delivery.cause": str(delivery.cause)}
    yield _point(names.DELIVERED, 1, {})
    if delivery.cause is not DeliveryCause.RECORDING:
        yield _point(names.REDELIVERED, 1, cause)
    if delivery.first is False and delivery.cause is not DeliveryCause.REPLAY:
        yield _point(names.DUPLICATES, 1, cause)
    if exchange.truncated:
        yield _point(names.TRUNCATED, 1, {})


def _exchange_points(
    exchange: ExchangeTelemetry, options: TelemetryOptions
) -> Iterator[MetricPoint]:
    by: Attributes = {"fnsse.operation": exchange.operation, "fnsse.outcome": str(exchange.outcome)}
    yield _point(names.EXCHANGES, 1, by | callers(exchange, options))
    for side in exchange.missing_captures:
        yield _point(names.UNRECORDED, 1, {"fnsse.capture": side})
    if exchange.has_problems:
        yield _point(names.PROBLEMS, 1, {"fnsse.operation": exchange.operation})


def _lag(exchange: ExchangeTelemetry, delivery: DeliveryReport) -> MetricPoint:
    """How long the event took to be accepted after the exchange's end."""
    seconds = max(delivery.accepted_ns - end_ns(exchange), 0) / 1e9
    return _point(names.LAG, seconds, {})


def _gen_ai_points(exchange: ExchangeTelemetry, options: TelemetryOptions) -> Iterator[MetricPoint]:
    operation = spec_of(exchange.operation).gen_ai
    if operation is None:
        return
    base = _base(exchange, options)
    error = without_none({"error.type": exchange.error_type})
    duration = exchange.timings.to_end_ms / 1000
    yield _point(_DURATIONS[operation.family], duration, base | error)
    if operation.family is MetricFamily.INFERENCE:
        yield from _stream_points(exchange, base, options)
        yield from _usage_points(exchange, base)
        yield _point(names.INFERENCE_INPUT, _input(exchange), base | error)
        yield _point(names.INFERENCE_OUTPUT, _output(exchange), base | error)
    if operation.family is MetricFamily.EMBEDDINGS:
        yield _point(names.EMBEDDINGS_INPUT, _input(exchange), base | error)
    if operation.family is MetricFamily.OTHER and exchange.tokens and not exchange.usage_repeated:
        # nobody else counts the usage of this response or batch: see core/event/usage_claim
        inference: Attributes = {"gen_ai.operation.name": INFERENCE_OF_FETCHED.operation_name}
        yield from _usage_points(exchange, base | inference)
    if options.old_names:
        yield from _old_points(exchange, base, error, operation)


def _base(exchange: ExchangeTelemetry, options: TelemetryOptions) -> Attributes:
    """The attributes of all GenAI metrics. A model that the upstream may not know can be
    any text that a caller made up, so it is not named.
    """
    model = exchange.request_model
    if model is not None and not exchange.model_known:
        model = names.OTHER
    return (
        gen_ai(exchange, model)
        | without_none({"openai.response.service_tier": exchange.service_tier})
        | server(options)
        | callers(exchange, options)
    )


def _stream_points(
    exchange: ExchangeTelemetry, base: Attributes, options: TelemetryOptions
) -> Iterator[MetricPoint]:
    first_ms = exchange.timings.to_first_chunk_ms
    if not exchange.stream or first_ms is None:
        return
    yield _point(names.TIME_TO_FIRST_CHUNK, first_ms / 1000, base)
    if options.old_names:
        yield _point(names.OLD_TIME_TO_FIRST_CHUNK, first_ms / 1000, base)
    for gap_ms in exchange.chunk_gaps_ms:
        yield _point(names.TIME_PER_OUTPUT_CHUNK, gap_ms / 1000, base)
        if options.old_names:
            yield _point(names.OLD_TIME_PER_OUTPUT_CHUNK, gap_ms / 1000, base)


def _usage_points(exchange: ExchangeTelemetry, base: Attributes) -> Iterator[MetricPoint]:
    """A call without usage, such as one that failed, counts 0 of each."""
    tokens = None if exchange.usage_repeated else exchange.tokens
    if tokens is None:
        totals = (names.USAGE_INPUT, names.USAGE_OUTPUT)
        parts = (names.USAGE_CACHE_READ, names.USAGE_CACHE_WRITE, names.USAGE_REASONING)
        for instrument in (*totals, *parts):
            yield _point(instrument, 0, base | _modality("unknown"))
        return
    yield from _by_modality(names.USAGE_INPUT, tokens.input, tokens.audio_input, base)
    yield from _by_modality(names.USAGE_OUTPUT, tokens.output, tokens.audio_output, base)
    yield _point(names.USAGE_CACHE_READ, tokens.cached or 0, base | _modality("unknown"))
    yield _point(names.USAGE_CACHE_WRITE, tokens.cache_written or 0, base | _modality("unknown"))
    yield _point(names.USAGE_REASONING, tokens.reasoning or 0, base | _modality("unknown"))


def _by_modality(
    instrument: Instrument, total: int | None, audio: int | None, base: Attributes
) -> Iterator[MetricPoint]:
    """Audio counts by itself; the upstream does not say how much of the rest was text or images."""
    audio_tokens = min(audio or 0, total or 0)
    if audio_tokens:
        yield _point(instrument, audio_tokens, base | _modality("audio"))
    if not audio_tokens or (total or 0) > audio_tokens:
        yield _point(instrument, (total or 0) - audio_tokens, base | _modality("unknown"))


def _old_points(
    exchange: ExchangeTelemetry, base: Attributes, error: Attributes, operation: GenAiOperation
) -> Iterator[MetricPoint]:
    if operation.family is MetricFamily.OTHER:
        return  # the name of its only metric is still the former one
    yield _point(names.OPERATION_DURATION, exchange.timings.to_end_ms / 1000, base | error)
    if exchange.tokens is None or exchange.usage_repeated:
        return  # it was reported only if there was usage
    for kind, count in (("input", exchange.tokens.input), ("output", exchange.tokens.output)):
        if count is not None:
            yield _point(names.OLD_TOKEN_USAGE, count, base | {"gen_ai.token.type": kind})


def _input(exchange: ExchangeTelemetry) -> int:
    tokens = None if exchange.usage_repeated else exchange.tokens
    return (tokens.input if tokens else None) or 0


def _output(exchange: ExchangeTelemetry) -> int:
    tokens = None if exchange.usage_repeated else exchange.tokens
    return (tokens.output if tokens else None) or 0


def _modality(name: str) -> Attributes:
    return {"gen_ai.token.modality": name}


def _point(instrument: Instrument, value: int | float, attributes: Attributes) -> MetricPoint:
    return MetricPoint(instrument=instrument, value=value, attributes=attributes)
