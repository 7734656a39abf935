"""The conclusion of an exchange, as the relay saw it, and the completeness of its response: the
outcome follows from both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.core.records.exchange.envelope import Failure
from shared.core.records.exchange.outcome import Outcome, decide
from shared.core.wire.stream.tail import Tail


@dataclass(frozen=True, kw_only=True, slots=True)
class Conclusion:
    """The end of an exchange, for its record."""

    # COMPLETED: HTTP ended the response, and all of it was handed to the client's connection.
    # The response's own end may say otherwise (ResponseCompleteness.outcome).
    outcome: Outcome
    failure: Failure | None = None  # why it did not complete
    # the client did not get the response, so the response's own end does not matter
    is_final: bool = False


COMPLETED: Final = Conclusion(outcome=Outcome.COMPLETED)
DISCONNECTED: Final = Conclusion(outcome=Outcome.CLIENT_DISCONNECTED)


@dataclass(frozen=True, kw_only=True, slots=True)
class ResponseCompleteness:
    """The tail of what has been received of a response, and what may be concluded from it."""

    tail: Tail
    is_stream: bool
    # the bytes can be read, and a stream of the operation without its last event was cut
    end_is_known: bool

    @property
    def end_received(self) -> bool:
        """Whether it is a stream that holds its own end so far, and reports no error."""
        return self.is_stream and self.tail.finished and not self.tail.failed

    @property
    def cut_short(self) -> bool:
        """Whether the response, if HTTP ends it here, is known to lack its own end, and reports no
        error.
        """
        return self._finished is False and not self.tail.failed

    def outcome(self, conclusion: Conclusion, *, upstream_status: int | None) -> Outcome:
        """The exchange's outcome, if this is the completeness of what the client was sent.
        `upstream_status` is None if there was no response.
        """
        return decide(
            conclusion.outcome,
            is_final=conclusion.is_final or upstream_status is None,
            error_status=(upstream_status or 0) >= 400,
            failed=self.tail.failed,
            finished=self._finished,
        )

    @property
    def _finished(self) -> bool | None:
        """Whether a stream holds its own end; None if its bytes do not say it, so that HTTP's end
        decides.
        """
        tail = self.tail
        if self.is_stream and (tail.finished or tail.open_end):
            return True
        return False if self.is_stream and self.end_is_known and not tail.unsure else None
