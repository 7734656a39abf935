"""How long fnsse waits for whatever it depends on: every wait on a dependency has a row in `WAITS`.

These are figures, not settings: an operator has no better ones. Those of the upstream are settings,
because only its operator knows how long its responses take. Adapters and use cases take theirs as
constructor arguments, whose defaults stand here. docs/reference/timeouts.md shows the table, and
`tests/integration/test_timeouts.py` tries each row on dependencies that accept and are silent, that
trickle, and that break off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class EventHubTimeouts:
    """Seconds, each for all tries of the SDK together. After one of them the producer is replaced,
    because the SDK itself would wait forever on a connection that was accepted and never answered.
    """

    # TCP, TLS, SASL, token, AMQP open, begin, attach; the question for the largest event included
    open_s: float = 15.0
    send_s: float = 30.0  # one publication, from the transfer to the service's disposition
    probe_s: float = 10.0
    close_s: float = 5.0
    # Without an accepted publication since, a wait that was given up makes the probe fail so long:
    # more than the queue's pause before it delivers the message again (host.json).
    unready_s: float = 60.0


@dataclass(frozen=True, kw_only=True)
class StorageTimeouts:
    """Seconds. The calls of every exchange are fnsse's own (a try each), the others the SDK's."""

    turn_s: float = 10.0  # for one of the worker's connections, while all of them are in use
    connect_s: float = 3.0  # TCP and TLS of a new connection
    # until the response's headers are there (the upload included, and no body
    # here has more than 1 MB), and between two pieces of the response's body
    silence_s: float = 10.0
    response_s: float = 60.0  # one try, to the last byte of the response: it may be 100 MB
    # one call of the SDK, or one page or piece of a listing or download, with all tries
    call_s: float = 60.0
    # A connection that was idle for longer is closed: what lies between may have forgotten it.
    idle_s: float = 15.0


# A token of the managed identity. The endpoint answers within milliseconds; azure-identity tries a
# few times on its own.
TOKEN_S: Final = 10.0
# The metadata and keys of the callers' tenant, four documents.
SIGNING_KEYS_S: Final = 10.0
# One dependency's probe for `GET /health/ready`.
READINESS_S: Final = 5.0
# All that enrichment does for one message, its turn among large ones included. Far below the
# functionTimeout of host.json, at which the host kills the worker and every stream that it relays.
DELIVERY_S: Final = 600.0
# One question about a response that the app follows, its token and its body included. The upstream
# only looks it up.
FOLLOW_S: Final = 60.0
# A lease on the right to start an orchestration: 15 to 60 s are possible (Lease Blob).
START_LEASE_S: Final = 30
# All that is done under it. The lease is not renewed, and is held for the whole of this time,
# because the time is counted from before the call that acquires it.
START_S: Final = START_LEASE_S - 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Wait:
    """One wait on a dependency."""

    dependency: str
    what: str
    bound: float | str  # seconds, or the setting that says them
    then: str


_EVENT_HUB: Final = EventHubTimeouts()
_STORAGE: Final = StorageTimeouts()
_AGAIN: Final = "the queue delivers the message again, on a new connection"
_SDK_CALL: Final = "the caller's failure: a report, a listing, a dead letter; tried again later"

WAITS: Final = (
    Wait(
        dependency="Event Hub",
        what="its largest event, from connecting to attaching",
        bound=_EVENT_HUB.open_s,
        then=_AGAIN,
    ),
    Wait(
        dependency="Event Hub",
        what="a link for a publication, from connecting to attaching",
        bound=_EVENT_HUB.open_s,
        then=_AGAIN,
    ),
    Wait(
        dependency="Event Hub",
        what="the acceptance of a publication",
        bound=_EVENT_HUB.send_s,
        then=_AGAIN,
    ),
    Wait(
        dependency="Event Hub",
        what="the probe of back-pressure and readiness",
        bound=_EVENT_HUB.probe_s,
        then="reconcile and replay queue nothing; not ready",
    ),
    Wait(
        dependency="Event Hub",
        what="the end of a connection that is replaced",
        bound=_EVENT_HUB.close_s,
        then="it is dropped",
    ),
    Wait(
        dependency="Storage, calls of every exchange",
        what="one of the worker's 100 connections to the service",
        bound=_STORAGE.turn_s,
        then="tried again, three times in all",
    ),
    Wait(
        dependency="Storage, calls of every exchange",
        what="a connection",
        bound=_STORAGE.connect_s,
        then="tried again, three times in all",
    ),
    Wait(
        dependency="Storage, calls of every exchange",
        what="the response's headers, and between two pieces of its body",
        bound=_STORAGE.silence_s,
        then="tried again, three times in all",
    ),
    Wait(
        dependency="Storage, calls of every exchange",
        what="the whole response",
        bound=_STORAGE.response_s,
        then="tried again, three times in all",
    ),
    Wait(
        dependency="Storage, all other calls",
        what="a call with its tries, or a page or piece of a long response",
        bound=_STORAGE.call_s,
        then=_SDK_CALL,
    ),
    Wait(
        dependency="Storage, the start of reconcile",
        what="its lease of 30 s, whether a run is active, the start",
        bound=START_S,
        then="the start fails; none follows before the lease has ended",
    ),
    Wait(
        dependency="Azure OpenAI",
        what="a connection",
        bound="UPSTREAM_CONNECT_TIMEOUT_S",
        then="504 upstream_timeout",
    ),
    Wait(
        dependency="Azure OpenAI",
        what="taking 64 KiB of the request's body",
        bound="UPSTREAM_WRITE_TIMEOUT_S",
        then="504 upstream_timeout",
    ),
    Wait(
        dependency="Azure OpenAI",
        what="a byte of the response",
        bound="UPSTREAM_READ_TIMEOUT_S",
        then="504 upstream_timeout, or an error frame within a stream",
    ),
    Wait(
        dependency="Azure OpenAI",
        what="the whole exchange, however it trickles",
        bound="EXCHANGE_TIMEOUT_S",
        then="504 upstream_timeout, or an error frame within a stream",
    ),
    Wait(
        dependency="Azure OpenAI",
        what="a question about a response that the app follows",
        bound=FOLLOW_S,
        then="asked again later",
    ),
    Wait(
        dependency="Identity endpoint",
        what="a token",
        bound=TOKEN_S,
        then="the old one while it lives; otherwise 502 upstream_unreachable, or a storage error",
    ),
    Wait(
        dependency="Entra",
        what="the tenant's signing keys",
        bound=SIGNING_KEYS_S,
        then="the old ones for a day; otherwise 503 signing_keys_unavailable",
    ),
    Wait(
        dependency="Readiness",
        what="the probe of any dependency",
        bound=READINESS_S,
        then="unreachable",
    ),
    Wait(
        dependency="Enrichment",
        what="all of one message: outcome, captures, its turn, assembly, claim, acceptance",
        bound=DELIVERY_S,
        then=_AGAIN,
    ),
)
