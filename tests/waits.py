"""Every wait on a dependency: docs/reference/timeouts.md shows the table, and
tests/integration/test_timeouts.py tries each row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.settings.timeouts import (
    DELIVERY_S,
    FOLLOW_S,
    READINESS_S,
    SIGNING_KEYS_S,
    START_S,
    TOKEN_S,
    EventHubTimeouts,
    StorageTimeouts,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wait:
    """One wait on a dependency."""

    dependency: str
    operation: str
    bound: float | str  # seconds, or the setting that says them
    on_timeout: str


_EVENT_HUB: Final = EventHubTimeouts()
_STORAGE: Final = StorageTimeouts()
_AGAIN: Final = "the queue delivers the message again, on a new connection"
_SDK_CALL: Final = "the caller's failure: a report, a listing, a dead letter; tried again later"

WAITS: Final = (
    Wait(
        dependency="Event Hub",
        operation="its largest event, from connecting to attaching",
        bound=_EVENT_HUB.open_s,
        on_timeout=_AGAIN,
    ),
    Wait(
        dependency="Event Hub",
        operation="a link for a publication, from connecting to attaching",
        bound=_EVENT_HUB.open_s,
        on_timeout=_AGAIN,
    ),
    Wait(
        dependency="Event Hub",
        operation="the acceptance of a publication",
        bound=_EVENT_HUB.send_s,
        on_timeout=_AGAIN,
    ),
    Wait(
        dependency="Event Hub",
        operation="the probe of back-pressure and readiness",
        bound=_EVENT_HUB.probe_s,
        on_timeout="reconcile and replay queue nothing; not ready",
    ),
    Wait(
        dependency="Event Hub",
        operation="the end of a connection that is replaced",
        bound=_EVENT_HUB.close_s,
        on_timeout="it is dropped",
    ),
    Wait(
        dependency="Storage, calls of every exchange",
        operation="one of the worker's 100 connections to the service",
        bound=_STORAGE.turn_s,
        on_timeout="tried again, three times in all",
    ),
    Wait(
        dependency="Storage, calls of every exchange",
        operation="a connection",
        bound=_STORAGE.connect_s,
        on_timeout="tried again, three times in all",
    ),
    Wait(
        dependency="Storage, calls of every exchange",
        operation="the response's headers, and between two pieces of its body",
        bound=_STORAGE.silence_s,
        on_timeout="tried again, three times in all",
    ),
    Wait(
        dependency="Storage, calls of every exchange",
        operation="the whole response",
        bound=_STORAGE.response_s,
        on_timeout="tried again, three times in all",
    ),
    Wait(
        dependency="Storage, all other calls",
        operation="a call with its tries, or a page or piece of a long response",
        bound=_STORAGE.call_s,
        on_timeout=_SDK_CALL,
    ),
    Wait(
        dependency="Storage, the start of reconcile",
        operation="its lease of 30 s, whether a run is active, the start",
        bound=START_S,
        on_timeout="the start fails; none follows before the lease has ended",
    ),
    Wait(
        dependency="Azure OpenAI",
        operation="a connection",
        bound="UPSTREAM_CONNECT_TIMEOUT_S",
        on_timeout="504 upstream_timeout",
    ),
    Wait(
        dependency="Azure OpenAI",
        operation="taking 64 KiB of the request's body",
        bound="UPSTREAM_WRITE_TIMEOUT_S",
        on_timeout="504 upstream_timeout",
    ),
    Wait(
        dependency="Azure OpenAI",
        operation="a byte of the response",
        bound="UPSTREAM_READ_TIMEOUT_S",
        on_timeout="504 upstream_timeout, or an error frame within a stream",
    ),
    Wait(
        dependency="Azure OpenAI",
        operation="the whole exchange, however it trickles",
        bound="EXCHANGE_TIMEOUT_S",
        on_timeout="504 upstream_timeout, or an error frame within a stream",
    ),
    Wait(
        dependency="Azure OpenAI",
        operation="a question about a response that the app follows",
        bound=FOLLOW_S,
        on_timeout="asked again later",
    ),
    Wait(
        dependency="Identity endpoint",
        operation="a token",
        bound=TOKEN_S,
        on_timeout="the old one while it lives; otherwise 502 upstream_unreachable, or a storage error",
    ),
    Wait(
        dependency="Entra",
        operation="the tenant's signing keys",
        bound=SIGNING_KEYS_S,
        on_timeout="the old ones for a day; otherwise 503 signing_keys_unavailable",
    ),
    Wait(
        dependency="Readiness",
        operation="the probe of any dependency",
        bound=READINESS_S,
        on_timeout="unreachable",
    ),
    Wait(
        dependency="Enrichment",
        operation="all of one message: outcome, captures, its turn, assembly, claim, acceptance",
        bound=DELIVERY_S,
        on_timeout=_AGAIN,
    ),
)
