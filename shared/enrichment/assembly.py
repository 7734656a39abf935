"""Assembling events without blocking the relay's event loop.

Enrichment may share a worker with the relay, and parsing a body of megabytes would stop every
stream of that worker. A thread does not help, because the JSON parser holds the interpreter's lock.
So an event is assembled in place as long as each step takes a few milliseconds at most: a document
is parsed in one blocking step, a stream chunk by chunk with pauses. A larger one is assembled in a
short-lived child process that imports only this package's assembly and the pure core.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from shared.concurrency.cooperative import run_cooperatively
from shared.core.content.detect.custom import NO_PATTERNS, CustomPatterns
from shared.core.content.policy import NO_POLICY_RULE, NOT_ANALYZED_RULE
from shared.core.cost.deployments import NO_DEPLOYMENTS, Deployments
from shared.core.cost.rates import CardTexts
from shared.core.event import builder, integrity
from shared.core.records.exchange.capture import Capture, CaptureStream, ReadableCapture
from shared.core.records.exchange.envelope import Envelope
from shared.core.wire.content_mode import ContentMode
from shared.core.wire.http.content_coding import is_identity
from shared.core.wire.http.headers import is_event_stream_type
from shared.enrichment import assembly_process
from shared.enrichment.analyzer_process import AnalyzerProcess
from shared.enrichment.assembled_event import (
    AssembledEvent,
    EventOptions,
    RedactorCache,
    assembled_event,
    rate_card,
)
from shared.enrichment.assembly_failure import describe_failure
from shared.errors import AssemblyError
from shared.settings.timeouts import ASSEMBLY_S

# A document is parsed, redacted and written in one step, 0.1 to 0.4 us a byte (measured): 64 KB
# block for 7 to 25 ms if they consist of the smallest objects, and for 2 ms if they are an
# ordinary conversation.
IN_PLACE_BYTES: Final = 64 * 1024
# A stream is read in steps of half a millisecond, 30 ms of them for a MB. Only its last event, in
# the Responses API, repeats the whole response, which is a small part of the stream. A child
# process takes 150 ms to start.
STREAM_IN_PLACE_BYTES: Final = 1024 * 1024

# The patterns to redact beside the built-in ones. None: they are not known, and no text may go into
# the event.
type CustomPatternsSource = Callable[[], Awaitable[CustomPatterns | None]]


class Assembler:
    """Builds events, as an EventAssembler; at most one child process at a time, which bounds
    memory.
    """

    def __init__(
        self,
        default_region: str | None,
        deployments: Deployments = NO_DEPLOYMENTS,
        *,
        rates: CardTexts | None = None,
        for_telemetry: bool = False,
        with_messages: bool = False,
        custom_patterns: CustomPatternsSource | None = None,
        analyzer: AnalyzerProcess | None = None,
        child_timeout_s: float = ASSEMBLY_S,
    ) -> None:
        """`default_region` is the event's region if the upstream named none. `deployments` are the
        operator's facts about them. With `rates`, events have a cost. With `for_telemetry`, an
        assembled event also has the figures for spans and metrics; `with_messages` adds the texts
        of prompt and answer. `custom_patterns` are redacted beside the built-in ones. `analyzer`
        finds more than the detectors; None: there is none. `child_timeout_s` bounds the process
        that assembles a large event. Raises RateError.
        """
        if rates is not None:
            rate_card(rates)
        self._rates = rates
        self._default_region = default_region
        self._deployments = dict(deployments)
        self._for_telemetry = for_telemetry
        self._with_messages = with_messages
        self._custom_patterns = custom_patterns or _no_patterns
        self._analyzer = analyzer
        self._child_timeout_s = child_timeout_s
        self._redactors = RedactorCache()
        self._one_child = asyncio.Lock()

    async def __call__(
        self,
        envelope: Envelope,
        request: ReadableCapture | None,
        response: ReadableCapture | None,
        limit_bytes: int,
    ) -> AssembledEvent:
        custom_patterns = await self._patterns_for(envelope)
        if custom_patterns is None:
            envelope = _without_content(envelope, NO_POLICY_RULE)
        options = EventOptions(
            region=self._default_region,
            limit_bytes=limit_bytes,
            deployments=self._deployments,
            rates=self._rates,
            for_telemetry=self._for_telemetry,
            with_messages=self._with_messages,
            custom_patterns=custom_patterns or NO_PATTERNS,
        )
        if self._analyzer is not None and envelope.content_mode is ContentMode.REDACTED:
            event = await self._analyzer.assemble(envelope, request, response, options)
            if event is not None:
                return event
            envelope = _without_content(envelope, NOT_ANALYZED_RULE)
        if (
            isinstance(request, CaptureStream)
            or isinstance(response, CaptureStream)
            or not _fits_in_place(request, response, envelope.content_mode)
        ):
            async with self._one_child:
                return await assembly_process.assemble(
                    envelope, request, response, options, self._child_timeout_s
                )
        return await self._assemble_in_place(envelope, request, response, options)

    async def _patterns_for(self, envelope: Envelope) -> CustomPatterns | None:
        """The patterns to redact beside the built-in ones; None if they are not known."""
        if envelope.content_mode is not ContentMode.REDACTED:
            return NO_PATTERNS
        return await self._custom_patterns()

    async def _assemble_in_place(
        self,
        envelope: Envelope,
        request: Capture | None,
        response: Capture | None,
        options: EventOptions,
    ) -> AssembledEvent:
        steps = builder.build_steps(
            envelope, request, response, options.region, options.deployments
        )
        try:
            event = await run_cooperatively(steps)
            checked = integrity.check(event, envelope, request, response)
            return assembled_event(checked, envelope, options, self._redactors)
        except Exception as error:  # noqa: BLE001 - a bug may raise any exception
            raise AssemblyError(f"assembling an event failed: {describe_failure(error)}") from None


def _without_content(envelope: Envelope, rule: str) -> Envelope:
    return replace(envelope, content_mode=ContentMode.METADATA, content_rule=rule)


async def _no_patterns() -> CustomPatterns:
    return NO_PATTERNS


def _fits_in_place(request: Capture | None, response: Capture | None, mode: ContentMode) -> bool:
    # redaction is one step, which takes 0.05 us a byte (measured)
    redacts = mode is ContentMode.REDACTED
    stream = response if response is not None and _is_stream(response) else None
    documents = (side for side in (request, response) if side is not None and side is not stream)
    stream_bytes = len(stream.body) if stream else 0
    if any(_is_encoded(side) for side in (request, response) if side is not None):
        return False  # its decoded size is unknown: 12 KB of gzip held 170,000 messages
    return sum(len(side.body) for side in documents) <= IN_PLACE_BYTES and stream_bytes <= (
        IN_PLACE_BYTES if redacts else STREAM_IN_PLACE_BYTES
    )


def _is_stream(response: Capture) -> bool:
    return is_event_stream_type(_header(response, "content-type"))


def _is_encoded(side: Capture) -> bool:
    return not is_identity(_header(side, "content-encoding"))


def _header(side: Capture, name: str) -> str:
    return side.headers.get(name, "").strip().lower()
