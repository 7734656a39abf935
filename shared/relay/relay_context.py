"""The relay's dependencies and limits, shared by all exchanges of a worker."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from starlette.types import Scope

from shared.core.content.policy import ContentPolicy
from shared.core.exchange.early_response import EarlyResponse
from shared.core.exchange.rules import ExchangeRules
from shared.core.records.exchange import capture
from shared.core.wire.http import upstream_target
from shared.core.wire.request import stream_request
from shared.core.wire.request.routing import Operation
from shared.http.exchange_ids import fresh_exchange_id
from shared.ports.upstream import UpstreamClient
from shared.relay.body_memory import BodyMemory
from shared.relay.caller_headers import content_decision
from shared.relay.exchange_observation import ExchangeObservation, ExchangeStart, RequestObservation
from shared.relay.recorder import Recorder
from shared.relay.stopwatch import Stopwatch
from shared.relay.upstream_call import StreamOptionsSupport
from shared.settings.settings import InterventionSettings, LimitSettings


class RelayContext:
    """What all exchanges of a worker share: dependencies, limits and rules."""

    def __init__(
        self,
        *,
        upstream: UpstreamClient,
        recorder: Recorder,
        limits: LimitSettings,
        interventions: InterventionSettings,
        default_api_version: str | None,
        content_policy: Callable[[], ContentPolicy],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.upstream = upstream
        self.recorder = recorder
        self.limits = limits
        self.interventions = interventions
        self.default_api_version = default_api_version
        self.content_policy = content_policy
        self.clock = clock
        self.rules = ExchangeRules(
            error_frames=interventions.error_frames,
            keep_alive=bool(interventions.keep_alive_s),
            drain=bool(limits.drain_s),
            drain_bytes=limits.drain_bytes,
            capture_required=limits.capture_required,
        )
        # how long the upstream may take before the client is answered; 0: for ever
        self.early_after_s = {
            EarlyResponse.STREAM: interventions.early_response_after_s,
            EarlyResponse.DOCUMENT: interventions.early_json_response_after_s,
        }
        self.stream_options = StreamOptionsSupport(clock)
        self.body_memory = BodyMemory(limits.request_memory_bytes)

    def new_observation(
        self, scope: Scope, operation: Operation, query: bytes
    ) -> ExchangeObservation:
        """The observation of an exchange that starts now."""
        stopwatch = Stopwatch(self.clock)
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
            body=self.recorder.writer(capture.request_name(exchange_id), content.mode),
            stream_requested=stream_request.stream_without_body(
                operation.spec, upstream_target.query_value(query, b"stream")
            ),
        )
        response = self.recorder.writer(
            capture.response_name(exchange_id), content.mode, is_response=True
        )
        return ExchangeObservation(start, request, response, stopwatch)
