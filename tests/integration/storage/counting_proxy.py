"""A proxy in front of Azurite that counts the storage calls by kind."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import AsyncIterator
from typing import Final

from tests.integration.support.tiny_server import Connection, copy, serving

# The first pattern that a request line matches names the call, in the words of the Storage REST
# reference. `\1` is the kind of the capture.
_KINDS: Final = (
    (r"PUT \S+/captures/\S+\.(\w+)\?\S*comp=block(?:&\S*)? ", r"Put Block, \1 capture"),
    (r"PUT \S+/captures/\S+\.(\w+)\?\S*comp=blocklist", r"Put Block List, \1 capture"),
    (r"PUT \S+/captures/\S+\.(\w+) ", r"Put Blob, \1 capture"),
    (r"GET \S+/captures/\S+\.(\w+) ", r"Get Blob, \1 capture"),
    (r"PUT \S+/ledger/entries/\S+comp=appendblock", "Append Block, ledger"),
    (r"PUT \S+/ledger/entries/\S+ ", "Create Append Blob, ledger"),
    (r"PUT \S+/ledger/usage/", "Put Blob, claim on usage"),
    (r"POST \S+/envelopes/messages\?", "Put Message, envelope"),
    (r"GET \S+/envelopes/messages\?", "Get Messages, envelope"),
    (r"DELETE \S+/envelopes/messages/", "Delete Message, envelope"),
)


@contextlib.asynccontextmanager
async def counting(connection_string: str) -> AsyncIterator[tuple[str, Counter[str]]]:
    """A connection string whose blob and queue calls are counted by kind, and the counts. A call of
    no kind counts under its request line.
    """
    counts: Counter[str] = Counter()
    async with contextlib.AsyncExitStack() as stack:
        for service in ("BlobEndpoint", "QueueEndpoint"):
            found = re.search(rf"{service}=http://127\.0\.0\.1:(\d+)", connection_string)
            assert found is not None
            server = await stack.enter_async_context(_proxy_to(int(found[1]), counts))
            counted = found[0].replace(found[1], str(server))
            connection_string = connection_string.replace(found[0], counted)
        yield connection_string, counts


@contextlib.asynccontextmanager
async def _proxy_to(port: int, counts: Counter[str]) -> AsyncIterator[int]:
    """A proxy in front of a port of this machine; gives its own port."""

    async def script(client: Connection) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        responses = asyncio.create_task(copy(reader, client.writer))
        try:
            while True:
                request = await client.request()
                counts[_kind(request)] += 1
                writer.write(request)
                await writer.drain()
        finally:
            writer.close()  # which ends the copying
            await asyncio.wait({responses})

    async with serving(script) as server:
        yield server.port


def _kind(request: bytes) -> str:
    line = request.partition(b"\r\n")[0].decode("latin-1")
    for pattern, kind in _KINDS:
        if found := re.match(pattern, line):
            return found.expand(kind)
    return line
