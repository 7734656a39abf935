"""A TCP proxy that passes everything on until a test lets it misbehave."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tests.integration.support.misbehaviour import Misbehaviour, misbehave
from tests.integration.support.tiny_server import Connection, TinyServer, copy, serving


@dataclass
class Proxy:
    """The behaviour of the proxy from now on, for open connections and for new ones."""

    server: TinyServer
    open_ones: Misbehaviour | None = None
    new_ones: Misbehaviour | None = None
    passed: list[Connection] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def port(self) -> int:
        return self.server.port

    def set(self, *, open_ones: Misbehaviour | None, new_ones: Misbehaviour | None) -> None:
        self.open_ones, self.new_ones = open_ones, new_ones
        self.changed.set()


@contextlib.asynccontextmanager
async def proxy_to(port: int) -> AsyncIterator[Proxy]:
    """A proxy in front of a port of this machine."""

    async def script(client: Connection) -> None:
        if proxy.new_ones is not None:
            await misbehave(client, proxy.new_ones)
            return
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        upward = asyncio.create_task(copy(client.reader, writer))
        downward = asyncio.create_task(copy(reader, client.writer))
        misbehaviour = asyncio.create_task(_until_misbehaviour())
        try:
            await asyncio.wait(
                {upward, downward, misbehaviour}, return_when=asyncio.FIRST_COMPLETED
            )
            if proxy.open_ones is not None:
                downward.cancel()
                upward.cancel()
                await asyncio.wait({upward, downward})
                await misbehave(client, proxy.open_ones)
        finally:
            for task in (upward, downward, misbehaviour):
                task.cancel()
            await asyncio.wait({upward, downward, misbehaviour})
            writer.close()

    async def _until_misbehaviour() -> None:
        while proxy.open_ones is None:
            proxy.changed.clear()
            await proxy.changed.wait()

    async with serving(script) as server:
        proxy = Proxy(server)
        yield proxy
