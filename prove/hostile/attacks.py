"""Attacks of hostile clients, by name.

`python -m prove.hostile.attacks NAME PORT SECONDS SCALE` repeats one, and prints how often which
answer came.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import random
import re
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from harness.hostile_requests import LAST_REQUEST, REQUESTS
from prove.hostile.upstream import BOMB_MB, bomb

_CHAT: Final = b"/openai/deployments/gpt-4o/chat/completions?api-version=1"
_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3})")
_LENGTH: Final = re.compile(rb"\r\ncontent-length: (\d+)\r\n")
_FEW_BYTES: Final = 4096  # of a reader's socket, which then reads nothing
_PATIENCE_S: Final = 20.0  # for an answer, after the attack has ended

BODIES: Final = "large bodies beyond the budget"
NO_ANSWER: Final = "no answer"  # the connection ended, or the attacker's patience


@dataclass(kw_only=True)
class Attack:
    """An attack under way."""

    port: int
    ends_at: float  # the loop's time
    scale: float  # of the number of connections
    answers: Counter[str] = field(default_factory=Counter)
    rng: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 - repeatable

    @property
    def goes_on(self) -> bool:
        """Whether there is time left."""
        return asyncio.get_running_loop().time() < self.ends_at

    async def over(self) -> None:
        """Returns when the time is over."""
        await asyncio.sleep(max(0.0, self.ends_at - asyncio.get_running_loop().time()))

    def times(self, count: int) -> range:
        """So many, by scale; one at the least."""
        return range(max(1, round(count * self.scale)))

    @contextlib.asynccontextmanager
    async def connection(
        self, receive_buffer_bytes: int = 0
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A connection to the app; the app may end it."""
        raw = socket.socket()
        raw.setblocking(False)  # noqa: FBT003 - the socket's own API
        if receive_buffer_bytes:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", self.port))
        reader, writer = await asyncio.open_connection(sock=raw, limit=2**20)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            yield reader, writer
        writer.close()

    async def answer(self, reader: asyncio.StreamReader, counted_as: str = "") -> None:
        """Read an answer to its end, or that of the connection, and count the status."""
        head = b""
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            async with asyncio.timeout(_PATIENCE_S):
                head = await reader.readuntil(b"\r\n\r\n")
                await self._rest(reader, head.lower())
        match = _STATUS.search(head)
        status = match[1].decode() if match else NO_ANSWER
        when = " with retry-after" if b"\r\nretry-after:" in head.lower() else ""
        self.answers[f"{counted_as}{status}{when}"] += 1

    async def _rest(self, reader: asyncio.StreamReader, head: bytes) -> None:
        length = _LENGTH.search(head)
        if length and b"\r\nconnection: close" not in head:
            await reader.readexactly(int(length[1]))
            return
        while await reader.read(2**16):
            pass

    async def exchange(self, request: bytes, counted_as: str = "") -> None:
        """Send a request, and count its answer."""
        async with self.connection() as (reader, writer):
            writer.write(request)
            with contextlib.suppress(OSError):
                await writer.drain()
            await self.answer(reader, counted_as)

    async def repeat(
        self, requests: Iterable[bytes], concurrency: int, counted_as: str = ""
    ) -> None:
        """Send these again and again until the time is over, some at once."""
        pool = list(requests)

        async def one(number: int) -> None:
            at = number
            while self.goes_on:
                await self.exchange(pool[at % len(pool)], counted_as)
                at += concurrency

        await asyncio.gather(*(one(number) for number in range(concurrency)))


def _post(body: bytes, headers: bytes = b"", target: bytes = _CHAT, length: int = -1) -> bytes:
    return (
        b"POST %b HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: application/json\r\n"
        b"%bContent-Length: %d\r\n\r\n%b"
    ) % (target, headers, len(body) if length < 0 else length, body)


def _get(behaviour: str, headers: bytes = b"") -> bytes:
    return (
        b"GET /openai/hostile/%b?api-version=1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%b\r\n"
        % (behaviour.encode(), headers)
    )


async def _malformed_requests(attack: Attack) -> None:
    quick = [request.data for request in REQUESTS if request.kind != "chunks that are none"]
    await attack.repeat([data + LAST_REQUEST for data in quick], 8)


async def _large_heads(attack: Attack) -> None:
    one = b"x-a: " + b"a" * 2**20 + b"\r\n"
    many = b"".join(b"x-%d: 1\r\n" % number for number in range(50_000))
    await attack.repeat([_get("stream", one), _get("stream", many)], 8)


async def _endless(attack: Attack, beginning: bytes, line: bytes, count: int) -> None:
    """Send a line again and again, until the app closes the connection or the time is over."""

    async def one() -> None:
        async with attack.connection() as (reader, writer):
            answered = asyncio.create_task(attack.answer(reader))
            writer.write(beginning)
            with contextlib.suppress(OSError):
                while attack.goes_on and not answered.done():
                    writer.write(line)
                    await writer.drain()
                    await asyncio.sleep(0)
            writer.close()
            await answered

    await asyncio.gather(*(one() for _ in attack.times(count)))


async def _slow_senders(attack: Attack) -> None:
    async def one() -> None:
        async with attack.connection() as (reader, writer):
            writer.write(_post(b"", length=2**20))
            while attack.goes_on:
                writer.write(b" ")
                await asyncio.sleep(0.2)
            writer.write_eof()
            attack.answers["bodies never sent whole"] += 1
            del reader

    await asyncio.gather(*(one() for _ in attack.times(200)))


