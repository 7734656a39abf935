"""The outcome of an exchange, decided without I/O as more of its response is known.

The state machine (shared.core.exchange.machine) concludes how the exchange ended between client and
upstream. It gives another conclusion if the client does not get the end of a response that was held
back. `decide` makes the outcome of the conclusion and of the response:

1. for the envelope, by the tail of the response as the relay saw it;
2. for the event, by the captured answer. The relay does not see all of a response that is large,
   and nothing of one that has a content coding.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Outcome(StrEnum):
    """The outcome of an exchange: how it ended."""

    COMPLETED = "completed"
    CLIENT_DISCONNECTED = "client_disconnected"
    UPSTREAM_ERROR = "upstream_error"  # the upstream answered 4xx or 5xx, or could not be reached
    # the response began and did not end as it should, by the upstream's fault or the proxy's own
    # (`error` says whose)
    UPSTREAM_INTERRUPTED = "upstream_interrupted"
    TIMED_OUT = "timed_out"
    REJECTED = "rejected"  # by the proxy
    ABORTED = "aborted"  # the instance was killed; found by reconcile


# The proxy failed, or the upstream. A client that disconnected is not a failure.
FAILURES: Final = frozenset(Outcome) - {Outcome.COMPLETED, Outcome.CLIENT_DISCONNECTED}


def decide(
    concluded: Outcome,
    *,
    is_final: bool,
    error_status: bool,
    failed: bool,
    finished: bool | None,
) -> Outcome:
    """The outcome of an exchange, by the first of these rows that fits:

        concluded                       the response             the outcome
        ------------------------------  -----------------------  --------------------
        is_final                        any                      as concluded
        any                             failed                   UPSTREAM_ERROR
        COMPLETED, CLIENT_DISCONNECTED  error_status             UPSTREAM_ERROR
        any                             finished is True         COMPLETED
        COMPLETED                       finished is False        UPSTREAM_INTERRUPTED
        any                             any                      as concluded

    `concluded`: COMPLETED says that HTTP ended the response, and all of it was handed to the
    client's connection. `is_final`: there was no response, or it does not matter.

    `failed`: the upstream reported an error within the response. `error_status`: its status is 400
    or above. (An SDK may disconnect at the headers of a 429 or a 503, whose body it does not need.)

    `finished`: whether the client was sent the response's own end ([DONE], a finish_reason, a last
    event). Many clients close right after that frame, and an upstream may break the connection
    there: the client missed nothing. None: the response does not say it, because it is not a
    stream, or the end of its operation's streams is not known.
    """
    if is_final:
        return concluded
    if failed or (error_status and concluded not in FAILURES):
        return Outcome.UPSTREAM_ERROR
    if finished:
        return Outcome.COMPLETED
    if finished is False and concluded is Outcome.COMPLETED:
        return Outcome.UPSTREAM_INTERRUPTED
    return concluded
