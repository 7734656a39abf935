"""From the relay's result to the exchange's outcome: a decision without I/O."""

from __future__ import annotations

from enum import Enum, StrEnum, auto


class Outcome(StrEnum):
    """How an exchange ended."""

    COMPLETED = "completed"
    CLIENT_DISCONNECTED = "client_disconnected"
    UPSTREAM_ERROR = "upstream_error"  # the upstream answered 4xx or 5xx, or could not be reached
    UPSTREAM_INTERRUPTED = "upstream_interrupted"  # the response began and did not end as it should
    TIMED_OUT = "timed_out"
    REJECTED = "rejected"  # the proxy refused it
    ABORTED = "aborted"  # the instance was killed; found by reconcile


class RelayResult(Enum):
    """How the relay's work on an exchange ended, as the relay saw it."""

    # the upstream ended its response, and all of it was handed to the client's connection
    COMPLETE = auto()
    CLIENT_DISCONNECTED = auto()
    UNREACHABLE = auto()  # no response began
    INTERRUPTED = auto()  # the upstream's connection broke within the response
    # the response came, but not in the form that the client had been promised
    UNUSABLE = auto()
    TIMEOUT = auto()
    REJECTED = auto()
    FAILED = auto()  # a fault of the proxy itself


_OUTCOMES = {
    RelayResult.CLIENT_DISCONNECTED: Outcome.CLIENT_DISCONNECTED,
    RelayResult.UNREACHABLE: Outcome.UPSTREAM_ERROR,
    RelayResult.INTERRUPTED: Outcome.UPSTREAM_INTERRUPTED,
    RelayResult.UNUSABLE: Outcome.UPSTREAM_INTERRUPTED,
    RelayResult.TIMEOUT: Outcome.TIMED_OUT,
    RelayResult.REJECTED: Outcome.REJECTED,
    # the nearest of the words there are; `error` says whose fault it was
    RelayResult.FAILED: Outcome.UPSTREAM_INTERRUPTED,
}

# Whatever the upstream answered, the client did not get it.
_FINAL = {RelayResult.REJECTED, RelayResult.FAILED, RelayResult.UNUSABLE}


def decide(
    result: RelayResult,
    *,
    upstream_status: int | None,
    stream: bool,
    finished: bool,
    failed: bool = False,
) -> Outcome:
    """The exchange's outcome.

    `finished` says that the response held its own end ([DONE], a finish_reason, a last event). Many
    clients close right after that frame, and an upstream may break the connection there: the client
    missed nothing, so both count as completed. The upstream broke off a stream that ended without
    that frame. `failed` says that the upstream reported an error in a 200.
    """
    if result in _FINAL or upstream_status is None:
        return _OUTCOMES.get(result, Outcome.UPSTREAM_ERROR)
    # an SDK may disconnect at the headers of a 429 or a 503, whose body it does not need
    ended = result in {RelayResult.COMPLETE, RelayResult.CLIENT_DISCONNECTED}
    if failed or (ended and upstream_status >= 400):
        return Outcome.UPSTREAM_ERROR
    if stream and finished:
        return Outcome.COMPLETED
    if result is RelayResult.COMPLETE:
        return Outcome.UPSTREAM_INTERRUPTED if stream else Outcome.COMPLETED
    return _OUTCOMES[result]


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
