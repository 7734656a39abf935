"""The exchange as a state machine: the actions for every input in every state."""

from __future__ import annotations

import gzip
import itertools
import json
from dataclasses import replace

import pytest

from shared.core import api_errors
from shared.core.api_errors import ApiError
from shared.core.exchange import failures
from shared.core.exchange.actions import (
    Abort,
    Action,
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
from shared.core.exchange.conclusion import COMPLETED, DISCONNECTED
from shared.core.exchange.early_response import EarlyResponse
from shared.core.exchange.machine import ExchangeMachine
from shared.core.exchange.rules import ExchangeRules
from shared.core.exchange.state import ENDED, State
from shared.core.records.exchange.envelope import Failure
from shared.core.records.exchange.outcome import Outcome
from shared.core.wire.http.headers import RawHeaders, event_stream_announced
from shared.core.wire.steps import run_to_end
from shared.errors import ExchangeStateError
from tests.unit.core.exchange.exchange_inputs import (
    DOCUMENT,
    DONE,
    ERROR,
    INPUTS,
    RULES,
    SSE,
    STOP,
    TEXT,
    USAGE_CHUNK,
    exchange_in,
)

S = State
# The state that an input leads to, and the outcome where it ends the exchange. An input that is not
# in a state's row changes nothing there, if it may come at any time, and is an error otherwise.
TRANSITIONS: dict[str, dict[State, tuple[State, Outcome | None]]] = {
    "request_ready": {S.RECEIVING: (S.CALLING, None)},
    "request_line_rejected": {S.RECEIVING: (S.RECORDING, Outcome.REJECTED)},
    "body_rejected": dict.fromkeys(set(S) - ENDED, (S.RECORDING, Outcome.REJECTED)),
    "memory full": dict.fromkeys(set(S) - ENDED, (S.RECORDING, Outcome.REJECTED)),
    "not captured": dict.fromkeys(set(S) - ENDED, (S.RECORDING, Outcome.REJECTED)),
    "request_broken_off": dict.fromkeys(set(S) - ENDED, (S.RECORDING, Outcome.CLIENT_DISCONNECTED)),
    "early_response_due": {S.CALLING: (S.EARLY, None)},
    "early JSON due": {S.CALLING: (S.EARLY, None)},
    "answered": {S.CALLING: (S.STREAMING, None), S.EARLY: (S.STREAMING, None)},
    "answered with a document": {S.CALLING: (S.STREAMING, None), S.EARLY: (S.COLLECTING, None)},
    "answered with JSON": {S.CALLING: (S.STREAMING, None), S.EARLY: (S.COLLECTING, None)},
    "piece": {state: (state, None) for state in (S.STREAMING, S.COLLECTING, S.DRAINING)},
    "upstream_ended": {
        S.STREAMING: (S.RECORDING, Outcome.COMPLETED),
        S.COLLECTING: (S.RECORDING, Outcome.COMPLETED),
        S.DRAINING: (S.RECORDING, Outcome.CLIENT_DISCONNECTED),
    },
    "ended, cut short": {
        S.STREAMING: (S.RECORDING, Outcome.UPSTREAM_INTERRUPTED),
        S.COLLECTING: (S.RECORDING, Outcome.COMPLETED),
        S.DRAINING: (S.RECORDING, Outcome.CLIENT_DISCONNECTED),
    },
    "upstream_failed": {
        S.CALLING: (S.RECORDING, Outcome.UPSTREAM_INTERRUPTED),
        S.EARLY: (S.RECORDING, Outcome.UPSTREAM_INTERRUPTED),
        S.STREAMING: (S.RECORDING, Outcome.UPSTREAM_INTERRUPTED),
        S.COLLECTING: (S.RECORDING, Outcome.UPSTREAM_INTERRUPTED),
        S.DRAINING: (S.RECORDING, Outcome.CLIENT_DISCONNECTED),
    },
    "failed, end received": {
        S.CALLING: (S.RECORDING, Outcome.UPSTREAM_INTERRUPTED),
        S.EARLY: (S.RECORDING, Outcome.UPSTREAM_INTERRUPTED),
        S.STREAMING: (S.RECORDING, Outcome.COMPLETED),
        S.COLLECTING: (S.RECORDING, Outcome.UPSTREAM_INTERRUPTED),
        S.DRAINING: (S.RECORDING, Outcome.CLIENT_DISCONNECTED),
    },
    "client_disconnected": {
        **dict.fromkeys(
            (S.RECEIVING, S.CALLING, S.EARLY), (S.RECORDING, Outcome.CLIENT_DISCONNECTED)
        ),
        S.STREAMING: (S.DRAINING, None),
        S.COLLECTING: (S.DRAINING, None),
        S.HOLDING: (S.DONE, Outcome.CLIENT_DISCONNECTED),
    },
    "disconnected before a piece": {
        **dict.fromkeys(
            (S.RECEIVING, S.CALLING, S.EARLY, S.STREAMING, S.COLLECTING),
            (S.RECORDING, Outcome.CLIENT_DISCONNECTED),
        ),
        S.HOLDING: (S.DONE, Outcome.CLIENT_DISCONNECTED),
    },
    "cancelled": {
        **dict.fromkeys(set(S) - ENDED, (S.RECORDING, Outcome.CLIENT_DISCONNECTED)),
        S.HOLDING: (S.DONE, Outcome.CLIENT_DISCONNECTED),
    },
    "deadline_passed": {
        **dict.fromkeys(set(S) - ENDED, (S.RECORDING, Outcome.TIMED_OUT)),
        S.DRAINING: (S.RECORDING, Outcome.CLIENT_DISCONNECTED),
    },
    "passed, end received": {
        **dict.fromkeys(set(S) - ENDED, (S.RECORDING, Outcome.TIMED_OUT)),
        S.STREAMING: (S.RECORDING, Outcome.COMPLETED),
        S.DRAINING: (S.RECORDING, Outcome.CLIENT_DISCONNECTED),
    },
    "keep_alive_due": {state: (state, None) for state in (S.EARLY, S.STREAMING, S.COLLECTING)},
    "internal_error": dict.fromkeys(set(S) - ENDED, (S.RECORDING, Outcome.UPSTREAM_INTERRUPTED)),
    "captures_stored": {S.HOLDING: (S.DONE, Outcome.COMPLETED)},
    "captures_failed": {S.HOLDING: (S.DONE, Outcome.REJECTED)},
    "recording_over": {S.RECORDING: (S.DONE, Outcome.COMPLETED)},
}
AT_ANY_TIME = {
    "early_response_due",
    "early JSON due",
    "client_disconnected",
    "disconnected before a piece",
    "cancelled",
    "deadline_passed",
    "passed, end received",
    "keep_alive_due",
    "internal_error",
}


def test_the_table_names_every_input() -> None:
    """Each method of the machine that returns actions is one of them."""
    assert set(TRANSITIONS) == set(INPUTS)


@pytest.mark.parametrize(
    ("state", "name"), list(itertools.product(State, TRANSITIONS)), ids=lambda value: str(value)
)
def test_every_input_in_every_state(state: State, name: str) -> None:
    """The input leads to the table's state, is ignored, or raises and changes nothing."""
    machine = exchange_in(state)
    before = machine.conclusion
    known = TRANSITIONS[name].get(state)
    if known is not None:
        INPUTS[name](machine)
        outcome = machine.conclusion.outcome if machine.conclusion else None
        assert (machine.state, outcome) == known
        return
    after_the_end = state in ENDED and name != "recording_over"
    if name in AT_ANY_TIME or after_the_end:
        assert not INPUTS[name](machine)
    else:
        with pytest.raises(ExchangeStateError):
            INPUTS[name](machine)
    assert (machine.state, machine.conclusion) == (state, before)


def test_an_exchange_that_goes_on_has_no_conclusion() -> None:
    """Asking too early is an error."""
    with pytest.raises(ExchangeStateError):
        exchange_in(State.STREAMING).require_conclusion()
    assert exchange_in(State.RECORDING).require_conclusion().outcome is Outcome.COMPLETED


def failure_of(error: ApiError) -> Failure:
    """The error as the record has it."""
    return Failure(code=error.code, message=error.message)


# --- what is sent ---------------------------------------------------------------------------------


def headers_of(actions: tuple[Action, ...]) -> SendHeaders:
    (send_headers,) = [action for action in actions if isinstance(action, SendHeaders)]
    return send_headers


def actions_of(answer: Actions | bytes | None) -> Actions:
    """The actions that an input returned, without the pieces."""
    assert isinstance(answer, tuple)
    return answer


def kinds(actions: tuple[Action, ...]) -> list[type[Action]]:
    return [type(action) for action in actions]


@pytest.mark.parametrize(
    ("headers", "expected", "keeps_alive", "waits"),
    [
        (SSE, [], True, True),
        ([*SSE, (b"content-length", b"9")], [], True, True),
        ([*SSE, (b"content-length", b"9"), (b"content-encoding", b"gzip")], [b"9"], False, False),
        (DOCUMENT, [b"9"], False, False),
        ([(b"content-type", b"application/json")], [], False, True),
    ],
    ids=["stream", "stream with a length", "packed stream", "document", "document without length"],
)
def test_the_upstreams_headers_pass(
    headers: RawHeaders, expected: list[bytes], *, keeps_alive: bool, waits: bool
) -> None:
    """A stream loses its length, which changes with all that is put in. The end of a body without a
    length waits for its recording.
    """
    machine = exchange_in(State.CALLING)
    actions = machine.upstream_answered(
        201, headers, is_stream=bool(event_stream_announced(headers)), usage_requested=False
    )
    answered = headers_of(actions)
    assert answered.status == 201
    assert [value for name, value in answered.headers if name == b"content-length"] == expected
    assert (b"x-exchange-id", b"the-id") in answered.headers
    assert (StartKeepAlive() in actions) is keeps_alive
    machine.upstream_ended(cut_short=False)
    assert machine.waits_for_recording is waits


def test_comments_are_switchable() -> None:
    """With KEEP_ALIVE_S=0, the machine never starts keep-alive comments."""
    machine = exchange_in(State.CALLING, replace(RULES, keep_alive=False))
    assert kinds(machine.early_response_due(EarlyResponse.STREAM)) == [SendHeaders, SendComment]


def test_an_early_response_is_a_stream_with_a_comment() -> None:
    """The rest follows in it; nothing is started twice."""
    machine = exchange_in(State.CALLING)
    early = machine.early_response_due(EarlyResponse.STREAM)
    assert kinds(early) == [SendHeaders, SendComment, StartKeepAlive]
    assert headers_of(early).status == 200
    assert machine.upstream_answered(200, SSE, is_stream=True, usage_requested=False) == ()
    assert machine.piece(TEXT) == TEXT
    assert machine.upstream_ended(cut_short=False) == ()
    assert machine.recording_over(error_sent=False) == (EndBody(),)


@pytest.mark.parametrize("state", list(State))
def test_a_comment_needs_an_open_stream(state: State) -> None:
    """None may be sent before its headers, nor after its end."""
    commented = exchange_in(state).keep_alive_due() == (SendComment(),)
    assert commented is (state in {State.EARLY, State.STREAMING, State.COLLECTING})


def test_a_comment_comes_between_events_only() -> None:
    """Cut anywhere."""
    for at in range(1, len(TEXT)):
        machine = exchange_in(State.STREAMING)
        machine.piece(TEXT[:at])
        assert machine.keep_alive_due() == ()
        machine.piece(TEXT[at:])
        assert machine.keep_alive_due() == (SendComment(),)


def test_nothing_is_put_into_a_document() -> None:
    """Its bytes are counted, and no frame would be read as one."""
    machine = exchange_in(State.CALLING)
    machine.upstream_answered(200, DOCUMENT, is_stream=False, usage_requested=True)
    assert not machine.drops_usage_chunk
    assert machine.keep_alive_due() == ()
    assert machine.upstream_failed(ERROR, end_received=False) == ()
    assert machine.recording_over(error_sent=False) == (Abort(),)


# --- failures -------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.RECEIVING, State.CALLING])
@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("body_rejected", api_errors.body_too_large(9)),
        ("memory full", api_errors.request_memory_full()),
        ("not captured", api_errors.capture_unavailable()),
        ("deadline_passed", api_errors.upstream_timeout("late")),
        ("internal_error", api_errors.internal_error()),
    ],
)
def test_before_its_headers_a_response_can_be_an_error(
    state: State, name: str, error: ApiError
) -> None:
    """The error has a status of its own, and ends the response."""
    machine = exchange_in(state)
    assert INPUTS[name](machine) == (SendErrorDocument(error),)
    assert machine.require_conclusion().failure == failure_of(error)
    assert machine.recording_over(error_sent=False) == ()


