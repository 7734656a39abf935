"""The storage calls of one exchange, from its first byte to its ledger entry, are exactly those of
the table in docs/reference/capacity.md.

Relay, enrichment and adapters are the real ones, in front of Azurite. What the Functions host does
for each message (Get Messages, Delete Message) the test does in its place.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import httpx
import pytest
from azure.storage.queue import TextBase64DecodePolicy
from azure.storage.queue.aio import QueueClient

from local.repository import ROOT
from shared.adapters.blobs.usage_claims import UsageClaims
from shared.adapters.queues.envelope_queue import GroupedEnvelopes
from shared.core.records.exchange.envelope import Envelope
from shared.core.records.queue.envelope_message import QUEUE
from shared.enrichment.assembly import Assembler
from shared.enrichment.message_handler import MessageHandler
from tests.integration.storage.counting_proxy import counting
from tests.integration.support.azurite import AzuriteAccount, sample_account
from tests.integration.support.event_deliveries import event_delivery
from tests.integration.support.exchanges import (
    MemoryQueue,
    MemoryStore,
    RelayClient,
    RelaySetup,
    ScriptedBody,
    document,
    event_of,
    relay_setup,
    sse,
)
from tests.integration.support.stores import FakeEventHub

pytestmark = pytest.mark.anyio

PAGE = ROOT / "docs" / "reference" / "capacity.md"
MB = 2**20
ASK = b'{"messages": [{"role": "user", "content": "hello"}]}'
LARGE_ASK = b'{"messages": [{"role": "user", "content": "%b"}]}' % (b"a" * (6 * MB))
LARGE_ANSWER = b'{"choices": [{"message": {"content": "%b"}}]}' % (b"b" * (9 * MB))
PIECE_BYTES = 64 * 1024
TEXT = event_of(choices=[{"index": 0, "delta": {"content": "hello"}}])


def in_pieces(body: bytes) -> list[bytes]:
    """The body in pieces, as the network delivers a large one."""
    return [body[at : at + PIECE_BYTES] for at in range(0, len(body), PIECE_BYTES)]


# The column of the table -> the request and what the upstream answers.
CASES: dict[str, tuple[bytes, httpx.Response | Exception]] = {
    "small call": (ASK, document(b'{"choices": [{"message": {"content": "hello"}}]}')),
    "small stream": (ASK, sse(TEXT, b"data: [DONE]\n\n")),
    "6 MB prompt, 9 MB answer": (
        LARGE_ASK,
        httpx.Response(
            200,
            headers={"content-type": "application/json"},
            stream=ScriptedBody(*in_pieces(LARGE_ANSWER)),
        ),
    ),
    "no response": (ASK, httpx.ConnectError("refused")),
}


class AzuriteStore(MemoryStore):
    """The captures in Azurite."""

    def __init__(self, account: AzuriteAccount) -> None:
        super().__init__()
        self._captures = account.captures

    async def put(self, name: str, parts: Sequence[bytes]) -> None:
        await self._captures.put(name, parts)

    async def stage(self, name: str, block: int, data: bytes) -> None:
        await self._captures.stage(name, block, data)

    async def commit(self, name: str, blocks: Sequence[int]) -> None:
        await self._captures.commit(name, blocks)


class AzuriteEnvelopes(MemoryQueue):
    """The queue in Azurite."""

    def __init__(self, account: AzuriteAccount) -> None:
        super().__init__()
        self._queue = GroupedEnvelopes(account.envelopes)

    async def put(self, envelope: Envelope) -> None:
        await self._queue.put(envelope)


def setup_of(account: AzuriteAccount, response: httpx.Response | Exception) -> RelaySetup:
    return relay_setup(
        response,
        store=AzuriteStore(account),
        envelopes=AzuriteEnvelopes(account),
        request_body_bytes=10 * MB,
    )


async def deliver_queued(account: AzuriteAccount) -> None:
    """Handle the messages of the queue as the Functions host and the function `enrichment` do."""
    claims = UsageClaims(account.json_blobs)
    enrichment = event_delivery(
        captures=account.captures,
        assemble=Assembler(None),
        claims=claims,
        event_hub=FakeEventHub(on_accepted=account.ledger.append_deliveries),
        ledger=account.ledger,
        dead_letters=account.dead_letters,
        erased_exchanges=account.erasure_marks,
    )
    handler = MessageHandler(enrichment.deliver, account.envelopes)
    queue = QueueClient.from_connection_string(
        account.connection_string, QUEUE, message_decode_policy=TextBase64DecodePolicy()
    )
    async with queue:
        async for message in queue.receive_messages(max_messages=1):
            await handler.handle(message.content.encode())
            await queue.delete_message(message)


def documented_calls(column: str) -> Counter[str]:
    """A column of the page's table: the calls and how often each is made."""
    section = PAGE.read_text("utf-8").partition("\n## Storage calls of one exchange\n")[2]
    table = re.search(r"^\| call \|.*?^\| sum \|.*?$", section, re.MULTILINE | re.DOTALL)
    assert table is not None
    head, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table[0].splitlines()
    ]
    at = head.index(column)
    *counts, total = [(row[0], int(row[at])) for row in rows]
    assert total[1] == sum(count for _, count in counts)
    return Counter({call: count for call, count in counts if count})


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # above 1 MB
@pytest.mark.parametrize("column", CASES)
async def test_an_exchange_makes_exactly_the_calls_of_the_table(azurite: str, column: str) -> None:
    request, response = CASES[column]
    async with counting(azurite) as (address, counts), sample_account(address) as account:
        setup = setup_of(account, response)
        await RelayClient(setup.relay, *in_pieces(request)).run()
        await setup.wait_until_recorded()
        await deliver_queued(account)
    del counts["Create Append Blob, ledger"]  # one for each hour and worker
    assert dict(counts) == dict(documented_calls(column))
