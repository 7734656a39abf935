"""The usage of a background response is counted once, whichever exchanges carry it and in whatever
order.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from harness.sample_envelope import sample_envelope
from shared.adapters.blobs.json_blobs import JsonBlobs
from shared.adapters.blobs.usage_claims import UsageClaims
from shared.adapters.storage.account import StorageAccount
from shared.core.event import usage_claim
from shared.core.event.usage_claim import Claim
from shared.core.records.exchange.capture import Capture
from shared.core.records.exchange.envelope import Envelope, mark_replayed
from shared.enrichment.assembled_event import AssembledEvent
from shared.enrichment.assembly import IN_PLACE_BYTES, Assembler
from shared.errors import DeliveryError, EventRejected, EventTooLarge
from tests.integration.support.azurite import (
    sample_account,
    sample_id,
    sample_storage,
    sample_window,
)
from tests.integration.support.stores import MemoryStores

pytestmark = pytest.mark.anyio
USAGE = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}


class CountingAssembler(Assembler):
    """Counts what it assembles."""

    assembled = 0

    async def __call__(self, *exchange: Any, **named: Any) -> AssembledEvent:
        self.assembled += 1
        return await super().__call__(*exchange, **named)


class UsageClaimSetup:
    """Enrichment of captures in memory, with claims in storage."""

    def __init__(self, storage: StorageAccount) -> None:
        self.assembler = CountingAssembler(None)
        self.stores = MemoryStores()
        claims = UsageClaims(JsonBlobs(storage))
        self.preparation = self.stores.preparation(self.assembler, claims=claims)
        self.deliver = self.stores.delivery(self.assembler, claims=claims).deliver

    @property
    def sent_events(self) -> list[dict[str, Any]]:
        """The events that the Event Hub accepted."""
        return self.stores.event_hub.events

    @property
    def dead_lettered(self) -> list[str]:
        return [exchange_id for exchange_id, _ in self.stores.dead_letters.entries]

    def add_answer(
        self,
        operation: str,
        response: dict[str, Any],
        *,
        stream: bool = False,
        **changes: Any,
    ) -> Envelope:
        """An exchange that got this response, within an event if it was a stream."""
        exchange_id = sample_id(sample_window())
        document = {"type": "response.completed", "response": response} if stream else response
        text = json.dumps(document).encode()
        body = b"event: response.completed\ndata: " + text + b"\n\n" if stream else text
        kind = "text/event-stream" if stream else "application/json"
        self.stores.captures.stored[exchange_id] = Capture(
            header={"headers": {"content-type": kind}}, body=body
        )
        return sample_envelope(
            exchange_id=exchange_id,
            operation=operation,
            stream=stream,
            request_bytes=0,
            response_bytes=len(body),
            request_capture=None,
            response_capture=exchange_id,
            **changes,
        )

    async def fails(self, envelope: Envelope, failure: Exception) -> None:
        """Deliver the envelope while the Event Hub does not accept its event."""
        self.stores.event_hub.failure = failure
        with contextlib.suppress(DeliveryError):
            await self.deliver(envelope)
        self.stores.event_hub.failure = None

    async def enrich(self, envelopes: Sequence[Envelope]) -> list[bool]:
        """Deliver the envelopes one after another, and return `usage_repeated` of each event."""
        for envelope in envelopes:
            await self.deliver(envelope)
        return [event["usage_repeated"] for event in self.sent_events[-len(envelopes) :]]


def sample_response(text: str = "hi", **changes: Any) -> dict[str, Any]:
    usual = {
        "object": "response",
        "id": f"resp_{uuid.uuid4().hex}",
        "background": True,
        "status": "completed",
        "usage": USAGE,
    }
    output = [{"type": "message", "content": [{"type": "output_text", "text": text}]}]
    return usual | {"model": "m", "output": output} | changes


async def test_one_poll_counts_the_usage_of_a_response(azurite: str) -> None:
    """The create call and early polls carry no usage; of the polls that carry it, the first counts
    it.
    """
    async with sample_account(azurite) as account:
        setup, done = UsageClaimSetup(account.storage), sample_response()
        early = done | {"usage": None, "output": []}
        exchanges = [
            setup.add_answer("responses", early | {"status": "queued"}),
            setup.add_answer("responses.get", early | {"status": "in_progress"}),
            *(setup.add_answer("responses.get", done) for _ in range(3)),
        ]
        assert await setup.enrich(exchanges) == [False, False, False, True, True]
    assert [event["usage"] for event in setup.sent_events] == [None, None, USAGE, USAGE, USAGE]
    assert [event["background"] for event in setup.sent_events] == [True] * 5
    assert setup.assembler.assembled == 5


@pytest.mark.parametrize("text", ["m", "x" * 2 * IN_PLACE_BYTES], ids=["in place", "in a child"])
@pytest.mark.parametrize("polled", [True, False], ids=["polled before", "nobody polled"])
async def test_a_followed_response_that_was_deleted(azurite: str, text: str, polled: bool) -> None:
    """Its usage is not known, unless a caller who polled it to the end and deleted it counts that.
    Looking for such a claim makes none.
    """
    async with sample_account(azurite) as account:
        setup, done = UsageClaimSetup(account.storage), sample_response()
        deleted = setup.add_answer(
            "responses.followed",
            {"error": {"code": "not_found", "message": text}},
            method="GET",
            path=f"/openai/v1/responses/{done['id']}",
            status_code=404,
            upstream_status_code=404,
        )
        poll = setup.add_answer("responses.get", done)
        assert await setup.enrich([poll, deleted] if polled else [deleted, poll]) == (
            [False, True] if polled else [False, False]
        )
    bases = {event["operation"]: event["quantities"]["basis"] for event in setup.sent_events}
    expected = "repeated" if polled else "unknown"
    assert bases == {"responses.get": "usage", "responses.followed": expected}


@pytest.mark.parametrize("text", ["hi", "x" * 2 * IN_PLACE_BYTES], ids=["in place", "in a child"])
async def test_a_second_delivery_and_a_replay_agree(azurite: str, text: str) -> None:
    """A claim belongs to its exchange permanently, so a second delivery and a replay repeat the
    event.
    """
    async with sample_account(azurite) as account:
        setup, done = UsageClaimSetup(account.storage), sample_response(text)
        first, second = (setup.add_answer("responses.get", done) for _ in range(2))
        assert await setup.enrich([first, second]) == [False, True]
        assert await setup.enrich([second, first, mark_replayed(first), mark_replayed(second)]) == [
            True,
            False,
            False,
            True,
        ]


async def test_a_stream_and_later_gets(azurite: str) -> None:
    """Exactly one of them counts the usage, whichever is enriched first."""
    async with sample_account(azurite) as account:
        setup = UsageClaimSetup(account.storage)
        for late in (False, True):
            done = sample_response()
            stream = setup.add_answer("responses", done, stream=True)
            gets = [
                setup.add_answer("responses.get", done),
                setup.add_answer("responses.get", done, stream=True),
            ]
            repeated_flags = await setup.enrich([*gets, stream] if late else [stream, *gets])
            assert repeated_flags == [False, True, True]


async def test_polls_that_are_enriched_at_once(azurite: str) -> None:
    """Storage decides between any number of workers, and one poll counts the usage."""
    async with sample_account(azurite) as account, sample_account(azurite) as other:
        setups = [UsageClaimSetup(account.storage), UsageClaimSetup(other.storage)]
        done = sample_response()
        polls = [
            (setup, setup.add_answer("responses.get", done)) for setup in setups for _ in range(10)
        ]
        await asyncio.gather(*(setup.deliver(envelope) for setup, envelope in polls))
    events = [event for setup in setups for event in setup.sent_events]
    assert sorted(event["usage_repeated"] for event in events) == [False] + [True] * 19


async def test_an_undelivered_event_releases_its_claim(azurite: str) -> None:
    """A dead-lettered exchange, one that is rejected repeatedly, and one that was only examined
    keep no claim.
    """
    async with sample_account(azurite) as account:
        setup, done = UsageClaimSetup(account.storage), sample_response()
        large, refused, first, second = (setup.add_answer("responses.get", done) for _ in range(4))
        await setup.fails(large, EventTooLarge("too large"))
        assert setup.dead_lettered == [large.exchange_id]
        for _ in range(3):
            await setup.fails(refused, EventRejected("not-allowed"))
            assert await setup.preparation.undeliverable_reason(refused) is None
        assert await setup.enrich([first, second]) == [False, True]
        assert await setup.enrich([refused, large]) == [True, True], (
            "after a fix, too, it is counted once"
        )
        assert setup.dead_lettered == [large.exchange_id]


async def test_a_claim_of_a_perhaps_accepted_event(azurite: str) -> None:
    """It is kept. The response was lost, and then the Event Hub refused it, or a message that came
    twice.
    """
    async with sample_account(azurite) as account:
        setup, done = UsageClaimSetup(account.storage), sample_response()
        first, second = (setup.add_answer("responses.get", done) for _ in range(2))
        await setup.fails(first, DeliveryError("no answer"))
        await setup.fails(first, EventRejected("not-allowed"))
        assert await setup.preparation.undeliverable_reason(first) is None
        assert await setup.enrich([second, first]) == [True, False]


async def test_a_batch_counts_once_however_often_it_is_read(azurite: str) -> None:
    """It counts at its own tier, from the first read after its end; a batch that runs counts
    nothing.
    """
    batch = {
        "id": f"batch_{uuid.uuid4().hex}",
        "object": "batch",
        "status": "in_progress",
        "model": "gpt-4o",
        "usage": USAGE,
        "errors": {"object": "list", "data": []},
        "request_counts": {"total": 2, "completed": 1, "failed": 1},
    }
    async with sample_account(azurite) as account:
        setup, done = UsageClaimSetup(account.storage), batch | {"status": "completed"}
        polls = [setup.add_answer("batches.get", state) for state in (batch, done, done)]
        assert await setup.enrich(polls) == [False, False, True]
        assert await setup.enrich([polls[2], mark_replayed(polls[1])]) == [True, False]
    assert [event["usage"] for event in setup.sent_events] == [None, *[USAGE] * 4]
    assert [event["quantities"]["basis"] for event in setup.sent_events[:3]] == [
        "nothing",
        "usage",
        "repeated",
    ]
    assert {event["quantities"]["service_tier"] for event in setup.sent_events} == {"batch"}
    assert {event["type"] for event in setup.sent_events} == {"batch"}


async def test_a_batch_that_reports_no_usage_is_unknown_once(azurite: str) -> None:
    """The first read after its end says so; a batch without results costs nothing."""
    batch = {
        "id": f"batch_{uuid.uuid4().hex}",
        "object": "batch",
        "status": "completed",
        "request_counts": {"total": 2, "completed": 2, "failed": 0},
    }
    failed = batch | {
        "id": f"batch_{uuid.uuid4().hex}",
        "request_counts": {"total": 2, "completed": 0, "failed": 2},
    }
    async with sample_account(azurite) as account:
        setup = UsageClaimSetup(account.storage)
        reads = [
            setup.add_answer("batches.get", answer, method="GET")
            for answer in (batch, batch, failed)
        ]
        assert await setup.enrich(reads) == [False, True, False]
        assert await setup.enrich(reads[1::-1]) == [True, False]
    bases = [event["quantities"]["basis"] for event in setup.sent_events]
    assert bases == ["unknown", "repeated", "nothing", "repeated", "unknown"]


async def test_foreground_responses_are_not_claimed(azurite: str) -> None:
    """Their create call counts them, so nothing has to be stored."""
    async with sample_account(azurite) as account:
        setup, done = UsageClaimSetup(account.storage), sample_response(background=False)
        before = await claims_in(account.storage)
        exchanges = [setup.add_answer("responses.get", done), setup.add_answer("responses", done)]
        assert await setup.enrich(exchanges) == [True, False]
        assert await claims_in(account.storage) == before


@pytest.mark.parametrize(
    "found",
    [None, {}, {"exchange_id": None}, {"exchange_id": 7}],
    ids=["released meanwhile", "empty", "null", "a number"],
)
async def test_a_claim_without_a_known_holder(
    found: dict[str, Any] | None,
) -> None:
    """It is another exchange's. Nobody is called None: an exchange of no known id would have
    counted the usage.
    """

    class TakenClaims(JsonBlobs):
        async def put_if_absent(self, name: str, fields: Mapping[str, Any]) -> bool:
            return False

        async def get(self, name: str) -> dict[str, Any] | None:
            return found

    claims = UsageClaims(TakenClaims(sample_storage("")))  # which nothing calls
    claim = await claims.claim("resp_1", "the exchange")
    assert claim == Claim(response_id="resp_1", holder="", new=False)
    assert usage_claim.belongs_to_another("the exchange", claim.holder)


async def test_a_claim_holds_no_more_than_an_exchange_id(azurite: str) -> None:
    """Its name hides the response's id, however that looks."""
    storage = sample_storage(azurite)
    claims, holder = UsageClaims(JsonBlobs(storage)), sample_id(sample_window())
    try:
        for odd in ("../../x", "a/b?c#d", "ž" * 2000, "", "\ud800"):
            assert await claims.claim(odd, holder) == Claim(
                response_id=odd, holder=holder, new=True
            )
            assert await claims.claim(odd, sample_id(sample_window())) == Claim(
                response_id=odd, holder=holder, new=False
            )
        names = await claims_in(storage)
        assert all(len(name) == len("usage/") + 64 for name in names)
        (exchange_id,) = (await JsonBlobs(storage).get(sorted(names)[0]) or {}).values()
        uuid.UUID(exchange_id)
    finally:
        await storage.aclose()


async def claims_in(storage: StorageAccount) -> set[str]:
    container = storage.blobs.get_container_client("ledger")
    return {name async for name in container.list_blob_names(name_starts_with="usage/")}
