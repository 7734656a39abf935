"""Exchanges with any inputs in any order: each ends exactly once, and the client never gets a false
end.

No sequence of inputs raises, with one exception: an input that can have no cause in its state
(EXPECTED_IN) raises ExchangeStateError and leaves the exchange as it was.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.exchange.actions import (
    Abort,
    Actions,
    CancelUpstream,
    Drain,
    EndBody,
    SendBody,
    SendComment,
    SendErrorDocument,
    SendErrorFrame,
    SendErrorObject,
    SendHeaders,
    SendWhiteSpace,
    StartKeepAlive,
)
from shared.core.exchange.conclusion import COMPLETED, Conclusion
from shared.core.exchange.early_response import EarlyResponse
from shared.core.exchange.machine import ExchangeMachine
from shared.core.exchange.rules import ExchangeRules
from shared.core.exchange.state import ENDED, State
from shared.core.records.exchange.outcome import Outcome
from shared.core.wire.http.headers import RawHeaders, event_stream_announced, is_readable
from shared.core.wire.steps import run_to_end
from shared.core.wire.stream.sse import decode
from shared.core.wire.stream.stream_scan import scan
from shared.core.wire.stream.tail import Tail
from shared.core.wire.stream.usage_chunk import UsageChunkFilter
from shared.errors import ExchangeStateError, UpstreamTimeout
from tests.unit.core.exchange import exchange_inputs
from tests.unit.core.exchange.exchange_inputs import (
    DOCUMENT,
    DONE,
    ERROR,
    SSE,
    STOP,
    TEXT,
    USAGE_CHUNK,
)

COMMENT = b": keep-alive\n"
# at the end of a stream, after the line end and the blank line that end its last event
BLANK_LINES = re.compile(rb"(\n\n|\r\r|\r\n\r\n)[\r\n]+\Z")
PACKED: RawHeaders = [*SSE, (b"content-encoding", b"gzip")]
# Whole events, their halves, ends of lines and of streams.
PIECES = [
    TEXT,
    TEXT[:20],
    TEXT[20:],
    STOP,
    USAGE_CHUNK,
    DONE,
    DONE[:9],
    DONE[9:],
    b"data: 1\r\n\r\n",
    b"\r",
    b"\n",
    b"event: response.completed\n",
    b'data: {"error":{"code":"429"}}\n\n',
    b"x" * 40,
    b"",
]
# Everything that may come, and on the way to it what an exchange mostly sees.
ANY_INPUTS = [
    *["request_ready", "request_line_rejected", "body_rejected", "memory full"],
    *["not captured", "request_broken_off"],
    *["early_response_due", "upstream_answered", "piece", "upstream_ended", "upstream_failed"],
    *["client_disconnected", "cancelled", "deadline_passed", "keep_alive_due", "internal_error"],
    *["captures_stored", "captures_failed", "recording_over"],
]
BEGINNINGS: list[list[str]] = [
    [],
    ["request_ready"],
    ["request_ready", "upstream_answered"],
    ["request_ready", "early_response_due"],
    ["request_ready", "early_response_due", "upstream_answered"],
]
inputs = st.builds(
    lambda *parts: [name for part in parts for name in part],
    st.sampled_from(BEGINNINGS),
    st.lists(st.sampled_from(["piece", "piece", "piece", "keep_alive_due"]), max_size=12),
    st.sampled_from([[], ["client_disconnected"], ["upstream_ended"], ["upstream_failed"]]),
    st.lists(st.sampled_from(ANY_INPUTS), max_size=6),
)
# States in which an input is expected; elsewhere it is an error. Every other input may come at any
# time. (After the end, what still comes from the upstream is ignored.)
EXPECTED_IN = {
    "request_ready": {State.RECEIVING} | ENDED,
    "request_line_rejected": {State.RECEIVING} | ENDED,
    "upstream_answered": {State.CALLING, State.EARLY} | ENDED,
    "piece": set(State) - {State.RECEIVING, State.CALLING, State.EARLY},
    "upstream_ended": set(State) - {State.RECEIVING, State.CALLING, State.EARLY},
    "upstream_failed": set(State) - {State.RECEIVING},
    "captures_stored": ENDED,
    "captures_failed": ENDED,
    "recording_over": {State.RECORDING},
}


@dataclass
class Exchange:
    """An exchange with the upstream's pieces and the bytes that its client got."""

    machine: ExchangeMachine
    rules: ExchangeRules
    data: st.DataObject
    pieces: list[bytes] = field(default_factory=list)  # from the upstream
    headers: RawHeaders | None = None
    usage_requested: bool = False
    started: bool = False
    promise: EarlyResponse | None = None
    sent: bytes = b""  # of the upstream's response
    body: bytes = b""  # all that the client got
    frames: int = 0  # errors in the body, as an event or in the document's place
    frame_sent: bool = False  # a slow client may not have taken it
    finished: bool = False  # the body's end was sent
    over: bool = False  # nothing may follow
    captures_stored: bool = False
    conclusions: list[Conclusion] = field(default_factory=list)

    @property
    def received_bytes(self) -> bytes:
        """The bytes that came from the upstream."""
        return b"".join(self.pieces)

    def give(self, name: str) -> None:
        """Give the machine one input, and carry out the actions that it returns."""
        machine, before = self.machine, (self.machine.state, self.machine.conclusion)
        expected = machine.state in EXPECTED_IN.get(name, set(State))
        try:
            actions = self._input(name)
        except ExchangeStateError:
            assert not expected
            assert (machine.state, machine.conclusion) == before
            return
        assert expected
        if before[0] is State.DONE:
            assert actions == ()
            assert (machine.state, machine.conclusion) == before
        for action in actions:
            self._carry_out(action)
        if machine.conclusion is not None and machine.conclusion not in self.conclusions[-1:]:
            self.conclusions.append(machine.conclusion)
        assert (machine.conclusion is not None) is (machine.state in ENDED)

    def _input(self, name: str) -> Actions:
        machine, draw = self.machine, self.data.draw
        match name:
            case "piece":
                return self._piece(draw(st.sampled_from(PIECES)))
            case "early_response_due" | "upstream_answered":
                return self._answer() if name == "upstream_answered" else self._early_response()
            case "upstream_ended":
                return machine.upstream_ended(cut_short=self._cut_short())
            case "upstream_failed":
                return machine.upstream_failed(ERROR, end_received=self._end_received())
            case "deadline_passed":
                late = UpstreamTimeout("late")
                return machine.deadline_passed(late, end_received=self._end_received())
            case "client_disconnected":
                return machine.client_disconnected(received_bytes=len(self.received_bytes))
            case "captures_stored":
                self.captures_stored = machine.state is State.HOLDING
                return machine.captures_stored().actions
            case "recording_over":
                if machine.state is not State.RECORDING:  # refused: it changes nothing
                    return machine.recording_over(error_sent=False)
                self.frame_sent = self.frames > 0 and draw(st.booleans())
                return machine.recording_over(error_sent=self.frame_sent)
            case _:
                return self._put_input(name)

    def _put_input(self, name: str) -> Actions:
        actions = exchange_inputs.INPUTS[name](self.machine)
        assert isinstance(actions, tuple)
        return actions

    def _early_response(self) -> Actions:
        promise = self.data.draw(st.sampled_from(EarlyResponse))
        actions = self.machine.early_response_due(promise)
        if actions:
            self.promise = promise
        return actions

    def _answer(self) -> Actions:
        status, usage = (
            self.data.draw(st.sampled_from([200, 200, 429])),
            self.data.draw(st.booleans()),
        )
        # what follows an early response is decoded: EarlyBody has tests of its own
        kinds = [SSE, SSE, SSE, DOCUMENT] + ([PACKED] if self.promise is None else [])
        headers = self.data.draw(st.sampled_from(kinds))
        actions = self.machine.upstream_answered(
            status, headers, is_stream=headers is not DOCUMENT, usage_requested=usage
        )
        if self.machine.state in {State.STREAMING, State.COLLECTING}:
            self.headers, self.usage_requested = headers, usage
        return actions

    def _piece(self, piece: bytes) -> Actions:
        draining = self.machine.state in {State.DRAINING, State.COLLECTING}
        in_steps = self.data.draw(st.booleans())
        data = (
            run_to_end(self.machine.piece_steps(piece)) if in_steps else self.machine.piece(piece)
        )
        if data is None:
            assert self.machine.state in ENDED | {State.DRAINING}
            return ()
        self.pieces.append(piece)
        assert not (draining and data)
        return (SendBody(data),) if data else ()

    def _tail(self) -> Tail:
        if not self._readable():
            return Tail(finished=False, usage=None)
        return scan(self.received_bytes)

    def _readable(self) -> bool:
        headers = self.headers
        return (
            headers is not None and event_stream_announced(headers) is True and is_readable(headers)
        )

    def _end_received(self) -> bool:
        return self._tail().finished and not self._tail().failed

    def _cut_short(self) -> bool:
        tail = self._tail()
        return self._readable() and not (tail.finished or tail.failed or tail.open_end)

    def _carry_out(self, action: object) -> None:
        assert not self.over or isinstance(action, CancelUpstream), f"{action} after the end"
        match action:
            case SendHeaders():
                assert not self.started
                self.started = True
            case SendErrorDocument():
                assert not self.started
                self.started = self.over = True
            case SendBody():
                assert self.started
                assert not self.frames, "nothing follows an error but the end"
                self.sent += action.data
                self.body += action.data
                self._check_sent()
            case SendComment():
                self._put_in(COMMENT)
            case SendWhiteSpace() | SendErrorObject():
                self._put_before_document(action)
            case SendErrorFrame():
                self._put_in(b"data: " + action.error + b"\n\n")
                self.frames += 1
            case EndBody():
                assert self.started
                self.finished = self.over = True
            case Abort():
                self.over = True
            case Drain() | CancelUpstream() | StartKeepAlive():
                pass

    def _put_in(self, event: bytes) -> None:
        """Add an event of the proxy's own. It stands between events, and all others stay
        the same.
        """
        assert self.started
        assert not self.frames
        before = [(event.event, event.data) for event in decode(self.body)]
        self.body += event
        after = [(event.event, event.data) for event in decode(self.body)]
        added = [(event.event, event.data) for event in decode(event)]
        assert after == before + added

    def _put_before_document(self, action: SendWhiteSpace | SendErrorObject) -> None:
        """Add white space, or the error that takes the document's place."""
        assert self.promise is EarlyResponse.DOCUMENT
        assert not self.sent
        assert not self.frames
        if isinstance(action, SendErrorObject):
            self.body += action.error
            self.frames += 1
            assert json.loads(self.body)["error"]["status"]
        else:
            self.body += b"\n"

    def _check_sent(self) -> None:
        """The client got a prefix of the upstream's response; with CAPTURE_POLICY=required, without
        its end.
        """
        expected = self._expected_bytes(flushed=True)
        assert expected.startswith(self.sent)
        if self.rules.capture_required and not self.captures_stored:
            if self._readable():
                assert "[DONE]" not in [event.data for event in decode(self.sent)]
            else:
                assert len(self.sent) < len(expected)

    def _expected_bytes(self, *, flushed: bool) -> bytes:
        if not (self.usage_requested and self._readable()):
            return self.received_bytes
        taking_out = UsageChunkFilter()
        data = b"".join(map(taking_out.feed, self.pieces))
        return data + taking_out.flush() if flushed else data

    def end(self) -> None:
        """Bring an unfinished exchange to its end, as the relay would."""
        if self.machine.state not in ENDED:
            self.give("cancelled")
        if self.machine.state is State.HOLDING:
            ways = ["captures_stored", "captures_failed", "client_disconnected", "cancelled"]
            self.give(self.data.draw(st.sampled_from(ways)))
        if self.machine.state is State.RECORDING:
            self.give("recording_over")


