"""Following background responses: each becomes one exchange, whatever fails or comes twice."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.sample_envelope import EXCHANGE_ID, sample_envelope
from harness.schema import valid
from shared.adapters.queues.follow_up_queue import FollowUpQueue
from shared.core.event import builder, shape
from shared.core.records.exchange import capture
from shared.core.records.exchange.capture import Capture, CaptureStream
from shared.core.records.exchange.envelope import Caller, Envelope
from shared.core.records.exchange.exchange_id import started_at
from shared.core.records.exchange.outcome import Outcome
from shared.core.records.queue import follow_up as follow_ups
from shared.core.records.queue.follow_up import QUEUE, FollowUp
from shared.core.wire.content_mode import ContentMode
from shared.core.wire.http.fetched_response import FetchedResponse
from shared.enrichment.assembly import IN_PLACE_BYTES, Assembler
from shared.errors import StorageError, UpstreamError, UpstreamUnreachable
from shared.following.followed_envelope import FetchResult
from shared.following.followed_exchanges import FollowedExchanges
from shared.following.follower import BATCH_SIZE, Follower
from shared.http.exchange_ids import fresh_exchange_id
from tests.integration.support.azurite import AzuriteAccount, InstanceKilled, sample_account
from tests.integration.support.stores import FakeEventHub, MemoryStores

pytestmark = pytest.mark.anyio

TEXT = "the answer stays private 41bd"
USAGE = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
ALREADY_DUE = 0.001  # as the first wait: the queue rounds it to no wait at all
OPEN_S = 1620.0


def response(status: str, **changes: Any) -> FetchedResponse:
    """The upstream's response to a poll of a background response."""
    done = status in {"completed", "incomplete"}
    output = [{"type": "message", "content": [{"type": "output_text", "text": TEXT}]}]
    usual = {
        "id": "resp_1",
        "object": "response",
        "status": status,
        "background": True,
        "model": "gpt-5",
        "output": output if done else [],
        "usage": USAGE if done else None,
    }
    return answer(200, json.dumps(usual | changes).encode())


def answer(
    status: int, body: bytes = b'{"error": {"code": "c"}}', **headers: str
) -> FetchedResponse:
    raw = {"content-type": "application/json", "x-ms-region": "Sweden Central"} | headers
    return FetchedResponse(
        status=status,
        headers=[(name.replace("_", "-").encode(), value.encode()) for name, value in raw.items()],
        body=body,
        to_headers_ms=20.0,
        to_end_ms=21.5,
    )


@dataclass
class Upstream:
    """Gives its results one after the other, and repeats the last one."""

    results: list[FetchResult]
    targets: list[bytes] = field(default_factory=list)

    async def get(self, target: bytes) -> FetchedResponse:
        self.targets.append(target)
        result = self.results[min(len(self.targets), len(self.results)) - 1]
        if isinstance(result, UpstreamError):
            raise result
        return result


@dataclass
class Setup:
    """A follower with its queue and captures in Azurite, and an upstream of the test's own."""

    account: AzuriteAccount
    upstream: Upstream
    exchanges: FollowedExchanges
    follower: Follower
    queue: FollowUpQueue

    async def run_until(self, done: Callable[[], bool], within_s: float = 30) -> None:
        """Let the timer fire until something holds."""
        async with asyncio.timeout(within_s):
            while not done():
                await self.follower.run()
                await asyncio.sleep(0.05)

    async def recorded_exchanges(self) -> list[tuple[Envelope, dict[str, Any]]]:
        """The queued envelopes, with the event of each."""
        exchanges = []
        for envelope in await self.account.take_queued():
            stored = await self.account.captures.get(envelope.response_capture)
            assert not isinstance(stored, CaptureStream)
            event = json.loads(shape.dump(builder.build(envelope, None, stored, None)))
            exchanges.append((envelope, valid(event)))
        return exchanges

    async def waiting(self) -> int:
        """The number of messages on the queue, including the hidden ones."""
        properties = await self.account.storage.queue(QUEUE).get_queue_properties()
        return properties.approximate_message_count or 0


