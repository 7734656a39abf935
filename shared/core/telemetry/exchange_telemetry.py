"""The values of which spans and metrics are made: an exchange's figures, names and ids, as its
event has them, and one delivery of the event.

Every text in it is bounded, and none is of the prompt or the answer, unless the operator wants
messages.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.core.event.shape import Event
from shared.core.event.usage import Tokens
from shared.core.records.exchange.envelope import Caller, Envelope, Timings
from shared.core.records.exchange.outcome import Outcome
from shared.core.telemetry.messages import Messages, messages_of
from shared.core.wire.json.json_shape import JsonObject, integer, mapping, number, short
from shared.core.wire.operations import ReaderKind, spec_of

MAX_NAME: Final = 128  # characters of a name that a caller or the upstream chose
_MAX_CHOICES: Final = 32
# The upstream may answer these before it looks a deployment up, or because it found none.
_MADE_UP: Final = frozenset(range(400, 408))
_ERROR_CODE: Final = re.compile(r"[A-Za-z][\w.-]{0,63}", re.ASCII)
_STATUS_REASONS: Final = {"completed": "stop", "failed": "error", "cancelled": "error"}
# A caller that disconnected is not a failure of the operation.
_NO_ERROR: Final = frozenset({Outcome.COMPLETED, Outcome.CLIENT_DISCONNECTED})


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestParameters:
    """The parameters of a request that the conventions have names for. None: not in the request."""

    temperature: float | None
    top_p: float | None
    frequency_penalty: float | None
    presence_penalty: float | None
    max_tokens: int | None
    seed: int | None
    choice_count: int | None
    dimensions: int | None
    reasoning_level: str | None
    service_tier: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ExchangeTelemetry:
    """One exchange, as spans and metrics report it."""

    exchange_id: str
    operation: str  # as in the event
    method: str | None
    request_model: str | None  # the deployment, or the request's `model`
    model_known: bool  # the upstream knows the model: the caller did not make it up
    response_model: str | None
    response_id: str | None
    outcome: Outcome
    error_type: str | None  # None: not an error
    status_code: int | None  # the upstream's, else what the client got
    stream: bool
    started_at: str  # UTC, ISO 8601 with offset
    timings: Timings
    to_first_token_ms: float | None
    chunk_gaps_ms: tuple[float, ...]  # between the first pieces of a stream
    finish_reasons: tuple[str, ...]  # in the order of the choices
    tokens: Tokens | None
    usage_repeated: bool
    parameters: RequestParameters
    service_tier: str | None  # as the answer states it
    system_fingerprint: str | None
    region: str
    caller: Caller
    trace_parent: str | None
    trace_state: str | None
    attempts: int  # requests sent upstream
    missing_captures: tuple[str, ...]  # request, response: a body of which no capture is stored
    has_problems: bool  # something of the captures could not be read
    truncated: bool  # the event was cut to fit the Event Hub's limit
    recorded_ms: float | None  # from the start until the captures were stored; None: not known
    messages: Messages | None = None  # prompt and answer; None: not wanted, or not recorded


def telemetry_of(
    event: Event, envelope: Envelope, *, truncated: bool, with_messages: bool = False
) -> ExchangeTelemetry:
    """The values of an exchange that are reported. `truncated`: its event was cut.
    `with_messages`: prompt and answer are reported too.
    """
    finish_reasons = _finish_reasons(event)
    upstream_status = event.upstream_status_code
    return ExchangeTelemetry(
        exchange_id=event.exchange_id,
        operation=event.operation,
        method=short(event.method, 16),
        request_model=short(event.deployment, MAX_NAME),
        model_known=upstream_status is not None and upstream_status not in _MADE_UP,
        response_model=None if event.model == "unknown" else short(event.model, MAX_NAME),
        response_id=short(event.correlation.completion_id, MAX_NAME),
        outcome=event.outcome,
        error_type=_error_type(event),
        status_code=event.status_code if upstream_status is None else upstream_status,
        stream=event.stream,
        started_at=envelope.started_at,
        timings=envelope.timings,
        to_first_token_ms=event.time_to_first_token_ms,
        chunk_gaps_ms=_chunk_gaps(envelope) if event.stream else (),
        finish_reasons=finish_reasons,
        tokens=event.tokens,
        usage_repeated=event.usage_repeated,
        parameters=_parameters(event.parameters),
        service_tier=short(event.served.service_tier, MAX_NAME),
        system_fingerprint=short(event.served.system_fingerprint, MAX_NAME),
        region=event.region[:MAX_NAME],
        caller=event.caller,
        trace_parent=event.correlation.traceparent,
        trace_state=event.correlation.tracestate,
        attempts=envelope.attempts or 0,
        missing_captures=_missing_captures(event),
        has_problems=bool(event.problems),
        truncated=truncated,
        recorded_ms=envelope.recorded_ms,
        messages=messages_of(event, finish_reasons) if with_messages else None,
    )


def _error_type(event: Event) -> str | None:
    """The error's code, if it is one word; otherwise the status, otherwise the outcome."""
    if event.outcome in _NO_ERROR:
        return None
    error = mapping(event.error)
    for word in (error.get("code"), error.get("type")):
        if isinstance(word, str) and _ERROR_CODE.fullmatch(word):
            return word
    status = event.upstream_status_code or event.status_code
    return str(status) if status is not None and status >= 400 else str(event.outcome)