@pytest.mark.parametrize("state", [State.EARLY, State.STREAMING, State.COLLECTING])
@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("upstream_failed", api_errors.upstream_interrupted("broken")),
        ("deadline_passed", api_errors.upstream_timeout("late")),
        ("body_rejected", api_errors.body_too_large(9)),
    ],
)
def test_within_a_stream_it_is_a_frame(state: State, name: str, error: ApiError) -> None:
    """The body ends properly only after the frame was sent; without frames, the connection is
    aborted.
    """
    machine = exchange_in(state)
    assert INPUTS[name](machine) == (SendErrorFrame(error.body()),)
    assert machine.require_conclusion().failure == failure_of(error)
    assert machine.recording_over(error_sent=True) == (EndBody(),)
    machine = exchange_in(state)
    INPUTS[name](machine)
    assert machine.recording_over(error_sent=False) == (Abort(),)
    machine = exchange_in(state, replace(RULES, error_frames=False))
    assert INPUTS[name](machine) == ()
    assert machine.recording_over(error_sent=False) == (Abort(),)


def test_a_bug_of_the_proxy_cuts_a_stream_off() -> None:
    """A bug aborts the connection, because the state of the stream is unknown."""
    machine = exchange_in(State.STREAMING)
    assert machine.internal_error() == ()
    assert machine.require_conclusion() == failures.internal_error().conclusion
    assert machine.recording_over(error_sent=False) == (Abort(),)


