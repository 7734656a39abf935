"""From how the relay's work ended to the exchange's outcome: a decision without I/O."""

from __future__ import annotations

from enum import Enum, StrEnum, auto


class Outcome(StrEnum):
    """How an exchange ended."""

    COMPLETED = "completed"
    CLIENT_DISCONNECTED = "client_disconnected"
    UPSTREAM_ERROR = "upstream_error"  # the upstream answered 4xx or 5xx, or could not be reached
    UPSTREAM_INTERRUPTED = "upstream_interrupted"  # the answer began and did not end as it should
    TIMED_OUT = "timed_out"
    REJECTED = "rejected"  # the proxy itself said no
    ABORTED = "aborted"  # the instance was killed; found by reconcile


class RelayResult(Enum):
    """What the relay saw."""

    # the upstream ended its answer, and all of it was handed to the client's connection
    COMPLETE = auto()
    CLIENT_DISCONNECTED = auto()
    UNREACHABLE = auto()  # no answer began
    INTERRUPTED = auto()  # the upstream's connection broke within the answer
    TIMEOUT = auto()
    REJECTED = auto()
    FAILED = auto()  # a fault of the proxy itself


_OUTCOME_OF_RESULT = {
    RelayResult.CLIENT_DISCONNECTED: Outcome.CLIENT_DISCONNECTED,
    RelayResult.UNREACHABLE: Outcome.UPSTREAM_ERROR,
    RelayResult.INTERRUPTED: Outcome.UPSTREAM_INTERRUPTED,
    RelayResult.TIMEOUT: Outcome.TIMED_OUT,
    RelayResult.REJECTED: Outcome.REJECTED,
    # the nearest of the words there are; `error` says whose fault it was
    RelayResult.FAILED: Outcome.UPSTREAM_INTERRUPTED,
}


def decide(
    ending: RelayResult,
    *,
    upstream_status: int | None,
    stream: bool,
    finished: bool,
    failed: bool = False,
) -> Outcome:
    """The exchange's outcome.

    `finished` says that the answer held its own end ([DONE], a finish_reason, a last event). Many
    clients close right after that frame, and an upstream may break the connection there: nothing
    was missed, so both count as completed. A stream that ended cleanly without it is one that the
    upstream broke off. `failed` says that the upstream told of an error in a 200.
    """
    if ending in {RelayResult.REJECTED, RelayResult.FAILED} or upstream_status is None:
        return _OUTCOME_OF_RESULT.get(ending, Outcome.UPSTREAM_ERROR)
    if ending is RelayResult.COMPLETE and upstream_status >= 400:
        return Outcome.UPSTREAM_ERROR
    if failed:
        return Outcome.UPSTREAM_ERROR
    if stream and finished:
        return Outcome.COMPLETED
    if ending is RelayResult.COMPLETE:
        return Outcome.UPSTREAM_INTERRUPTED if stream else Outcome.COMPLETED
    return _OUTCOME_OF_RESULT[ending]
