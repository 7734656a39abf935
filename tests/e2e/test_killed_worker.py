"""kill -9 of the process that runs the functions."""

from __future__ import annotations

import os
import signal

import psutil  # type: ignore[import-untyped]  # psutil ships no types

from local.stack import Stack
from tests.e2e.support.chat import Chat
from tests.e2e.support.event_log import EventLog
from tests.e2e.support.waiting import until
from tests.e2e.support.wire import Answer

SECONDS = 10  # in which a new worker has to serve


def test_a_killed_worker_is_replaced(strained: Stack) -> None:
    """The host has a new one within seconds and the next call succeeds; what was recorded before is delivered by it."""
    before = Chat(stream=True).ask(strained)
    worker = worker_of(strained)
    os.kill(worker, signal.SIGKILL)
    after = until(lambda: whole_answer(strained), "an answer after the kill", within_s=SECONDS)
    assert worker_of(strained) != worker
    with EventLog(strained) as events:
        events.all_of([before.exchange_id, after.exchange_id], within_s=60)


def test_a_stream_that_dies_with_its_worker_does_not_look_complete(strained: Stack) -> None:
    """The client sees a broken connection, never the end of a response."""
    with Chat(stream=True, directives="chunk_ms=50; chunks=1000").begin(strained) as call:
        assert call.piece() is not None
        os.kill(worker_of(strained), signal.SIGKILL)
        answer = call.rest()
    assert not answer.whole
    assert b"[DONE]" not in answer.body
    until(lambda: whole_answer(strained), "an answer after the kill", within_s=SECONDS)


def whole_answer(stack: Stack) -> Answer | None:
    """An answer of the proxy; None while it has none to give."""
    try:
        answer = Chat(stream=True).ask(stack)
    except (OSError, AssertionError):  # refused, reset, or closed without an answer
        return None
    return answer if answer.status == 200 and answer.whole else None


def worker_of(stack: Stack) -> int:
    """The process that runs the function code, whatever the host."""
    commands = {
        pid: " ".join(psutil.Process(pid).cmdline())
        for pid in stack.parts["functions_host"].descendants()
        if psutil.pid_exists(pid)
    }
    found = [pid for pid, command in commands.items() if "local.functions_host.worker" in command or "worker.py" in command]
    assert len(found) == 1, commands
    return found[0]