def test_a_stream_without_its_end() -> None:
    """The bytes that the filter holds are sent first, then the error."""
    machine = exchange_in(State.CALLING)
    machine.upstream_answered(200, SSE, is_stream=True, usage_requested=True)
    assert machine.piece(TEXT + b"data: 2\n") == TEXT
    actions = machine.upstream_ended(cut_short=True)
    assert actions == (SendBody(b"data: 2\n"),), "within an event no frame is allowed"
    assert machine.recording_over(error_sent=False) == (Abort(),)
    error = api_errors.upstream_interrupted("Azure OpenAI ended its response before it was whole.")
    assert machine.require_conclusion().failure == failure_of(error)


def test_an_error_of_the_upstream_is_never_cut_short() -> None:
    """Its status already reports the error."""
    machine = exchange_in(State.CALLING)
    machine.upstream_answered(429, SSE, is_stream=True, usage_requested=False)
    machine.upstream_ended(cut_short=True)
    assert machine.require_conclusion().outcome is Outcome.COMPLETED


@pytest.mark.parametrize("error_frames", [True, False])
def test_an_error_after_an_early_response(*, error_frames: bool) -> None:
    """It is the upstream's error, and a frame is the only way to pass it on."""
    machine = exchange_in(State.COLLECTING, replace(RULES, error_frames=error_frames))
    assert machine.piece(b'{"error": {"code":') == b""
    assert machine.piece(b'\n"429"}}') == b""
    frame = SendErrorFrame(b'{"error":{"code":"429"}}')
    assert machine.upstream_ended(cut_short=False) == (frame,)
    assert machine.require_conclusion().failure is None
    assert machine.recording_over(error_sent=True) == (EndBody(),)
    machine = exchange_in(State.COLLECTING)
    machine.upstream_ended(cut_short=False)
    assert machine.recording_over(error_sent=False) == (Abort(),), (
        "its error was cut off on its way"
    )