async def _slow_readers(attack: Attack) -> None:
    async def one() -> None:
        async with attack.connection(_FEW_BYTES) as (_, writer):
            writer.write(_get("flood"))
            await attack.over()
            attack.answers["answers never read"] += 1

    await asyncio.gather(*(one() for _ in attack.times(50)))


async def _endless_streams(attack: Attack) -> None:
    async def one() -> None:
        async with attack.connection() as (reader, writer):
            writer.write(_get("flood"))
            received = 0
            while attack.goes_on and (piece := await reader.read(2**16)):
                received += len(piece)
            attack.answers["MB read of streams without an end"] += received // 2**20

    await asyncio.gather(*(one() for _ in attack.times(4)))


async def _short_bodies(attack: Attack) -> None:
    async def one() -> None:
        while attack.goes_on:
            async with attack.connection() as (reader, writer):
                writer.write(_post(b'{"messages":', length=1000))
                await writer.drain()
                writer.write_eof()
                await attack.answer(reader, "short: ")

    async def too_long() -> None:
        while attack.goes_on:
            await attack.exchange(_post(b'{"messages":[]}   ', length=15), "long: ")

    await asyncio.gather(*(one() for _ in range(4)), *(too_long() for _ in range(4)))


async def _request_bombs(attack: Attack) -> None:
    data = bomb(BOMB_MB)
    many = gzip.compress(b'{"messages":[' + b"{}," * 10_000_000 + b"{}]}")
    requests = [_post(body, b"Content-Encoding: gzip\r\n") for body in (data, many)]
    await attack.repeat(requests, 2)


async def _response_bombs(attack: Attack) -> None:
    codings = ("gzip", "br", "zstd")
    await attack.repeat([_get(coding, b"Accept-Encoding: gzip\r\n") for coding in codings], 2)


async def _deep(attack: Attack) -> None:
    bodies = (
        b'{"messages":' + b"[" * 2**20,
        b"[" * 5 * 2**20,
        b'{"a":' * 2**18,
        b'{"messages":[' + b"{}," * 2**20 + b'{}],"stream":true}',
        b'{"messages":["' + b"\\ud800" * 2**17 + b'"],"stream":true}',
        b'{"messages":["' + b"\xff\xfe\xc0\xaf" * 2**18 + b'"],"stream":true}',
    )
    requests = [_post(body) for body in bodies]
    await attack.repeat([*requests, _get("deep"), _get("not-utf-8")], 4)


async def _idle(attack: Attack) -> None:
    opened: list[socket.socket] = []
    for _ in attack.times(10_000):
        one = socket.socket()
        one.setblocking(False)  # noqa: FBT003 - the socket's own API
        try:
            await asyncio.get_running_loop().sock_connect(one, ("127.0.0.1", attack.port))
        except OSError:
            attack.answers["refused"] += 1
        opened.append(one)
    attack.answers["idle connections"] = len(opened)
    await attack.over()
    for one in opened:
        one.close()


async def _many_bodies(attack: Attack) -> None:
    """Callers who hold 8 MB each; the upstream answers after 3 s."""
    body = json.dumps({"messages": [{"role": "user", "content": "x" * 2**23}]}).encode()
    target = b"/openai/deployments/hold/chat/completions?api-version=1"
    # Without `Connection: close`: uvicorn resets a connection that it closes with bytes to read.
    request = _post(body, target=target).replace(b"Connection: close\r\n", b"")
    await asyncio.gather(*(attack.exchange(request) for _ in attack.times(60)))


async def _upstream_heads(attack: Attack) -> None:
    behaviours = ("headers", "header", "informational", "split")
    await attack.repeat([_get(name) for name in behaviours], 4)


async def _upstream_lies(attack: Attack) -> None:
    await attack.repeat([_get(name) for name in ("short", "long", "trailers")], 3)


async def _redirects(attack: Attack) -> None:
    await attack.repeat([_get("redirect")], 4, "redirect: ")


async def _cookies(attack: Attack) -> None:
    await attack.repeat([_get("cookie"), _get("stream", b"Cookie: who=caller\r\n")], 4)


async def _nothing(attack: Attack) -> None:
    await attack.over()


ATTACKS: Final[dict[str, Callable[[Attack], Awaitable[None]]]] = {
    "nothing": _nothing,
    "malformed requests": _malformed_requests,
    "heads of 1 MB": _large_heads,
    "heads without an end": lambda attack: _endless(
        attack, _get("stream")[:-2], b"x-a: " + b"a" * 1000 + b"\r\n", 20
    ),
    "a header without an end": lambda attack: _endless(
        attack, _get("stream")[:-2] + b"x-a: ", b"a" * 1000, 20
    ),
    "slow senders": _slow_senders,
    "readers that stop": _slow_readers,
    "streams without an end": _endless_streams,
    "bodies shorter or longer than announced": _short_bodies,
    "compressed requests of 1 GB": _request_bombs,
    "compressed responses of 1 GB": _response_bombs,
    "deep and wide JSON, no UTF-8": _deep,
    "idle connections": _idle,
    BODIES: _many_bodies,
    "response heads without an end": _upstream_heads,
    "responses shorter or longer than announced": _upstream_lies,
    "redirects": _redirects,
    "cookies": _cookies,
}


async def _main(name: str, port: int, seconds: float, scale: float) -> None:
    ends_at = asyncio.get_running_loop().time() + seconds
    attack = Attack(port=port, ends_at=ends_at, scale=scale)
    await ATTACKS[name](attack)
    print(json.dumps(attack.answers))


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])))
