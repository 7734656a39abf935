"""kill -9 of the process that runs the functions."""

from __future__ import annotations

import contextlib
import os
import signal

import h11
import psutil

from harness.chat import Chat
from harness.event_log import EventLog
from harness.http_client import ReceivedResponse
from harness.waiting import poll_until
from local.stack import Stack

SECONDS = 30  # in which a new worker has to serve


def test_a_killed_worker_is_replaced(strained_stack: Stack) -> None:
    """The host has a new one within seconds; the next call succeeds, and so does the delivery of
    its event.

    A stream that dies with its worker does not look complete: the client sees a broken connection,
    never the end of a response. One kill for all of this: the real host gives up after three.
    """
    worker = worker_of(strained_stack)
    with Chat(stream=True, directives="chunk_ms=50; chunks=1000").begin(strained_stack) as call:
        assert call.piece() is not None
        os.kill(worker, signal.SIGKILL)
        broken = call.rest()
    after = poll_until(
        lambda: whole_answer(strained_stack), "an answer after the kill", within_s=SECONDS
    )
    assert not broken.whole
    assert b"[DONE]" not in broken.body
    assert worker_of(strained_stack) != worker
    with EventLog(strained_stack) as events:
        assert events.one(exchange_id=after.exchange_id)["outcome"] == "completed"


def whole_answer(stack: Stack) -> ReceivedResponse | None:
    """A response of the proxy; None while it has none to give."""
    try:
        response = Chat(stream=True).ask(stack)
    except (OSError, AssertionError, h11.RemoteProtocolError):
        # refused, reset, or closed without a response
        return None
    return response if response.status == 200 and response.whole else None


def worker_of(stack: Stack) -> int:
    """The process that runs the function code, on either host."""
    commands = {}
    for pid in stack.parts["functions_host"].descendants():
        # it ended meanwhile, or its parent has not waited for it yet
        with contextlib.suppress(psutil.Error):
            commands[pid] = " ".join(psutil.Process(pid).cmdline())
    found = [
        pid
        for pid, command in commands.items()
        if "emulators.functions_host.worker" in command or "worker.py" in command
    ]
    assert len(found) == 1, commands
    return found[0]