def test_a_document_instead_of_a_stream() -> None:
    """The client was promised a stream, and nothing of the document is repeated."""
    machine = exchange_in(State.EARLY)
    machine.upstream_answered(200, DOCUMENT, is_stream=False, usage_requested=False)
    machine.piece(b'{"secret": 1}')
    (frame,) = machine.upstream_ended(cut_short=False)
    assert isinstance(frame, SendErrorFrame)
    assert b"secret" not in frame.error
    assert machine.require_conclusion() == failures.unusable_response("a stream").conclusion


def test_a_stream_of_errors_never_looks_whole() -> None:
    """It comes after an early response. It was collected, so nothing of it was sent, although it
    held its own end.
    """
    machine = exchange_in(State.EARLY)
    machine.upstream_answered(429, SSE, is_stream=True, usage_requested=False)
    machine.piece(DONE)
    assert kinds(machine.upstream_failed(ERROR, end_received=True)) == [SendErrorFrame]
    assert machine.require_conclusion().outcome is Outcome.UPSTREAM_INTERRUPTED


# --- a JSON document after an early response ------------------------------------------------------

ANSWER = b'{"choices":[]}'
GZIPPED = [*DOCUMENT[:1], (b"content-encoding", b"gzip")]


def promised_json(rules: ExchangeRules = RULES) -> ExchangeMachine:
    """A client that was answered early, with white space."""
    machine = exchange_in(State.CALLING, rules)
    early = machine.early_response_due(EarlyResponse.DOCUMENT)
    assert kinds(early) == [SendHeaders, SendWhiteSpace, StartKeepAlive]
    assert (headers_of(early).status, headers_of(early).headers[0]) == (
        200,
        (b"content-type", b"application/json"),
    )
    return machine