@settings(max_examples=400)
@given(
    st.data(),
    st.builds(
        ExchangeRules,
        error_frames=st.booleans(),
        keep_alive=st.booleans(),
        drain=st.booleans(),
        drain_bytes=st.sampled_from([0, 50, 1000]),
        capture_required=st.booleans(),
    ),
    inputs,
)
def test_any_inputs_in_any_order(
    data: st.DataObject, rules: ExchangeRules, names: list[str]
) -> None:
    """Every exchange ends with one outcome, and the client's response looks complete only if it
    is. ExchangeStateError is allowed outside EXPECTED_IN alone, with the state unchanged.
    """
    exchange = Exchange(ExchangeMachine("the-id", rules), rules, data)
    for name in names:
        exchange.give(name)
    exchange.end()
    assert exchange.machine.state is State.DONE
    _check_conclusions(exchange)
    _check_end(exchange)
    for name in ANY_INPUTS:
        exchange.give(name)


def _check_conclusions(exchange: Exchange) -> None:
    """There is one conclusion, or a second one if the held-back end of a complete response was not
    sent.
    """
    *before, last = exchange.conclusions
    assert last == exchange.machine.conclusion
    if before:
        (first,) = before
        assert first == COMPLETED
        assert exchange.rules.capture_required
        assert last.outcome in {Outcome.REJECTED, Outcome.CLIENT_DISCONNECTED}


def _check_end(exchange: Exchange) -> None:
    """A body ends properly if it is complete, or if an error frame is its last event."""
    conclusion = exchange.machine.require_conclusion()
    if conclusion.outcome is Outcome.COMPLETED:
        held_back = exchange.rules.capture_required
        assert exchange.finished is (held_back or not exchange.frames or exchange.frame_sent)
        held_own_end = exchange._end_received()
        if not exchange.frames:
            expected = exchange._expected_bytes(flushed=not held_own_end)
            if held_own_end:  # a blank line after the last event may be held back for what follows
                expected = BLANK_LINES.sub(rb"\1", expected)
            assert exchange.sent.startswith(expected)
    elif exchange.finished:
        assert exchange.frames == 1
    assert exchange.frames <= 1
    assert exchange.over
