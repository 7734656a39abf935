"""The relay's dependencies and limits, which all exchanges of a worker share."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from starlette.types import Receive, Scope, Send

from shared.core.content.policy import ContentPolicy
from shared.core.exchange.early_response import EarlyResponse
from shared.core.exchange.machine import ExchangeMachine
from shared.core.exchange.rules import ExchangeRules
from shared.core.records.exchange import capture
from shared.core.wire.http import upstream_target
from shared.core.wire.request import stream_request
from shared.core.wire.request.routing import Operation
from shared.http.exchange_ids import fresh_exchange_id
from shared.ports.upstream import UpstreamClient
from shared.relay.body_memory import BodyMemory
from shared.relay.caller_headers import content_decision
from shared.relay.exchange_observation import (
    ExchangeObservation,
    ExchangeStart,
    RequestObservation,
    Stopwatch,
)
from shared.relay.exchange_runner import ExchangeRunner
from shared.relay.recorder import Recorder
from shared.relay.request_intake import RequestIntake
from shared.relay.upstream_call import StreamOptionsSupport, UpstreamCall
from shared.settings.settings import InterventionSettings, LimitSettings
from shared.settings.timeouts import RelayTimeouts


class RelayContext:
    """Holds what all exchanges of a worker share, and makes the parts of each."""

    def __init__(
        self,
        *,
        upstream: UpstreamClient,
        recorder: Recorder,
        limits: LimitSettings,
        interventions: InterventionSettings,
        default_api_version: str | None,
        content_policy: Callable[[], ContentPolicy],
        timeouts: RelayTimeouts | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.recorder = recorder
        self.limits = limits
        self.timeouts = timeouts or RelayTimeouts()
        self.content_policy = content_policy
        self.body_memory = BodyMemory(limits.request_memory_bytes)
        self._upstream = upstream
        self._interventions = interventions
        self._default_api_version = default_api_version
        self._clock = clock
        self._stream_options = StreamOptionsSupport(clock)
        self._rules = ExchangeRules(
            error_frames=interventions.error_frames,
            keep_alive=bool(interventions.keep_alive_s),
            drain=bool(limits.drain_s),
            drain_bytes=limits.drain_bytes,
            capture_required=limits.capture_required,
        )
        self._early_after_s = {
            EarlyResponse.STREAM: interventions.early_response_after_s,
            EarlyResponse.DOCUMENT: interventions.early_json_response_after_s,
        }

    def upstream_query(self, scope: Scope, operation: Operation) -> bytes:
        """The query of the call upstream, with an `api-version` if the operation needs one."""
        default = None if operation.v1 else self._default_api_version
        return upstream_target.upstream_query(scope["query_string"], default)

    def new_observation(
        self, scope: Scope, operation: Operation, query: bytes
    ) -> ExchangeObservation:
        """The observation of an exchange that starts now."""
        stopwatch = Stopwatch(self._clock)
        exchange_id = fresh_exchange_id()
        content = content_decision(self.content_policy(), scope["headers"], operation.deployment)
        start = ExchangeStart(
            exchange_id=exchange_id,
            started_at=datetime.now(UTC),
            method=scope["method"],
            path=upstream_target.upstream_path(scope["raw_path"]),
            api_version=upstream_target.query_value(query, b"api-version"),
            operation=operation,
            headers=scope["headers"],
            content=content,
        )
        request = RequestObservation(
            body=self.recorder.captures.writer(capture.request_name(exchange_id), content.mode),
            stream_requested=stream_request.stream_without_body(
                operation.spec, upstream_target.query_value(query, b"stream")
            ),
        )
        response = self.recorder.captures.writer(
            capture.response_name(exchange_id), content.mode, is_response=True
        )
        return ExchangeObservation(start, request, response, stopwatch)

    def new_machine(self, exchange_id: str) -> ExchangeMachine:
        """The state machine of an exchange that starts now."""
        return ExchangeMachine(exchange_id, self._rules)

    def new_runner(
        self,
        observation: ExchangeObservation,
        machine: ExchangeMachine,
        target: bytes,
        *,
        receive: Receive,
        send: Send,
    ) -> ExchangeRunner:
        """The runner of an exchange. `target`: path and query, for the upstream."""
        lease = self.body_memory.lease()
        return ExchangeRunner(
            observation,
            machine,
            RequestIntake(
                observation, self.recorder.captures, self.limits, self._interventions, lease
            ),
            UpstreamCall(self._upstream, self._stream_options, observation, target),
            limits=self.limits,
            timeouts=self.timeouts,
            keep_alive_s=self._interventions.keep_alive_s,
            early_after_s=self._early_after_s,
            receive=receive,
            send=send,
        )