def test_white_space_comes_before_the_document_only() -> None:
    """Within it white space could stand in a text."""
    machine = promised_json()
    assert machine.keep_alive_due() == (SendWhiteSpace(),)
    assert machine.upstream_answered(201, DOCUMENT, is_stream=False, usage_requested=True) == ()
    assert machine.keep_alive_due() == (SendWhiteSpace(),)
    assert machine.piece(ANSWER[:1]) == ANSWER[:1]
    assert machine.keep_alive_due() == ()
    assert machine.piece(ANSWER[1:]) == ANSWER[1:]
    assert machine.upstream_ended(cut_short=False) == ()
    assert machine.waits_for_recording
    assert machine.recording_over(error_sent=False) == (EndBody(),)


def test_a_promised_document_is_decoded() -> None:
    """The headers named no coding; one that is cut short is not whole."""
    machine = promised_json()
    machine.upstream_answered(200, GZIPPED, is_stream=False, usage_requested=False)
    assert machine.piece(gzip.compress(ANSWER)) == ANSWER
    machine.upstream_ended(cut_short=False)
    assert machine.require_conclusion().outcome is Outcome.COMPLETED
    machine = promised_json()
    machine.upstream_answered(200, GZIPPED, is_stream=False, usage_requested=False)
    machine.piece(gzip.compress(ANSWER)[:-1])
    assert machine.upstream_ended(cut_short=False) == ()
    assert machine.recording_over(error_sent=False) == (Abort(),)


@pytest.mark.parametrize("error_frames", [True, False])
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"error": {"code": "429", "message": "m"}}', {"code": "429", "message": "m"}),
        (b'{"error": {"code": "c", "status": 400}}', {"code": "c", "status": 400}),
        (b'{"error": "too late"}', {"message": "too late"}),
        (b"overloaded", {"code": "upstream_error", "message": "overloaded"}),
    ],
    ids=["an error", "one with a status", "a text", "no JSON"],
)
def test_an_error_of_the_upstream_is_the_document(
    body: bytes, expected: dict[str, object], *, error_frames: bool
) -> None:
    """It has the status that could not be sent, unless it says one. ERROR_FRAMES is about
    streams.
    """
    machine = promised_json(replace(RULES, error_frames=error_frames))
    machine.upstream_answered(429, DOCUMENT, is_stream=False, usage_requested=False)
    assert machine.piece(body) == b""
    (document,) = machine.upstream_ended(cut_short=False)
    assert isinstance(document, SendErrorObject)
    error = json.loads(document.error)["error"]
    assert error == {"status": 429, **expected} | {k: error[k] for k in error.keys() & {"type"}}
    assert machine.require_conclusion().failure is None
    assert machine.recording_over(error_sent=True) == (EndBody(),)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("upstream_failed", api_errors.upstream_interrupted("broken")),
        ("deadline_passed", api_errors.upstream_timeout("late")),
    ],
)
def test_a_failure_before_the_document(name: str, error: ApiError) -> None:
    """Once the document has begun, the connection breaks."""
    machine = promised_json(replace(RULES, error_frames=False))
    expected = {"status": error.status, **json.loads(error.body())["error"]}
    (document,) = actions_of(INPUTS[name](machine))
    assert isinstance(document, SendErrorObject)
    assert json.loads(document.error) == {"error": expected}
    assert machine.recording_over(error_sent=True) == (EndBody(),)
    machine = promised_json()
    INPUTS["answered with JSON"](machine)
    machine.piece(b"{")
    assert INPUTS[name](machine) == ()
    assert machine.recording_over(error_sent=False) == (Abort(),)


