"""The outcome of an exchange, decided without I/O as more of its response is known."""

from __future__ import annotations

from enum import StrEnum


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


def decide(
    observed: Outcome,
    *,
    upstream_status: int,
    stream: bool,
    finished: bool,
    failed: bool = False,
) -> Outcome:
    """The outcome of an exchange that got a response, in view of that response. `observed`: as the
    relay saw the exchange end; COMPLETED says that HTTP ended the response, and all of it was
    handed to the client's connection.

    `finished` says that the response held its own end ([DONE], a finish_reason, a last event). Many
    clients close right after that frame, and an upstream may break the connection there: the client
    missed nothing, so both count as completed. The upstream broke off a stream that ended without
    that frame. `failed` says that the upstream reported an error in a 200.
    """
    # an SDK may disconnect at the headers of a 429 or a 503, whose body it does not need
    ended = observed in {Outcome.COMPLETED, Outcome.CLIENT_DISCONNECTED}
    if failed or (ended and upstream_status >= 400):
        return Outcome.UPSTREAM_ERROR
    if stream and finished:
        return Outcome.COMPLETED
    if stream and observed is Outcome.COMPLETED:
        return Outcome.UPSTREAM_INTERRUPTED
    return observed


def correct(
    outcome: Outcome,
    *,
    failed: bool,
    finished: bool | None,
    end_is_known: bool,
    relay_read_it: bool,
) -> Outcome:
    """The outcome according to the whole response, which the relay does not see if it is large or
    has a content coding.

    `failed` and `finished` are as in `decide`, for the bytes sent to the client; `finished` is None
    if the response is not a stream. `end_is_known`: a stream of the operation without its own end
    was cut. `relay_read_it`: the response had no content coding.
    """
    if outcome not in {Outcome.COMPLETED, Outcome.CLIENT_DISCONNECTED}:
        return outcome
    if failed:
        return Outcome.UPSTREAM_ERROR
    if finished:
        return outcome if relay_read_it else Outcome.COMPLETED
    cut = finished is False and end_is_known and outcome is Outcome.COMPLETED
    return Outcome.UPSTREAM_INTERRUPTED if cut else outcome
