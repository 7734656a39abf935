"""Following a background response that nobody reads, on both hosts."""

from __future__ import annotations

from openai import OpenAI

from harness import upstream_record
from harness.chat import PROMPT, new_deployment
from harness.event_log import EventLog
from harness.waiting import poll_until
from local.stack import Stack

# A message that was in hand when the host was killed is hidden for two minutes, and the real host's
# timers stand still until the lease of the one before has ended.
RECOVERY_S = 240


def test_an_unread_response_has_its_event(
    strained_stack: Stack,
) -> None:
    """Although the host is killed meanwhile, exactly one event says how the response ended, and
    counts its usage; a client that comes late repeats it.
    """
    deployment = new_deployment()
    address = f"{strained_stack.proxy_url}/openai/v1/"
    with (
        EventLog(strained_stack) as events,
        OpenAI(base_url=address, api_key="k", max_retries=10) as client,
    ):
        created = client.responses.with_raw_response.create(
            model=f"{deployment}--background_ms=6000", input=PROMPT, background=True
        )
        response, create_id = created.parse(), created.headers["x-exchange-id"]
        assert events.one(exchange_id=create_id)["response_status"] == "queued"
        poll_until(lambda: polls(strained_stack, response.id), "the app polls it")
        host = strained_stack.parts["functions_host"]
        host.kill()
        host.start()
        followed = events.one(
            response_id=response.id, operation="responses.followed", within_s=RECOVERY_S
        )
        polled = client.responses.with_raw_response.retrieve(response.id)
        repeated = events.one(exchange_id=polled.headers["x-exchange-id"])
        assert events.count(create_exchange_id=create_id) == 1
    assert (followed["create_exchange_id"], followed["response_status"]) == (create_id, "completed")
    assert (followed["usage_repeated"], repeated["usage_repeated"]) == (False, True)
    assert followed["usage"] == repeated["usage"]
    assert followed["usage"]["total_tokens"] > 0
    assert followed["content"] == polled.parse().output_text


def polls(stack: Stack, response_id: str) -> int:
    """The number of polls of the response that reached the upstream."""
    path = f"/openai/v1/responses/{response_id}"
    return sum(request.path == path for request in upstream_record.requests(stack))