@pytest.mark.parametrize(
    ("status", "headers", "bodiless"),
    [
        (200, SSE, False),
        (302, DOCUMENT, False),
        (204, DOCUMENT, True),
        (200, [(b"content-type", b"text/plain")], False),
        (200, [*DOCUMENT, (b"content-encoding", b"br")], False),
    ],
    ids=["a stream", "a redirect", "no body", "a text", "an unknown coding"],
)
def test_an_unpromised_response_is_an_error(
    status: int, headers: RawHeaders, *, bodiless: bool
) -> None:
    """The client was told that it gets JSON. Nothing of the response is repeated."""
    machine = promised_json()
    machine.upstream_answered(
        status, headers, is_stream=headers is SSE, usage_requested=False, bodiless=bodiless
    )
    assert machine.state is State.COLLECTING
    assert machine.piece(b"secret") == b""
    (document,) = machine.upstream_ended(cut_short=False)
    assert isinstance(document, SendErrorObject)
    error = json.loads(document.error)["error"]
    assert (error["code"], error["status"]) == ("upstream_interrupted", 502)
    assert b"secret" not in document.error
    assert machine.require_conclusion() == failures.unusable_response("JSON").conclusion


def test_white_space_is_not_a_document() -> None:
    """A response without a byte would fail in the client's JSON parser."""
    machine = promised_json()
    INPUTS["answered with JSON"](machine)
    assert kinds(machine.upstream_ended(cut_short=False)) == [SendErrorObject]
    assert machine.require_conclusion().outcome is Outcome.UPSTREAM_INTERRUPTED


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("answer", [ANSWER, b"0"])
def test_the_end_of_a_promised_document(answer: bytes, *, stored: bool) -> None:
    """With CAPTURE_POLICY=required it is the last byte. If the document has one byte only, an error
    can replace it.
    """
    machine = promised_json(replace(RULES, capture_required=True))
    INPUTS["answered with JSON"](machine)
    assert machine.piece(answer) == answer[:-1]
    assert machine.upstream_ended(cut_short=False) == ()
    assert machine.state is State.HOLDING
    if stored:
        assert machine.captures_stored().actions == (SendBody(answer[-1:]), EndBody())
    else:
        expected = [SendErrorObject, EndBody] if answer == b"0" else [Abort]
        assert kinds(machine.captures_failed().actions) == expected


# --- the client disconnects -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("drain", "received", "expected"),
    [(True, 1, Drain()), (True, 0, CancelUpstream()), (False, 1, CancelUpstream())],
)
def test_a_disconnect_within_the_response(
    *, drain: bool, received: int, expected: Drain | CancelUpstream
) -> None:
    """The response is read on for its usage, or the upstream is to stop."""
    machine = exchange_in(State.STREAMING, replace(RULES, drain=drain))
    assert machine.client_disconnected(received_bytes=received) == (expected,)
    assert machine.waits_for_recording or machine.state is State.DRAINING


def test_draining_is_bounded() -> None:
    """Nothing of it goes to the client; from `drain_bytes` on nothing is read."""
    machine = exchange_in(State.DRAINING, RULES)
    assert machine.piece(bytes(99)) == b""
    assert machine.piece(bytes(2)) == b""
    assert machine.piece(b"1") is None
    assert machine.upstream_ended(cut_short=True) == ()
    assert machine.recording_over(error_sent=False) == (Abort(),)


@pytest.mark.parametrize("end_received", [True, False])
def test_a_break_while_draining_is_noted(*, end_received: bool) -> None:
    """The failure is recorded unless the response came to its end; the client disconnected."""
    machine = exchange_in(State.DRAINING)
    assert machine.upstream_failed(ERROR, end_received=end_received) == ()
    error = api_errors.upstream_interrupted("broken")
    assert machine.require_conclusion().failure == (None if end_received else failure_of(error))


def test_disconnect_while_a_long_piece_is_filtered() -> None:
    """A long piece is filtered with pauses, in which others run."""
    machine = exchange_in(State.CALLING)
    machine.upstream_answered(200, SSE, is_stream=True, usage_requested=True)
    steps = machine.piece_steps(TEXT * 1000)
    next(steps)
    machine.client_disconnected(received_bytes=1)
    assert run_to_end(steps) == b""


