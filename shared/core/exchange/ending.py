"""The end of an exchange: its conclusion, and the end of the response that depends on it.

shared.core.exchange.state draws the states; those of this module are HOLDING, RECORDING and DONE.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.core import api_errors
from shared.core.exchange import failures
from shared.core.exchange.actions import Abort, Actions, EndBody, Interruption
from shared.core.exchange.conclusion import DISCONNECTED, Conclusion
from shared.core.exchange.reply import Reply
from shared.core.exchange.rules import ExchangeRules
from shared.core.exchange.state import ENDED, State
from shared.core.records.exchange.outcome import Outcome
from shared.errors import ExchangeStateError


@dataclass(frozen=True, kw_only=True, slots=True)
class ResponseEnd:
    """How a response ends, once it is known whether the captures are stored. No later input gives
    the exchange another conclusion.
    """

    actions: Actions  # none if the end did not have to wait for the captures
    conclusion: Conclusion
    answered_status: int | None  # the status that the client is answered; None: no response
    # the size of the end that was held back in HOLDING, if the client does not get it
    withheld_bytes: int | None


class ExchangeEnding:
    """The part of an exchange that its recording deals with. ExchangeMachine adds all that leads to
    a conclusion. Both work on one state: this class is there so that Recorder sees no more.

    There is no `conclusion` before the exchange has ended, and none but the last from DONE on.
    """

    def __init__(self, exchange_id: str, rules: ExchangeRules) -> None:
        self.state = State.RECEIVING
        self.conclusion: Conclusion | None = None
        # the client does not get the end that was held back in HOLDING
        self._is_end_withheld = False
        self._rules = rules
        self._reply = Reply(exchange_id, rules)

    def require_conclusion(self) -> Conclusion:
        """The conclusion. Raises ExchangeStateError before the exchange has ended."""
        if self.conclusion is None:
            raise ExchangeStateError(f"an exchange that is {self.state.name} has not ended")
        return self.conclusion

    def captures_stored(self) -> ResponseEnd:
        """Both captures of the exchange are stored."""
        return self._response_end(() if self._is_recorded() else self._release_end())

    def captures_failed(self) -> ResponseEnd:
        """A capture of the exchange could not be stored."""
        return self._response_end(() if self._is_recorded() else self._replace_end())

    def recording_over(self, *, error_sent: bool) -> Actions:
        """The conclusion is recorded, or the wait for that is over: the response may end.
        `error_sent`: the client was sent an error frame.
        """
        if self.state is not State.RECORDING:
            raise ExchangeStateError(f"recording_over in {self.state.name}")
        self.state = State.DONE
        complete = self._outcome is Outcome.COMPLETED
        return self._reply.end(complete=complete, error_sent=error_sent)

    @property
    def waits_for_recording(self) -> bool:
        """Whether `recording_over` is to wait (for a bounded time) until the conclusion is
        recorded: the end of a chunked body carries no byte of the response, and once the last
        response has ended the Functions host may kill the worker.
        """
        disconnected = self._outcome is Outcome.CLIENT_DISCONNECTED
        return (self._reply.is_chunked or disconnected) and not self._rules.capture_required

    @property
    def answered_status(self) -> int | None:
        """The status that the client is answered; None: it gets no response."""
        return self._reply.status

    @property
    def held_bytes(self) -> int:
        """The number of bytes that are held back until HOLDING ends."""
        return self._reply.body.held_bytes

    def _response_end(self, actions: Actions) -> ResponseEnd:
        return ResponseEnd(
            actions=actions,
            conclusion=self.require_conclusion(),
            answered_status=self.answered_status,
            withheld_bytes=self.held_bytes if self._is_end_withheld else None,
        )

    def _release_end(self) -> Actions:
        self.state = State.DONE
        return self._reply.release()

    def _replace_end(self) -> Actions:
        """Send an error in place of the end, or break the response off."""
        report = failures.rejection(api_errors.capture_unavailable())
        self._withhold_end(report.conclusion)
        if self._reply.is_held:
            return self._reply.error_document(report.error)
        if self._reply.ends_with_error:
            return (EndBody(),)
        error_actions = self._reply.failure(report.error)
        return (*error_actions, EndBody()) if error_actions else (Abort(),)

    def _disconnected_at_end(self) -> tuple[Interruption, ...]:
        """The client has disconnected after the conclusion."""
        if self.state is not State.HOLDING:
            return ()
        self._reply.withdraw()
        self._withhold_end(DISCONNECTED)
        return (Abort(),)

    def _withhold_end(self, conclusion: Conclusion) -> None:
        """Another conclusion than that of HOLDING, because the client does not get the end."""
        self.conclusion, self.state, self._is_end_withheld = conclusion, State.DONE, True

    def _is_recorded(self) -> bool:
        """Whether nothing depends on the captures any more."""
        if self.state not in ENDED:
            raise ExchangeStateError(f"captures of an exchange that is {self.state.name}")
        return self.state is not State.HOLDING

    @property
    def _outcome(self) -> Outcome | None:
        return self.conclusion.outcome if self.conclusion is not None else None

    def _conclude(self, conclusion: Conclusion) -> Actions:
        """Give the exchange its conclusion. It has no actions of its own."""
        self.conclusion = conclusion
        holds = conclusion.outcome is Outcome.COMPLETED and self._rules.capture_required
        self.state = State.HOLDING if holds else State.RECORDING
        return ()
