"""How long the relay's event loop is blocked by a 20 MB prompt while 50 streams run.

Counted in the loop's own CPU time: a loop that parsed the prompt in one step would spend all of
that time at once. Client, upstream and storage are in other processes. `python -m
bench.large_prompt` measures the streams' gaps from outside, on the whole stack, where everything
shares the machine.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator

import pytest

from bench.job import Job, JobResult
from harness.stand_in_process import CHAT, StandIn, running
from tests.integration.support.exchanges import MemoryStore
from tests.integration.support.loop_turns import loop_turns, parsed_json
from tests.integration.support.served_relay import ServedRelay, serve_relay

pytestmark = [pytest.mark.anyio, pytest.mark.no_cover, pytest.mark.thorough]
MB = 2**20
STREAMS, CHUNKS, CHUNK_MS = 50, 100, 20
# Sends its stdin some time after its start, and reads the response.
SEND = """
import sys, time, urllib.request
body = sys.stdin.buffer.read()
time.sleep(float(sys.argv[2]))
headers = {"content-type": "application/json", "x-stand-in": "chunks=3"}
urllib.request.urlopen(urllib.request.Request(sys.argv[1], body, headers), timeout=60).read()
"""


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandIn]:
    with running() as started:
        yield started


class DiscardingStore(MemoryStore):
    """A store that keeps nothing: another process does the work of a real one."""

    async def put(self, name: str, parts: object) -> None:
        pass

    async def stage(self, name: str, block: int, data: bytes) -> None:
        pass

    async def commit(self, name: str, blocks: object) -> None:
        pass


async def run_with_input(*command: str, stdin: bytes) -> bytes:
    """The output of a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    written, _ = await process.communicate(stdin)
    assert process.returncode == 0
    return written


async def streams(relay: ServedRelay) -> JobResult:
    """50 paced streams, read to their ends."""
    port = int(relay.url.rpartition(":")[2])
    job = Job(port=port, count=STREAMS, connections=STREAMS, chunks=CHUNKS, chunk_ms=CHUNK_MS)
    return JobResult.from_json(
        (await run_with_input("-m", "bench.load", stdin=job.to_json().encode())).decode()
    )


def sample_prompt(megabytes: int, *, of_objects: bool) -> bytes:
    """Escaped text in one message, or thousands of short messages."""
    if of_objects:
        message = {"role": "user", "content": 'He says "jump".\n'}
        return json.dumps({"messages": [message] * (megabytes * MB // 55), "stream": True}).encode()
    text = 'The quick brown fox says "jump" over the lazy dog.\n' * (megabytes * MB // 55)
    return json.dumps({"messages": [{"role": "user", "content": text}], "stream": True}).encode()


@pytest.mark.parametrize("of_objects", [False, True], ids=["one long text", "many messages"])
async def test_a_large_prompt_does_not_block_the_loop(
    stand_in: StandIn, *, of_objects: bool
) -> None:
    """Parsing the messages in place would take 170 to 200 ms (measured)."""
    prompt = sample_prompt(20, of_objects=of_objects)
    async with (
        serve_relay(stand_in, store=DiscardingStore()) as relay,
        loop_turns(pause_s=0.002, count_lines=False) as turns,
    ):
        with parsed_json() as lengths:
            sending = asyncio.create_task(
                run_with_input("-c", SEND, relay.url + CHAT, "1.0", stdin=prompt)
            )
            arrivals, _ = await asyncio.gather(streams(relay), sending)
            await relay.all_recorded()
    assert max(lengths) < MB
    assert turns.count > CHUNKS
    assert (arrivals.failures, arrivals.chunks) == ({}, STREAMS * CHUNKS)