def _chunk_gaps(envelope: Envelope) -> tuple[float, ...]:
    moments = [at_ms for _, at_ms in envelope.arrivals]
    return tuple(max(late - early, 0.0) for early, late in itertools.pairwise(moments))


def _finish_reasons(event: Event) -> tuple[str, ...]:
    """Why each generation ended; `error` for one that was cut, or that failed."""
    if event.choices:
        return tuple(_word(choice.finish_reason) for choice in event.choices[:_MAX_CHOICES])
    if spec_of(event.operation).reader is ReaderKind.RESPONSES and event.response_status:
        if event.response_status in {"queued", "in_progress"} and not event.stream:
            return ()  # it goes on without this exchange
        reason = event.finish_reason or _STATUS_REASONS.get(event.response_status)
        return (_word(reason),)
    # without any answer nothing was generated
    cut = event.stream and spec_of(event.operation).generates_text and event.chunk_count
    return ("error",) if cut else ()


def _word(reason: str | None) -> str:
    return reason if reason and _ERROR_CODE.fullmatch(reason) else "error"


def _missing_captures(event: Event) -> tuple[str, ...]:
    sides = (
        ("request", event.request_capture, event.request_bytes),
        ("response", event.response_capture, event.response_bytes),
    )
    return tuple(side for side, capture, size in sides if size and capture is None)


def _parameters(request: JsonObject) -> RequestParameters:
    most = next((request[name] for name in _MAX_TOKENS if request.get(name) is not None), None)
    effort = request.get("reasoning_effort") or mapping(request.get("reasoning")).get("effort")
    return RequestParameters(
        temperature=number(request.get("temperature")),
        top_p=number(request.get("top_p")),
        frequency_penalty=number(request.get("frequency_penalty")),
        presence_penalty=number(request.get("presence_penalty")),
        max_tokens=integer(most),
        seed=integer(request.get("seed")),
        choice_count=integer(request.get("n")),
        dimensions=integer(request.get("dimensions")),
        reasoning_level=short(effort, MAX_NAME),
        service_tier=short(request.get("service_tier"), MAX_NAME),
    )


_MAX_TOKENS: Final = ("max_completion_tokens", "max_output_tokens", "max_tokens")


class DeliveryCause(StrEnum):
    """The cause of a delivery."""

    RECORDING = "recording"  # the relay queued it at the exchange's end
    RETRY = "retry"  # the queue delivered its message again, or enrichment queued it again
    RECONCILE = "reconcile"  # the ledger did not know it
    REQUEUE = "requeue"  # an operator requeued a dead letter
    REPLAY = "replay"  # an operator wanted it again


def cause_of(envelope: Envelope, tries: int) -> DeliveryCause:
    """The cause of an envelope's delivery. `tries`: how often the queue delivered its message."""
    if envelope.replayed:
        return DeliveryCause.REPLAY
    if envelope.requeued is not None:
        return DeliveryCause(envelope.requeued)
    return DeliveryCause.RETRY if tries > 1 else DeliveryCause.RECORDING


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryReport:
    """A delivery that the Event Hub has accepted: when, and why it was not the first try."""

    cause: DeliveryCause
    queued_ns: int | None  # unix time at which its message was queued; None: not known
    accepted_ns: int  # unix time
    # the ledger names no earlier one: this delivery counts. None: the ledger could not be asked
    first: bool | None
