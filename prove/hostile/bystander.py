"""A client that means well, while others do not: what it waits for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from prove.hostile.upstream import CHUNK_S, CHUNKS, DONE, EVENT

STREAMS: Final = 3  # at once
_PROBE_S: Final = 0.05
_WHOLE: Final = EVENT * (CHUNKS - 1) + DONE
_TIMEOUT: Final = aiohttp.ClientTimeout(total=60)


@dataclass(kw_only=True)
class Waits:
    """The times that bystanders waited, in ms."""

    first_bytes: list[float] = field(default_factory=list)  # of a stream
    gaps: list[float] = field(default_factory=list)  # between two chunks, beyond the upstream's own
    probes: list[float] = field(default_factory=list)  # GET /health
    broken: list[str] = field(default_factory=list)  # what did not come whole
    streams: int = 0  # that came whole


def most(values: list[float]) -> float:
    """The largest value, 0 if there is none."""
    return round(max(values, default=0.0), 1)


def middle(values: list[float]) -> float:
    """The median, 0 if there is none."""
    return round(sorted(values)[len(values) // 2], 1) if values else 0.0


async def bystand(url: str, ended: asyncio.Event) -> Waits:
    """Stream and probe until `ended` is set; each stream runs to its end."""
    waits = Waits()
    async with aiohttp.ClientSession(
        url, timeout=_TIMEOUT, connector=aiohttp.TCPConnector(limit=0)
    ) as session:
        await asyncio.gather(
            *(_repeat(_stream, session, waits, ended) for _ in range(STREAMS)),
            _repeat(_probe, session, waits, ended),
        )
    return waits


type _Call = Callable[[aiohttp.ClientSession, Waits], Awaitable[None]]


async def _repeat(
    call: _Call, session: aiohttp.ClientSession, waits: Waits, ended: asyncio.Event
) -> None:
    while not ended.is_set():
        try:
            await call(session, waits)
        except (aiohttp.ClientError, TimeoutError) as error:
            waits.broken.append(type(error).__name__)


async def _stream(session: aiohttp.ClientSession, waits: Waits) -> None:
    started_at = last = time.perf_counter()
    received = bytearray()
    gap = 0.0
    async with session.get("/openai/hostile/stream?api-version=1") as response:
        async for data, _ in response.content.iter_chunks():
            now = time.perf_counter()
            if not received:
                waits.first_bytes.append((now - started_at) * 1000)
            else:
                gap = max(gap, now - last - CHUNK_S)
            received += data
            last = now
        waits.gaps.append(gap * 1000)
        if bytes(received) == _WHOLE:
            waits.streams += 1
        else:
            waits.broken.append(f"{response.status}, {len(received)} bytes")


async def _probe(session: aiohttp.ClientSession, waits: Waits) -> None:
    """The app answers from its event loop alone, so the answer waits while anything holds it."""
    started_at = time.perf_counter()
    async with session.get("/health") as response:
        await response.read()
        if response.status != 200:
            waits.broken.append(f"/health: {response.status}")
    waits.probes.append((time.perf_counter() - started_at) * 1000)
    await asyncio.sleep(_PROBE_S)
