"""How a dependency misbehaves once it has accepted a connection."""

from __future__ import annotations

import asyncio
import enum
import itertools

from tests.integration.support.tiny_server import Connection

TRICKLE_INTERVAL_S = 0.05


class Misbehaviour(enum.Enum):
    SILENT = "takes everything and answers nothing"
    TRICKLING = "answers a byte now and then, without end"
    RESET = "breaks the connection off"


async def misbehave(
    connection: Connection, how: Misbehaviour, response: bytes = b"", *, reads: bool = True
) -> None:
    """Misbehave on one connection until the client closes it.

    `response` is the beginning of what a trickling server sends. Without `reads`, the server reads
    nothing.
    """
    match how:
        case Misbehaviour.RESET:
            connection.reset()
        case Misbehaviour.TRICKLING:
            trickling = asyncio.create_task(_trickle(connection, response))
            try:
                await _until_closed(connection, reads=reads)
            finally:
                trickling.cancel()
                await asyncio.wait({trickling})
        case Misbehaviour.SILENT:
            await _until_closed(connection, reads=reads)


async def _until_closed(connection: Connection, *, reads: bool) -> None:
    if reads:
        await connection.closed_by_client()
    else:
        await asyncio.Event().wait()  # ended with the server


async def _trickle(connection: Connection, response: bytes) -> None:
    for byte in itertools.chain(response, itertools.repeat(0x61)):
        await connection.say(bytes([byte]))
        await asyncio.sleep(TRICKLE_INTERVAL_S)