# --- the end of a response that has to be stored -------------------------------------------------


def holding(*, error_frames: bool = True, within_event: bool = False) -> ExchangeMachine:
    """A stream whose [DONE] is held back."""
    rules = replace(RULES, capture_required=True, error_frames=error_frames)
    machine = exchange_in(State.STREAMING, rules)
    data = STOP + (b"data: 2\n" if within_event else b"")
    assert machine.piece(data + DONE) == data
    machine.upstream_ended(cut_short=False)
    assert (machine.state, machine.held_bytes) == (State.HOLDING, len(DONE))
    assert not machine.waits_for_recording
    return machine


def test_a_stored_response_gets_its_end() -> None:
    """The held-back bytes are sent, then the body's end."""
    end = holding().captures_stored()
    assert end.actions == (SendBody(DONE), EndBody())
    assert (end.conclusion, end.withheld_bytes) == (COMPLETED, None)


@pytest.mark.parametrize(
    ("error_frames", "within_event", "reported"),
    [(True, False, True), (True, True, False), (False, False, False)],
)
def test_an_unstored_response_never_looks_whole(
    *, error_frames: bool, within_event: bool, reported: bool
) -> None:
    """A frame in place of its end, or a connection that breaks."""
    machine = holding(error_frames=error_frames, within_event=within_event)
    error = api_errors.capture_unavailable()
    frame = (SendErrorFrame(error.body()), EndBody())
    end = machine.captures_failed()
    assert end.actions == (frame if reported else (Abort(),))
    assert end.conclusion.failure == failure_of(error)
    assert (end.withheld_bytes, end.answered_status) == (len(DONE), 200)


def test_a_disconnect_in_holding() -> None:
    """The outcome stays the same, whether the captures are stored later or fail."""
    for result in (ExchangeMachine.captures_stored, ExchangeMachine.captures_failed):
        machine = holding()
        assert machine.client_disconnected(received_bytes=9) == (Abort(),)
        end = result(machine)
        assert end.actions == ()
        assert (end.conclusion, end.withheld_bytes) == (DISCONNECTED, len(DONE))


def test_headers_that_were_held_back_are_not_sent() -> None:
    """A response without a body waits for its capture, so its client saw no status."""
    machine = exchange_in(State.CALLING, replace(RULES, capture_required=True))
    machine.upstream_answered(204, DOCUMENT, is_stream=False, usage_requested=False, bodiless=True)
    assert machine.client_disconnected(received_bytes=0) == (CancelUpstream(),)
    assert machine.answered_status is None


def test_one_error_is_enough() -> None:
    """An early response's stream that ended in an error frame gets no second one."""
    rules = replace(RULES, capture_required=True)
    machine = exchange_in(State.COLLECTING, rules)
    machine.piece(b"{}")
    machine.upstream_ended(cut_short=False)
    assert machine.captures_failed().actions == (EndBody(),)
    assert machine.require_conclusion().outcome is Outcome.REJECTED


# --- usage ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("usage_requested", [True, False])
@pytest.mark.parametrize("early", [True, False])
def test_the_requested_usage_chunk_is_removed(*, usage_requested: bool, early: bool) -> None:
    """Long pieces too."""
    machine = exchange_in(State.EARLY if early else State.CALLING)
    machine.upstream_answered(200, SSE, is_stream=True, usage_requested=usage_requested)
    expected = TEXT if usage_requested else TEXT + USAGE_CHUNK
    assert machine.drops_usage_chunk is usage_requested
    assert machine.piece(TEXT + USAGE_CHUNK) == expected
    assert run_to_end(machine.piece_steps((TEXT + USAGE_CHUNK) * 200)) == expected * 200


def test_the_error_names_input_and_state() -> None:
    """It is a bug that somebody will have to find."""
    with pytest.raises(ExchangeStateError, match="RECEIVING"):
        exchange_in(State.RECEIVING).piece(b"")
    with pytest.raises(ExchangeStateError, match="CALLING, EARLY"):
        exchange_in(State.STREAMING).upstream_answered(
            200, SSE, is_stream=True, usage_requested=False
        )
