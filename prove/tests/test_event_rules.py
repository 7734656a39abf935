"""Rules for the content of an event, by what its client and the upstream saw."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from harness.chat import Chat
from prove.event_rules import Circumstances, ExchangeView, wrong_statements
from prove.observation import ClientObservation
from prove.upstream_calls import UpstreamRecord

_CHAT: Final = Chat(deployment="chat-1")
_USAGE: Final = {"total_tokens": 7}
_CLIENT: Final = ClientObservation(
    chat=_CHAT, exchange_id="1", status=200, whole=True, body_sha256="answer", content="Hi",
    usage=_USAGE,
)  # fmt: skip
_UPSTREAM: Final = UpstreamRecord(
    count=1, request_sha256="ask", response_sha256="answer", response_bytes=9, finished=True,
    started_at=0.0,
)  # fmt: skip
_VIEW: Final = ExchangeView(client=_CLIENT, upstream=_UPSTREAM)
_CUT_OFF: Final = ExchangeView(
    client=replace(_CLIENT, whole=False, body_sha256="part"), upstream=_UPSTREAM
)
_QUIET: Final = Circumstances()
_STOPPED: Final = Circumstances(stopped=True)
_STOPPED_REQUIRED: Final = Circumstances(policy="required", stopped=True)
_FAILED: Final = Circumstances(storage_failed=True)
_FAILED_REQUIRED: Final = Circumstances(policy="required", storage_failed=True)

_COMPLETED: Final[dict[str, Any]] = {
    "deployment": "chat-1", "stream": False, "prompt": _CHAT.messages, "outcome": "completed",
    "status_code": 200, "content": "Hi", "usage": _USAGE, "problems": [], "truncated": False,
    "request_capture": "1.request", "response_capture": "1.response", "request_sha256": "ask",
    "response_sha256": "answer", "response_bytes": 9, "sent_bytes": 9, "replayed": False,
}  # fmt: skip
_ABORTED: Final[dict[str, Any]] = _COMPLETED | {
    "outcome": "aborted", "status_code": None, "content": "", "usage": None,
    "response_capture": None, "response_sha256": None, "response_bytes": 0, "sent_bytes": 0,
}  # fmt: skip
_REJECTED: Final[dict[str, Any]] = _ABORTED | {"outcome": "rejected", "status_code": 200}
_DISCONNECTED: Final[dict[str, Any]] = _COMPLETED | {
    "outcome": "client_disconnected",
    "sent_bytes": 4,
}
_WITHOUT_CONTENT: Final[dict[str, Any]] = _COMPLETED | {
    "content": "", "response_capture": None, "response_sha256": None,
    "problems": ["the response's capture is missing: its content is not known"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("event", "view", "circumstances"),
    [
        pytest.param(_COMPLETED, _VIEW, _QUIET, id="completed"),
        pytest.param(_COMPLETED, _VIEW, _STOPPED_REQUIRED, id="completed, and a host was stopped"),
        pytest.param(_ABORTED, _CUT_OFF, _STOPPED, id="aborted, and cut off"),
        pytest.param(_ABORTED, _VIEW, _STOPPED, id="best_effort: aborted after the last byte"),
        pytest.param(_DISCONNECTED, _CUT_OFF, _STOPPED, id="cut off by the host's end"),
        pytest.param(_WITHOUT_CONTENT, _VIEW, _FAILED, id="storage took no capture"),
        pytest.param(_REJECTED, _CUT_OFF, _FAILED_REQUIRED, id="required: the end withheld"),
    ],
)
def test_an_event_may_report_what_happened(
    event: dict[str, Any], view: ExchangeView, circumstances: Circumstances
) -> None:
    assert wrong_statements([event], view, circumstances) == [[]]


_PART: Final[dict[str, Any]] = _ABORTED | {
    "prompt": None, "request_sha256": "part", "stream": not _CHAT.stream,
    "problems": ["the request's capture is partial: the instance was killed meanwhile"],
}  # fmt: skip
_UNSEEN: Final = ExchangeView(client=ClientObservation(chat=_CHAT), upstream=None)


@pytest.mark.parametrize(
    ("view", "circumstances", "right"),
    [
        pytest.param(_CUT_OFF, _STOPPED, True, id="best_effort, and the upstream had it"),
        pytest.param(_UNSEEN, _STOPPED_REQUIRED, True, id="required, and it never went upstream"),
        pytest.param(_CUT_OFF, _STOPPED_REQUIRED, False, id="required, and the upstream had it"),
        pytest.param(_CUT_OFF, _FAILED, False, id="nothing was stopped"),
    ],
)
def test_a_killed_instance_may_leave_a_part_of_the_prompt(
    view: ExchangeView, circumstances: Circumstances, right: bool
) -> None:
    (wrong,) = wrong_statements([_PART], view, circumstances)
    assert (wrong == []) is right


@pytest.mark.parametrize(
    ("event", "view", "circumstances"),
    [
        pytest.param(_ABORTED, _VIEW, _QUIET, id="aborted, and nothing was stopped"),
        pytest.param(_ABORTED, _VIEW, _STOPPED_REQUIRED, id="required: aborted, answer whole"),
        pytest.param(_DISCONNECTED, _VIEW, _STOPPED, id="disconnected, answer whole"),
        pytest.param(_REJECTED, _VIEW, _FAILED_REQUIRED, id="rejected, answer whole"),
        pytest.param(_REJECTED, _CUT_OFF, _FAILED, id="best_effort rejects nothing"),
        pytest.param(_WITHOUT_CONTENT, _VIEW, _QUIET, id="no capture, and storage was there"),
        pytest.param(
            _ABORTED | {"problems": ["the request's capture was altered"]},
            _CUT_OFF,
            _STOPPED,
            id="a capture that nobody altered",
        ),
        pytest.param(_COMPLETED | {"content": "Ho"}, _VIEW, _QUIET, id="content"),
        pytest.param(_COMPLETED | {"usage": None}, _VIEW, _QUIET, id="usage"),
        pytest.param(_COMPLETED | {"prompt": None}, _VIEW, _QUIET, id="prompt"),
        pytest.param(_COMPLETED | {"deployment": "chat-2"}, _VIEW, _QUIET, id="deployment"),
        pytest.param(_COMPLETED | {"status_code": 500}, _VIEW, _QUIET, id="status"),
        pytest.param(_COMPLETED | {"sent_bytes": 8}, _VIEW, _QUIET, id="sent_bytes"),
        pytest.param(_COMPLETED | {"response_sha256": "x"}, _VIEW, _QUIET, id="response digest"),
        pytest.param(_COMPLETED | {"request_sha256": "x"}, _VIEW, _QUIET, id="request digest"),
        pytest.param(
            _COMPLETED,
            replace(_VIEW, upstream=replace(_UPSTREAM, count=2)),
            _QUIET,
            id="called twice, and no attempts",
        ),
        pytest.param(
            _COMPLETED,
            replace(_CUT_OFF, upstream=replace(_UPSTREAM, finished=False)),
            _STOPPED,
            id="completed, and the upstream was broken off",
        ),
    ],
)
def test_anything_else_is_wrong(
    event: dict[str, Any], view: ExchangeView, circumstances: Circumstances
) -> None:
    (wrong,) = wrong_statements([event], view, circumstances)
    assert wrong


def test_every_event_is_held_against_the_first() -> None:
    """A true outcome after `aborted` is as wrong as the reverse; a replay may call itself one."""
    copies = [_COMPLETED, _COMPLETED | {"replayed": True}, _ABORTED, _COMPLETED | {"latency_ms": 1}]
    result = wrong_statements(copies, _CUT_OFF, _STOPPED)
    assert [bool(wrong) for wrong in result] == [False, False, True, True]
    assert any("outcome" in text for text in result[2])


def test_a_later_event_may_lack_what_storage_has_lost_since() -> None:
    """The members of its envelope must be equal."""
    without = _WITHOUT_CONTENT
    assert wrong_statements([_COMPLETED, without], _VIEW, _FAILED) == [[], []]
    _, wrong = wrong_statements([_COMPLETED, without | {"sent_bytes": 8}], _VIEW, _FAILED)
    assert "not as in the first event: sent_bytes" in wrong


def test_aborted_beside_the_true_outcome() -> None:
    """Aborted beside the true outcome is right only if storage forgot the capture."""
    copies = [_COMPLETED, _ABORTED]
    forgotten = replace(_FAILED, captures_forgotten=True)
    assert wrong_statements(copies, _VIEW, forgotten) == [[], []]
    _, wrong = wrong_statements(copies, _VIEW, _FAILED)
    assert wrong
