"""While something is down no event is lost, and nothing private lies about meanwhile."""

from __future__ import annotations

import json
import time
import urllib.request
from collections import Counter

from harness import envelope_queue, privacy
from harness.chat import Chat, content_of
from harness.event_log import EventLog
from local.stack import Stack
from tests.e2e.conftest import STRAINED_VISIBILITY_TIMEOUT_S


def test_nothing_is_lost_while_the_event_hub_is_down(strained_stack: Stack) -> None:
    """Clients notice nothing. Each envelope is tried again every visibilityTimeout, not in a burst,
    holds nothing private, and becomes an event after the Event Hub's return.
    """
    strained_stack.parts["event_hubs"].kill()
    down_at = time.monotonic()
    chats = [
        Chat(stream=number % 2 == 0, directives="status=500" if number == 5 else "")
        for number in range(6)
    ]
    responses = [chat.ask(strained_stack) for chat in chats]
    assert [response.status for response in responses] == [200, 200, 200, 200, 200, 500]
    ids = [response.exchange_id for response in responses]
    waiting = envelope_queue.wait_until_tried(strained_stack, ids)
    down_s = time.monotonic() - down_at
    for envelope in waiting.values():
        privacy.check(envelope.text, strained_stack, "a queue message")
        assert len(envelope.text) < 8 * 1024
        assert envelope.tries <= 1 + down_s / STRAINED_VISIBILITY_TIMEOUT_S

    strained_stack.parts["event_hubs"].start()
    with EventLog(strained_stack) as events:
        arrived = events.all_of(ids)
    contents = {event["exchange_id"]: event["content"] for event in arrived}
    assert [contents[response.exchange_id] for response in responses[:5]] == [
        content_of(response.body) for response in responses[:5]
    ]
    with envelope_queue.queue(strained_stack, "envelopes-poison") as poison:
        assert poison.get_queue_properties().approximate_message_count == 0


def test_an_event_hub_that_refuses_completes_no_message(strained_stack: Stack) -> None:
    """An envelope leaves the queue only after the Event Hub accepts its event; a rejected event
    arrives exactly once later.
    """
    with EventLog(strained_stack) as events:
        set_mode(strained_stack, "reject")
        ids = [Chat(stream=True).ask(strained_stack).exchange_id for _ in range(3)]
        envelope_queue.wait_until_tried(strained_stack, ids)
        assert [events.count(exchange_id=exchange_id) for exchange_id in ids] == [0, 0, 0]
        set_mode(strained_stack, "accept")
        events.all_of(ids)
        envelope_queue.wait_until_empty(strained_stack)
        assert Counter(event["exchange_id"] for event in events.all_of(ids)) == dict.fromkeys(
            ids, 1
        )


def set_mode(stack: Stack, mode: str) -> None:
    """Set how the Event Hubs emulator treats publications: accept, reject or stall."""
    data = json.dumps({"mode": mode}).encode()
    request = urllib.request.Request(  # noqa: S310 - http to this machine
        f"{stack.event_hubs_control_url}/behaviour", data, method="PUT"
    )
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310 - http
        pass
