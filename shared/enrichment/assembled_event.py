"""An event as it is sent: redacted, priced, cut to fit."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shared.core.content.detect.custom import CustomPatterns
from shared.core.cost.deployments import DeploymentProfile
from shared.core.cost.rates import CardTexts, RateCard, parse_card
from shared.core.event import event_cost, truncation, usage_claim
from shared.core.event.integrity import CheckedEvent
from shared.core.event.shape import Event
from shared.core.records.exchange.digests import NO_DIGESTS, Digests, of_bytes
from shared.core.records.exchange.envelope import Envelope
from shared.core.records.exchange.outcome import Outcome
from shared.core.telemetry.exchange_telemetry import ExchangeTelemetry, telemetry_of
from shared.core.wire.content_mode import ContentMode
from shared.core.wire.operations import spec_of

if TYPE_CHECKING:
    from shared.core.content.detect.detector import Analyzer
    from shared.core.content.detect.redactor import Redactor


@dataclass(frozen=True, kw_only=True, slots=True)
class AssembledEvent:
    """An event as it is built. `resolve` gives it its last form, by the claim on its usage."""

    body: bytes  # JSON
    outcome: Outcome  # as the event states it: the relay does not see every response whole
    # the response whose usage has to be claimed first; see shared.core.event.usage_claim
    claims: str | None
    # the event, if another exchange counts that usage; None if no claim decides
    repeating_body: bytes | None
    # the followed response whose usage another exchange may have claimed; see usage_claim
    without_usage: str | None = None
    # a background response whose end the exchange did not see: the app is to follow it
    pending_response: str | None = None
    digests: Digests = NO_DIGESTS  # its captures', and its own if it is resolved
    altered: tuple[str, ...] = ()  # a sentence for each capture that was altered
    telemetry: ExchangeTelemetry | None = None  # None: telemetry is switched off

    def resolve(self, *, repeated: bool) -> AssembledEvent:
        """The event that is sent. `repeated`: whether another exchange counts its usage."""
        body, telemetry = self.body, self.telemetry
        if repeated and self.repeating_body is not None:
            body = self.repeating_body
            telemetry = telemetry and replace(telemetry, usage_repeated=True)
        return replace(
            self,
            body=body,
            repeating_body=None,  # frees the other form
            telemetry=telemetry,
            digests=replace(self.digests, event=of_bytes(body)),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class EventOptions:
    """The options of an event, beside its envelope and its captures."""

    region: str | None
    limit_bytes: int
    deployments: dict[str, DeploymentProfile]
    rates: CardTexts | None
    for_telemetry: bool
    with_messages: bool  # telemetry exports prompt and answer
    custom_patterns: CustomPatterns


@functools.lru_cache(maxsize=1)
def rate_card(texts: CardTexts) -> RateCard:
    """The card, which takes 15 ms to read."""
    return parse_card(texts)


class RedactorCache:
    """Keeps the redactor of the newest custom patterns, because compiling one takes 10 ms. All
    exchanges have the same policy, until there is another version.
    """

    def __init__(self, analyzer: Analyzer | None = None) -> None:
        """`analyzer` finds more than the detectors; None: there is none."""
        self._analyzer = analyzer
        self._redactor: Redactor | None = None
        self._patterns: CustomPatterns | None = None  # the patterns of that redactor

    def get(self, patterns: CustomPatterns) -> Redactor:
        """The redactor of the built-in detectors and these patterns. Raises ContentPolicyError."""
        # takes 30 ms to import, and is needed in one content mode alone
        from shared.core.content.detect.redactor import Redactor

        if self._redactor is None or self._patterns != patterns:
            self._redactor, self._patterns = Redactor(patterns, self._analyzer), patterns
        return self._redactor


def assembled_event(
    checked: CheckedEvent, envelope: Envelope, options: EventOptions, redactors: RedactorCache
) -> AssembledEvent:
    """The event in both of its forms if a claim decides between them: that is cheaper than reading
    the captures again. Raises ContentPolicyError.
    """
    event, card = checked.event, rate_card(options.rates) if options.rates else None
    if event.content_mode is ContentMode.REDACTED:
        event = _redact(event, redactors.get(options.custom_patterns))
    claims = usage_claim.response_to_claim(event)
    repeating = None
    without_usage = usage_claim.followed_without_usage(event)
    if claims is not None or without_usage is not None:
        event = usage_claim.mark_repeated(event, repeated=False)
        repetition = usage_claim.mark_repeated(event, repeated=True)
        repeating = truncation.truncate(event_cost.with_cost(repetition, card), options.limit_bytes)
    body = truncation.truncate(event_cost.with_cost(event, card), options.limit_bytes)
    telemetry = None
    if options.for_telemetry:
        truncated = truncation.was_truncated(body)
        telemetry = telemetry_of(
            event, envelope, truncated=truncated, with_messages=options.with_messages
        )
    return AssembledEvent(
        body=body,
        outcome=event.outcome,
        claims=claims,
        repeating_body=repeating,
        without_usage=without_usage,
        pending_response=_pending_response(event),
        digests=checked.digests,
        altered=checked.altered,
        telemetry=telemetry,
    )


def _redact(event: Event, redactor: Redactor) -> Event:
    # takes 30 ms to import, and is needed in this content mode alone
    from shared.core.event import content_redaction

    return content_redaction.redact(event, redactor)


def _pending_response(event: Event) -> str | None:
    """The id of the background response that the app is to follow, because the exchange created it
    and did not see its end; None if there is none.
    """
    spec = spec_of(event.operation)
    pending = event.background is True and event.response_status not in spec.final_statuses
    return event.response_id if spec.followed_by is not None and pending else None
