"""Exchanges in any state, and every input that one can be given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from shared.core import api_errors
from shared.core.exchange.actions import Actions
from shared.core.exchange.early_response import EarlyResponse
from shared.core.exchange.machine import ExchangeMachine
from shared.core.exchange.rules import ExchangeRules
from shared.core.exchange.state import State
from shared.core.wire.http.headers import RawHeaders
from shared.errors import (
    BodyTooLarge,
    RequestMemoryFull,
    RequestNotCaptured,
    UpstreamInterrupted,
    UpstreamTimeout,
)

RULES: Final = ExchangeRules(
    error_frames=True, keep_alive=True, drain=True, drain_bytes=100, capture_required=False
)
SSE: Final[RawHeaders] = [(b"content-type", b"text/event-stream")]
DOCUMENT: Final[RawHeaders] = [(b"content-type", b"application/json"), (b"content-length", b"9")]
TEXT: Final = b'data: {"choices":[{"index":0,"delta":{"content":"hello"}}]}\n\n'
STOP: Final = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE_CHUNK: Final = b'data: {"choices":[],"usage":{"total_tokens":1}}\n\n'
DONE: Final = b"data: [DONE]\n\n"
ERROR: Final = UpstreamInterrupted("broken")

type Input = Callable[[ExchangeMachine], Actions | bytes | None]

INPUTS: Final[dict[str, Input]] = {
    "request_ready": lambda machine: machine.request_ready(),
    "request_line_rejected": lambda machine: machine.request_line_rejected(
        api_errors.unknown_route()
    ),
    "body_rejected": lambda machine: machine.body_rejected(BodyTooLarge(9)),
    "memory full": lambda machine: machine.body_rejected(RequestMemoryFull()),
    "not captured": lambda machine: machine.body_rejected(RequestNotCaptured()),
    "request_broken_off": lambda machine: machine.request_broken_off(),
    "early_response_due": lambda machine: machine.early_response_due(EarlyResponse.STREAM),
    "early JSON due": lambda machine: machine.early_response_due(EarlyResponse.DOCUMENT),
    "answered": lambda machine: machine.upstream_answered(
        200, SSE, is_stream=True, usage_requested=False
    ),
    "answered with a document": lambda machine: machine.upstream_answered(
        429, DOCUMENT, is_stream=False, usage_requested=False
    ),
    "answered with JSON": lambda machine: machine.upstream_answered(
        200, DOCUMENT, is_stream=False, usage_requested=False
    ),
    "piece": lambda machine: machine.piece(TEXT),
    "upstream_ended": lambda machine: machine.upstream_ended(cut_short=False),
    "ended, cut short": lambda machine: machine.upstream_ended(cut_short=True),
    "upstream_failed": lambda machine: machine.upstream_failed(ERROR, end_received=False),
    "failed, end received": lambda machine: machine.upstream_failed(ERROR, end_received=True),
    "client_disconnected": lambda machine: machine.client_disconnected(received_bytes=1),
    "disconnected before a piece": lambda machine: machine.client_disconnected(received_bytes=0),
    "cancelled": lambda machine: machine.cancelled(),
    "deadline_passed": lambda machine: machine.deadline_passed(
        UpstreamTimeout("late"), end_received=False
    ),
    "passed, end received": lambda machine: machine.deadline_passed(
        UpstreamTimeout("late"), end_received=True
    ),
    "keep_alive_due": lambda machine: machine.keep_alive_due(),
    "internal_error": lambda machine: machine.internal_error(),
    "captures_stored": lambda machine: machine.captures_stored().actions,
    "captures_failed": lambda machine: machine.captures_failed().actions,
    "recording_over": lambda machine: machine.recording_over(error_sent=False),
}

_WAYS: Final[dict[State, tuple[str, ...]]] = {
    State.RECEIVING: (),
    State.CALLING: ("request_ready",),
    State.EARLY: ("request_ready", "early_response_due"),
    State.STREAMING: ("request_ready", "answered", "piece"),
    State.COLLECTING: ("request_ready", "early_response_due", "answered with a document"),
    State.DRAINING: ("request_ready", "answered", "piece", "client_disconnected"),
    State.HOLDING: ("request_ready", "answered", "piece", "upstream_ended"),
    State.RECORDING: ("request_ready", "answered", "piece", "upstream_ended"),
    State.DONE: ("request_ready", "answered", "piece", "upstream_ended", "recording_over"),
}


def exchange_in(state: State, rules: ExchangeRules = RULES) -> ExchangeMachine:
    """An exchange that came to this state."""
    if state is State.HOLDING:
        rules = replace(rules, capture_required=True)
    machine = ExchangeMachine("the-id", rules)
    for name in _WAYS[state]:
        INPUTS[name](machine)
    assert machine.state is state
    return machine
