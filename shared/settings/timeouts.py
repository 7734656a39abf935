"""The bounds of fnsse's waits: on dependencies, on the client, and on processes of its own.

These are figures, not settings: an operator has no better ones. Those of the upstream are settings,
because only its operator knows how long its responses take. Adapters and use cases take theirs as
constructor arguments, whose defaults stand here. docs/reference/timeouts.md lists all of them,
and two more that stand beside the code that waits.
`tests/integration/dependencies/test_timeouts.py` tries each wait on a dependency, with dependencies
that accept and are silent, that trickle, and that break off.
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

    turn_s: float = 10.0  # the wait for a connection while the worker has all in use
    connect_s: float = 3.0  # TCP and TLS of a new connection
    # until the response's headers are there (the upload included, and no body
    # here has more than 1 MB), and between two pieces of the response's body
    silence_s: float = 10.0
    response_s: float = 60.0  # one try, to the last byte of the response: it may be 100 MB
    # one call of the SDK, or one page or piece of a listing or download, with all tries
    call_s: float = 60.0
    # A connection that was idle for longer is closed: what lies between may have forgotten it.
    idle_s: float = 15.0


@dataclass(frozen=True, kw_only=True)
class RelayTimeouts:
    """Seconds. The waits of an exchange that no setting bounds."""

    # Beyond EXCHANGE_TIMEOUT_S, for sending the client that error, and again for the response's
    # end: the client may have stopped reading.
    error_send_s: float = 2.0
    cancellation_s: float = 2.0  # for the call of the upstream to end, once it is cancelled


# An exchange whose recording takes longer is logged. Uploads of megabytes take less unless storage
# is overloaded.
SLOW_RECORDING_S: Final = 5.0
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
# A child process that assembles one event: the worst of 100 MB took 6 s.
ASSEMBLY_S: Final = 60.0
# The start of the process with the analyzer. Loading its models takes most of it.
ANALYZER_START_S: Final = 120.0
# One poll of a response that the app follows, including its token and its body. The upstream only
# looks the response up.
FOLLOW_S: Final = 60.0
# A lease on the right to start an orchestration: 15 to 60 s are possible (Lease Blob).
START_LEASE_S: Final = 30
# The calls under the lease together. The lease is not renewed. It is held for all of this time,
# because the time is counted from before the call that acquires it.
START_S: Final = START_LEASE_S - 5.0