@contextlib.asynccontextmanager
async def sample_setup(
    connection_string: str,
    *results: FetchResult,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> AsyncIterator[Setup]:
    async with sample_account(connection_string) as account:
        await account.storage.queue(QUEUE).clear_messages()
        await account.take_queued()
        upstream, queue = Upstream(list(results)), FollowUpQueue(account.storage)
        exchanges = FollowedExchanges(
            captures=account.captures,
            envelopes=account.envelopes,
            marks=account.json_blobs,
            erased_exchanges=account.erasure_marks,
            new_exchange_id=fresh_exchange_id,
            open_s=OPEN_S,
        )
        yield Setup(
            account,
            upstream,
            exchanges,
            Follower(
                upstream=upstream,
                queue=queue,
                record=exchanges.record,
                first_wait_s=ALREADY_DUE,
                now=now,
            ),
            queue,
        )


def sample_follow_up(**changes: Any) -> FollowUp:
    """The follow-up of a response that was created just now."""
    now = datetime.now(UTC)
    envelope = sample_envelope(
        operation="responses",
        path="/openai/v1/responses",
        api_version=None,
        started_at=now.isoformat(),
        deployment="gpt-5",
        caller=Caller(team="blue"),
    )
    follow_up = follow_ups.of_create(envelope, f"resp_{uuid.uuid4().hex}")
    assert follow_up is not None
    return replace(follow_up, created_at=now.isoformat(), **changes)


async def test_a_response_is_polled_until_it_has_ended(azurite: str) -> None:
    """Then one exchange records its end, for the caller whose call created it."""
    async with sample_setup(
        azurite, response("queued"), answer(503), response("in_progress"), response("completed")
    ) as setup:
        follow_up = sample_follow_up()
        await setup.follower.begin(follow_up)
        await setup.run_until(lambda: len(setup.upstream.targets) >= 4)
        ((envelope, event),) = await setup.recorded_exchanges()
        assert await setup.waiting() == 0
    assert setup.upstream.targets == [f"/openai/v1/responses/{follow_up.response_id}".encode()] * 4
    assert (event["operation"], event["type"], event["outcome"]) == (
        "responses.followed",
        "completion",
        "completed",
    )
    assert (event["content"], event["usage"], event["usage_repeated"]) == (TEXT, USAGE, False)
    assert (event["create_exchange_id"], event["caller"]) == (
        follow_up.create_exchange_id,
        {"team": "blue"},
    )
    assert (event["deployment"], event["region"], event["latency_ms"]) == (
        "gpt-5",
        "Sweden Central",
        22,
    )
    assert event["problems"] == []
    assert datetime.now(UTC) - started_at(envelope.exchange_id) < timedelta(minutes=1)


@pytest.mark.parametrize("status", ["failed", "cancelled", "incomplete"])
async def test_any_end_is_recorded(azurite: str, status: str) -> None:
    changes = {"error": {"code": "server_error", "message": "m"}} if status == "failed" else {}
    async with sample_setup(azurite, response(status, **changes)) as setup:
        await setup.follower.begin(sample_follow_up())
        await setup.run_until(lambda: bool(setup.upstream.targets))
        ((_, event),) = await setup.recorded_exchanges()
    assert event["response_status"] == status
    assert event["outcome"] == ("upstream_error" if status == "failed" else "completed")
    assert event["quantities"]["basis"] == ("usage" if event["usage"] else "unknown")


async def test_without_content_nothing_of_the_answer_is_stored(azurite: str) -> None:
    """The exchange has the content mode of the call that created the response."""
    async with sample_setup(azurite, response("completed")) as setup:
        await setup.follower.begin(sample_follow_up(content_mode=ContentMode.METADATA))
        await setup.run_until(lambda: bool(setup.upstream.targets))
        ((envelope, event),) = await setup.recorded_exchanges()
        stored = await setup.account.small_capture(envelope.response_capture)
    assert stored.body == b""
    assert TEXT not in json.dumps([dict(stored.header), event])
    assert (event["content"], event["usage"], event["content_mode"]) == ("", USAGE, "metadata")
    assert (event["response_status"], event["background"]) == ("completed", True)


async def test_a_response_that_is_queued_twice_is_recorded_once(azurite: str) -> None:
    """The event of a create call may be delivered twice, and each delivery queues a follow-up."""
    async with sample_setup(azurite, response("completed")) as setup:
        follow_up = sample_follow_up()
        for _ in range(3):
            await setup.follower.begin(follow_up)
        await setup.run_until(lambda: len(setup.upstream.targets) == 3)
        assert len(await setup.recorded_exchanges()) == 1
        assert await setup.waiting() == 0


async def test_the_next_attempt_takes_over_an_exchange(azurite: str) -> None:
    """If an instance is killed before the capture is stored, the next attempt takes over the id. If
    it is killed after that, reconcile delivers the capture, and nothing else is recorded.
    """
    async with sample_setup(azurite, response("completed")) as setup:
        follow_up, now = sample_follow_up(), datetime.now(UTC)
        result = await setup.upstream.get(b"")
        ids = [fresh_exchange_id() for _ in range(3)]
        killed = FollowedExchanges(
            captures=DyingCaptures(),
            envelopes=setup.account.envelopes,
            marks=setup.account.json_blobs,
            erased_exchanges=setup.account.erasure_marks,
            new_exchange_id=lambda: ids[0],
            open_s=OPEN_S,
        )
        with pytest.raises(InstanceKilled):
            await killed.record(follow_up, result, now)
        killed_later = FollowedExchanges(
            captures=setup.account.captures,
            envelopes=DyingEnvelopes(),
            marks=setup.account.json_blobs,
            erased_exchanges=setup.account.erasure_marks,
            new_exchange_id=lambda: ids[1],
            open_s=OPEN_S,
        )
        with pytest.raises(InstanceKilled):
            await killed_later.record(follow_up, result, now)
        assert await setup.account.captures.exists(capture.response_name(ids[0]))
        assert not await setup.exchanges.record(follow_up, result, now)
        assert await setup.recorded_exchanges() == []


async def test_an_id_whose_hour_is_judged_is_not_taken_over(azurite: str) -> None:
    """Reconcile would never look for its capture."""
    async with sample_setup(azurite, response("completed")) as setup:
        follow_up, old = sample_follow_up(), fresh_exchange_id()
        later = started_at(old) + timedelta(seconds=OPEN_S)
        killed = FollowedExchanges(
            captures=DyingCaptures(),
            envelopes=setup.account.envelopes,
            marks=setup.account.json_blobs,
            erased_exchanges=setup.account.erasure_marks,
            new_exchange_id=lambda: old,
            open_s=OPEN_S,
        )
        with pytest.raises(InstanceKilled):
            await killed.record(follow_up, await setup.upstream.get(b""), later)
        assert await setup.exchanges.record(follow_up, await setup.upstream.get(b""), later)
        assert not await setup.exchanges.record(follow_up, await setup.upstream.get(b""), later)
        ((envelope, _),) = await setup.recorded_exchanges()
    assert envelope.exchange_id != old


async def test_what_an_operator_erased_is_not_recorded_again(azurite: str) -> None:
    """The end is not recorded if the call that created the response was erased, nor once the
    followed exchange is erased.
    """
    async with sample_setup(azurite, response("completed")) as setup:
        now, result = datetime.now(UTC), await setup.upstream.get(b"")
        marks, erased = setup.account.erasure_marks, fresh_exchange_id()
        await marks.mark_erased(erased, None)
        created = sample_follow_up(create_exchange_id=erased)
        assert not await setup.exchanges.record(created, result, now)
        other = sample_follow_up(create_exchange_id=fresh_exchange_id())
        assert await setup.exchanges.record(other, result, now)
        ((envelope, _),) = await setup.recorded_exchanges()
        await setup.account.captures.erase(envelope.response_capture or "")
        await marks.mark_erased(envelope.exchange_id, None)
        assert not await setup.exchanges.record(other, result, now)
        assert await setup.recorded_exchanges() == []


@pytest.mark.parametrize(
    ("result", "poll_count", "reason", "outcome", "code"),
    [
        (answer(401), 1, "rejected", Outcome.UPSTREAM_ERROR, "c"),
        (answer(404), 3, "missing", Outcome.UPSTREAM_ERROR, "c"),
    ],
    ids=["rejected", "missing"],
)
async def test_an_end_without_an_answer_has_its_event_and_its_line(
    azurite: str,
    caplog: pytest.LogCaptureFixture,
    result: FetchResult,
    poll_count: int,
    reason: str,
    outcome: Outcome,
    code: str,
) -> None:
    """An operator can see why the response is not followed any more."""
    async with sample_setup(azurite, result) as setup:
        follow_up = sample_follow_up()
        await setup.follower.begin(follow_up)
        await setup.run_until(lambda: reason in caplog.text)
        ((envelope, event),) = await setup.recorded_exchanges()
    assert len(setup.upstream.targets) == poll_count
    assert (envelope.outcome, event["type"], event["error"]["code"]) == (outcome, "error", code)
    assert event["quantities"]["basis"] == "unknown"
    assert (
        f"exchange {follow_up.create_exchange_id} created is not followed any more" in caplog.text
    )


async def test_an_upstream_that_stays_away_for_a_day_is_recorded(azurite: str) -> None:
    """Without a response there is an outcome capture, as for any other exchange."""
    unreachable = UpstreamUnreachable("Azure OpenAI could not be reached.")
    tomorrow = datetime.now(UTC) + timedelta(days=1, minutes=1)
    async with sample_setup(azurite, unreachable, now=lambda: tomorrow) as setup:
        await setup.follower.begin(sample_follow_up())
        await setup.run_until(lambda: bool(setup.upstream.targets))
        ((envelope, event),) = await setup.recorded_exchanges()
        stored = await setup.account.captures.header(capture.outcome_name(envelope.exchange_id))
    assert stored["envelope"]["create_exchange_id"] == envelope.create_exchange_id
    assert (event["outcome"], event["error"]["code"]) == ("upstream_error", "upstream_unreachable")
    assert event["quantities"]["basis"] == "unknown"


async def test_a_busy_upstream_is_not_polled(azurite: str) -> None:
    """A 429 ends the run, and its pause holds for every response that is due."""
    async with sample_setup(azurite, answer(429, retry_after="30")) as setup:
        await asyncio.gather(*(setup.follower.begin(sample_follow_up()) for _ in range(40)))
        for _ in range(3):
            await setup.follower.run()
        assert len(setup.upstream.targets) == BATCH_SIZE
        assert await setup.waiting() == 40


async def test_storage_that_fails_leaves_the_message(
    azurite: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It becomes visible again later. After so many failures that it can never succeed, it is
    removed.
    """
    async with sample_setup(azurite, response("completed")) as setup:
        setup.follower = Follower(
            upstream=setup.upstream,
            queue=setup.queue,
            record=refuse_to_record,
            first_wait_s=ALREADY_DUE,
            visibility_timeout_s=1,
            max_failures=2,
        )
        await setup.follower.begin(sample_follow_up())
        await setup.run_until(lambda: len(setup.upstream.targets) == 2)
        assert "could not be followed now: storage refused" in caplog.text
        assert await setup.waiting() == 1
        await setup.run_until(lambda: "its message failed 2 times" in caplog.text)
        assert await setup.waiting() == 0
    assert len(setup.upstream.targets) == 2


async def test_another_message_is_discarded(azurite: str, caplog: pytest.LogCaptureFixture) -> None:
    async with sample_setup(azurite, response("completed")) as setup:
        await setup.account.storage.direct.put_message(QUEUE, '{"hello": "there"}', 0)
        await setup.follower.run()
        assert await setup.waiting() == 0
    assert "A message of the queue of follow-ups is discarded" in caplog.text
    assert "there" not in caplog.text


async def test_a_missing_queue_costs_no_event(
    azurite: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Enrichment would otherwise deliver the create call's event for ever."""
    async with sample_setup(azurite, response("completed")) as setup:
        client = setup.account.storage.queue(QUEUE)
        await client.delete_queue()
        try:
            await setup.follower.begin(sample_follow_up())
        finally:
            await client.create_queue()
    assert "is not followed any more: " in caplog.text


class DyingCaptures:
    """The instance dies before a capture is stored."""

    async def put(self, name: str, parts: object) -> None:
        raise InstanceKilled

    async def put_if_absent(self, name: str, data: bytes) -> None:
        raise AssertionError("the response is stored with `put`")

    async def exists(self, name: str) -> bool:
        raise AssertionError("the mark is new")

    async def header(self, name: str) -> dict[str, Any]:
        raise AssertionError("no header is read")


class DyingEnvelopes:
    """The instance dies before an envelope is queued."""

    async def put(self, envelope: Envelope) -> None:
        raise InstanceKilled


async def refuse_to_record(follow_up: FollowUp, result: FetchResult, polled_at: datetime) -> bool:
    """Storage refuses every call."""
    raise StorageError("storage refused: 503")


@dataclass
class FollowUps:
    """The responses to follow, or a failure instead. None begins before its event is accepted."""

    event_hub: FakeEventHub
    items: list[FollowUp] = field(default_factory=list)
    failure: Exception | None = None

    async def begin(self, follow_up: FollowUp) -> None:
        if self.failure is not None:
            raise self.failure
        assert self.event_hub.sent
        self.items.append(follow_up)


class EnrichedCreates:
    """Enrichment of create calls in memory."""

    def __init__(self, failure: Exception | None = None) -> None:
        """`failure` is that of the queue of follow-ups."""
        self.stores = MemoryStores()
        self.follow_ups = FollowUps(self.stores.event_hub, failure=failure)

    async def deliver(
        self, document: FetchedResponse, *, follows: bool = True, **changes: Any
    ) -> None:
        """Deliver the event of a call that was answered with this document."""
        usual = {"operation": "responses", "path": "/openai/v1/responses", "stream": False}
        usual |= {"request_bytes": 0, "request_capture": None, "response_capture": "r"}
        headers = {"headers": {"content-type": "application/json"}}
        self.stores.captures.stored["r"] = Capture(header=headers, body=document.body)
        enrichment = self.stores.delivery(
            Assembler(None), begin_follow_up=self.follow_ups.begin if follows else None
        )
        await enrichment.deliver(sample_envelope(**usual | changes))


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("", ContentMode.FULL),
        ("", ContentMode.REDACTED),
        ("x" * 2 * IN_PLACE_BYTES, ContentMode.FULL),
    ],
    ids=["in place", "redacted", "in a child"],
)
async def test_a_background_response_is_followed(text: str, mode: ContentMode) -> None:
    """The app follows it once the event of its create call is accepted."""
    creates = EnrichedCreates()
    await creates.deliver(response("queued", instructions=text), content_mode=mode)
    (follow_up,) = creates.follow_ups.items
    assert (follow_up.response_id, follow_up.create_exchange_id, follow_up.content_mode) == (
        "resp_1",
        EXCHANGE_ID,
        mode,
    )


@pytest.mark.parametrize(
    ("document", "changes"),
    [
        (response("completed"), {}),  # its create call was streamed to the end
        (response("queued", background=False), {}),
        (response("queued"), {"operation": "responses.get"}),
        (response("queued"), {"replayed": True}),
        (response("queued"), {"follows": False}),
    ],
    ids=["ended", "in the foreground", "a poll", "a replay", "switched off"],
)
async def test_nothing_else_is_followed(document: FetchedResponse, changes: dict[str, Any]) -> None:
    creates = EnrichedCreates()
    await creates.deliver(document, **changes)
    assert len(creates.stores.event_hub.sent) == 1
    assert creates.follow_ups.items == []


async def test_a_follow_up_that_cannot_be_queued_fails_the_delivery() -> None:
    """The queue delivers the create call's message again; a second event is better than a response
    that nobody follows.
    """
    creates = EnrichedCreates(failure=StorageError("storage refused: 503"))
    with pytest.raises(StorageError):
        await creates.deliver(response("queued"))
