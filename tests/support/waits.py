"""Every wait on a dependency: docs/reference/timeouts.md shows the table, and
tests/integration/dependencies/test_timeouts.py tries each row.
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
_NEW_CONNECTION: Final = "the queue delivers the message again; the next try has a new connection"
_SDK_CALL: Final = "the report, the listing or the dead letter fails; it is tried again later"

WAITS: Final = (
    Wait(
        dependency="Event Hub",
        operation="the size of the largest event that it takes, connecting included",
        bound=_EVENT_HUB.open_s,
        on_timeout=_NEW_CONNECTION,
    ),
    Wait(
        dependency="Event Hub",
        operation="a link for a publication, connecting included",
        bound=_EVENT_HUB.open_s,
        on_timeout=_NEW_CONNECTION,
    ),
    Wait(
        dependency="Event Hub",
        operation="the acceptance of a publication",
        bound=_EVENT_HUB.send_s,
        on_timeout=_NEW_CONNECTION,
    ),
    Wait(
        dependency="Event Hub",
        operation="the probe of back-pressure and readiness",
        bound=_EVENT_HUB.probe_s,
        on_timeout="reconcile and replay queue nothing; not ready",
    ),
    Wait(
        dependency="Event Hub",
        operation="closing a connection that is replaced",
        bound=_EVENT_HUB.close_s,
        on_timeout="it is dropped",
    ),
    Wait(
        dependency="Storage, calls of every exchange",
        operation="a free connection among the worker's 100 to the service",
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
        operation="the response's headers, then each piece of its body",
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
        operation="a call with all its tries, or one page or piece of a long response",
        bound=_STORAGE.call_s,
        on_timeout=_SDK_CALL,
    ),
    Wait(
        dependency="Storage, the start of reconcile",
        operation="its lease of 30 s, the look for an active run, the start",
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
        operation="the next byte of the response",
        bound="UPSTREAM_READ_TIMEOUT_S",
        on_timeout="504 upstream_timeout, or an error frame within a stream",
    ),
    Wait(
        dependency="Azure OpenAI",
        operation="the whole exchange, however slowly its bytes come",
        bound="EXCHANGE_TIMEOUT_S",
        on_timeout="504 upstream_timeout, or an error frame within a stream",
    ),
    Wait(
        dependency="Azure OpenAI",
        operation="a poll of a response that the app follows",
        bound=FOLLOW_S,
        on_timeout="polled again later",
    ),
    Wait(
        dependency="Identity endpoint",
        operation="a token",
        bound=TOKEN_S,
        on_timeout="the old token until it expires; then 502 upstream_unreachable, or a storage error",
    ),
    Wait(
        dependency="Entra",
        operation="the tenant's signing keys",
        bound=SIGNING_KEYS_S,
        on_timeout="the old keys for a day; then 503 signing_keys_unavailable",
    ),
    Wait(
        dependency="Readiness",
        operation="the probe of a dependency",
        bound=READINESS_S,
        on_timeout="the dependency counts as unreachable",
    ),
    Wait(
        dependency="Enrichment",
        operation="one message, from its outcome and captures to the acceptance of its event",
        bound=DELIVERY_S,
        on_timeout="the queue delivers the message again",
    ),
)
