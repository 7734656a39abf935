"""When an exchange is recorded: never in the way of a byte, and before the response ends."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import replace

from harness import upstream_record
from harness.chat import Chat
from harness.event_log import EventLog
from harness.waiting import poll_until
from local.stack import FunctionsHost, Stack
from local.stack.ports import free_ports
from local.stack.storage import connection_string
from tests.e2e.conftest import STRAINED_RECORDING_WAIT_S


def test_only_the_terminator_waits_for_recording(strained_stack: Stack) -> None:
    """With a store that does not answer the client still has everything at once; only a stream's
    terminator, which holds no byte of the response, takes RECORDING_WAIT_MS, and comes although the
    store still does not answer. A response with content-length has none and ends sooner. What could
    not be stored then is stored as soon as the store answers.
    """
    chat, sized_chat = Chat(stream=True), Chat()
    with store_stalled(strained_stack):
        with chat.begin(strained_stack) as call:
            while not call.response().body.endswith(b"data: [DONE]\n\n"):
                assert call.piece() is not None
            response = call.rest()
        sized = sized_chat.ask(strained_stack)
    # From the upstream's last write, which no delay of this reader changes.
    ended_s = response.ended_at - written_at(strained_stack, chat)
    assert response.whole
    assert response.ended_at - response.pieces[-1].at > ended_s / 2
    assert ended_s >= STRAINED_RECORDING_WAIT_S
    assert sized.whole
    assert sized.ended_at - written_at(strained_stack, sized_chat) < ended_s
    with EventLog(strained_stack) as events:
        for exchange_id in (response.exchange_id, sized.exchange_id):
            assert events.one(exchange_id=exchange_id)["outcome"] == "completed"


def written_at(stack: Stack, chat: Chat) -> float:
    """The time at which the upstream had written its whole response."""
    return upstream_record.only_request(stack, deployment=chat.deployment).write_times[-1]


def test_a_failure_after_the_end_of_the_response_is_printed(
    functions_host: FunctionsHost,
) -> None:
    """A failed recording is logged although the response, which does not wait for it, has ended and
    the host drops lines logged after an invocation.
    """
    ports = free_ports()
    nobody = replace(ports, blob=ports.event_hubs)  # this part is not started
    settings = {"CAPTURES_STORAGE": connection_string(nobody)}
    parts = {"azurite", "azure_openai", "functions_host"}
    with Stack(functions_host=functions_host, settings=settings, ports=ports, only=parts) as stack:
        response = Chat().ask(stack)
        line = f"ERROR: The response capture of exchange {response.exchange_id} could not be stored"
        poll_until(
            lambda: line in stack.parts["functions_host"].output(),
            "the line that says so",
            within_s=30,
        )
    assert response.whole


@contextlib.contextmanager
def store_stalled(stack: Stack) -> Iterator[None]:
    """Storage keeps its connections and answers nothing."""
    os.kill(stack.parts["azurite"].pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(stack.parts["azurite"].pid, signal.SIGCONT)
