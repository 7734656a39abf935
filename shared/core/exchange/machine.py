"""An exchange as a state machine: inputs in, actions out, no I/O, no clock.

ExchangeRunner (shared.relay) calls the method of each input as it happens and carries out the
actions that it returns, in their order. shared.core.exchange.state draws the states.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from shared.core.api_errors import ApiError
from shared.core.exchange import failures, late_error
from shared.core.exchange.actions import (
    Actions,
    CancelUpstream,
    Drain,
    Interruption,
)
from shared.core.exchange.conclusion import COMPLETED, DISCONNECTED
from shared.core.exchange.early_response import EarlyResponse, matches_promise
from shared.core.exchange.ending import ExchangeEnding
from shared.core.exchange.failures import FailureReport
from shared.core.exchange.rules import ExchangeRules
from shared.core.exchange.state import ENDED, RESPONDING, UNANSWERED, State
from shared.core.wire.http.headers import RawHeaders, header, is_readable
from shared.core.wire.steps import Cooperative
from shared.errors import (
    BodyTooLarge,
    ExchangeStateError,
    FnsseError,
    RequestMemoryFull,
    RequestNotCaptured,
    UpstreamError,
    UpstreamInterrupted,
)

# every piece of every stream compares with it: a name of the module costs less than a class's
_STREAMING: Final = State.STREAMING
COLLECTED_BYTES: Final = 64 * 1024  # of an error that comes after an early response


class ExchangeMachine(ExchangeEnding):
    """The state machine of an exchange, from its request to the end of its response.

    Each input is a method that returns what the runner has to do. The inputs that come after the
    conclusion are ExchangeEnding's.
    """

    def __init__(self, exchange_id: str, rules: ExchangeRules) -> None:
        super().__init__(exchange_id, rules)
        self._status = 0  # the upstream's
        self._promise: EarlyResponse | None = None  # made to the client in EARLY
        self._collected = b""  # the beginning of a response in COLLECTING
        self._coding = ""  # its content-encoding
        self._drained_bytes = 0

    # --- the client's request ---------------------------------------------------------------------

    def request_ready(self) -> Actions:
        """The request may go upstream: it is held whole (and stored, if that is required), or
        passes as it arrives.
        """
        if self._is_too_late(State.RECEIVING):
            return ()
        self.state = State.CALLING
        return ()

    def request_line_rejected(self, error: ApiError) -> Actions:
        """The request is not relayed, because of its request line alone."""
        if self._is_too_late(State.RECEIVING):
            return ()
        report = failures.rejection(error)
        self._conclude(report.conclusion)
        return self._reply.error_document(report.error)

    def body_rejected(
        self, error: BodyTooLarge | RequestMemoryFull | RequestNotCaptured
    ) -> Actions:
        """The request's body must not be relayed, or not the rest of it."""
        if self.state in ENDED:
            return ()
        return self._fail(error)

    def request_broken_off(self) -> Actions:
        """The client disconnected before its request was whole, and nothing more comes upstream."""
        if self.state in ENDED:
            return ()
        return self._conclude(DISCONNECTED)

    # --- the upstream's response ------------------------------------------------------------------

    def early_response_due(self, promise: EarlyResponse) -> Actions:
        """The upstream has not answered in time: the client is answered before it does."""
        if self.state is not State.CALLING:
            return ()
        self.state, self._promise = State.EARLY, promise
        return self._reply.begin_early(promise)

    def upstream_answered(
        self,
        status: int,
        headers: RawHeaders,
        *,
        is_stream: bool,
        usage_requested: bool,
        bodiless: bool = False,
    ) -> Actions:
        """Status and headers have come. `is_stream`: the body is one of events. `usage_requested`:
        the proxy asked for a usage chunk that the client did not ask for. `bodiless`: the headers
        are all of the response.
        """
        if self._is_too_late(State.CALLING, State.EARLY):
            return ()
        self._status = status
        if self._promise is not None:
            actions: Actions = ()
            self._coding = header(headers, b"content-encoding")
            if matches_promise(
                self._promise, status, headers, is_stream=is_stream, bodiless=bodiless
            ):
                self.state = State.STREAMING
                self._reply.continue_early(self._promise, self._coding)
            else:
                self.state = State.COLLECTING
        else:
            is_stream = is_stream and is_readable(headers)
            self.state = State.STREAMING
            actions = self._reply.begin(status, headers, is_stream=is_stream, bodiless=bodiless)
        if usage_requested and is_stream:
            self._reply.body.drop_usage_chunk()
        return actions

    def piece(self, piece: bytes) -> bytes | None:
        """The bytes to send to the client now that this piece of the response has come; maybe none.
        None: read no further.
        """
        if self.state is _STREAMING:
            return self._reply.body.feed(piece)
        if self._is_too_late(*RESPONDING):
            return None
        if self.state is State.COLLECTING:
            self._collected = (self._collected + piece)[:COLLECTED_BYTES]
            return b""
        if self._drained_bytes >= self._rules.drain_bytes:
            return None
        self._drained_bytes += len(piece)
        return b""

    def piece_steps(self, piece: bytes) -> Cooperative[bytes | None]:
        """Do what `piece` does, for a piece longer than SLICE_BYTES: with pauses."""
        if self.state is not State.STREAMING:
            return self.piece(piece)
        data = yield from self._reply.body.feed_steps(piece)
        # the client may have disconnected in a pause
        return data if self.state is State.STREAMING else b""

    def upstream_ended(self, *, cut_short: bool) -> Actions:
        """The response has ended as HTTP wants it. `cut_short`: without the end that its
        operation's streams have, and without an error.
        """
        if self._is_too_late(*RESPONDING):
            return ()
        if self.state is State.DRAINING:
            return self._conclude(DISCONNECTED)
        if self.state is State.COLLECTING:
            return self._collected_all()
        rest = self._reply.rest()
        if not self._reply.body.is_whole or (self._status == 200 and cut_short):
            error = UpstreamInterrupted("Azure OpenAI ended its response before it was whole.")
            return (*rest, *self._fail(error))
        return (*rest, *self._conclude(COMPLETED))

    def upstream_failed(self, error: UpstreamError, *, end_received: bool) -> Actions:
        """The response did not come, or broke off. `end_received`: a stream came as far as its
        own end, so nothing is missing.
        """
        if self._is_too_late(State.CALLING, State.EARLY, *RESPONDING):
            return ()
        if self.state is State.DRAINING:
            failure = None if end_received else failures.translate(error).failure
            return self._conclude(replace(DISCONNECTED, failure=failure))
        if self.state is State.STREAMING and end_received:
            return self._conclude(COMPLETED)
        return self._fail(error)

    # --- what may happen at any time --------------------------------------------------------------

    def client_disconnected(self, *, received_bytes: int) -> tuple[Interruption, ...]:
        """The client has disconnected; so far `received_bytes` of the response have come."""
        if self.state in RESPONDING:
            if self.state is State.DRAINING:
                return ()
            if self._rules.drain and received_bytes:
                self.state = State.DRAINING
                return (Drain(),)
        return self.cancelled()

    def cancelled(self) -> tuple[Interruption, ...]:
        """The response is cancelled from outside, which is how the Functions host says that the
        client has disconnected: nothing is drained.
        """
        if self.state in ENDED:
            return self._disconnected_at_end()
        self._reply.withdraw()
        self._conclude(DISCONNECTED)
        return (CancelUpstream(),)

    def deadline_passed(self, error: UpstreamError, *, end_received: bool) -> Actions:
        """The exchange, or its draining, has taken too long."""
        if self.state in ENDED:
            return ()
        if self.state is State.DRAINING:
            return self._conclude(DISCONNECTED)
        if self.state is State.STREAMING and end_received:
            return self._conclude(COMPLETED)
        return self._fail(error)

    def keep_alive_due(self) -> Actions:
        """Nothing was sent for KEEP_ALIVE_S."""
        open_ = self.state in {State.EARLY, State.STREAMING, State.COLLECTING}
        return self._reply.keep_alive() if open_ else ()

    def internal_error(self) -> Actions:
        """The proxy itself failed."""
        if self.state in ENDED:
            return ()
        unanswered, report = self._is_unanswered(), failures.internal_error()
        self._conclude(report.conclusion)
        return self._reply.error_document(report.error) if unanswered else ()

    @property
    def drops_usage_chunk(self) -> bool:
        """Whether pieces of the response are parsed: long ones go through `piece_steps`."""
        return self._reply.body.drops_usage_chunk

    def _collected_all(self) -> Actions:
        """Another response came than the one that the client was promised."""
        if self._status < 400:
            form = "a stream" if self._promise is EarlyResponse.STREAM else "JSON"
            return self._report(failures.unusable_response(form))
        error = late_error.one_line_error(self._collected, self._coding)
        error_actions = self._reply.report_late(error, self._status)
        return (*error_actions, *self._conclude(COMPLETED))

    def _is_too_late(self, *expected: State) -> bool:
        """Whether the input comes too late, because the exchange has ended. Raises
        ExchangeStateError if it has not ended and is in none of the `expected` states.
        """
        if self.state in expected:
            return False
        if self.state in ENDED:
            return True
        raise ExchangeStateError(
            f"an input for {', '.join(sorted(state.name for state in expected))} "
            f"came in {self.state.name}"
        )

    def _is_unanswered(self) -> bool:
        return self.state in UNANSWERED or self._reply.is_held

    def _fail(self, error: FnsseError) -> Actions:
        """End with an error, and report it to the client as far as HTTP still allows."""
        return self._report(failures.translate(error))

    def _report(self, report: FailureReport) -> Actions:
        actions: Actions = ()
        if self._is_unanswered():
            actions = self._reply.error_document(report.error)
        elif self.state is not State.DRAINING:
            actions = self._reply.failure(report.error)
        self._conclude(report.conclusion)
        return actions
