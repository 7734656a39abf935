"""The load generator, a process of its own: `python -m bench.load` reads a Job from stdin and
writes its JobResult to stdout.

It uses raw asyncio protocols, to take little of the CPU that it shares with the measured processes.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Final, cast

from bench.http_response import ResponseReader, problem
from bench.job import Job, JobResult

_HOST: Final = "127.0.0.1"
_PATH: Final = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"
# A prompt of about 1 KB.
_MESSAGES: Final = [
    {"role": "system", "content": "You are a careful assistant. " * 10},
    {"role": "user", "content": "Tell me about harbours, rivers and light. " * 16},
]
# of a stream besides its content chunks: prompt filter, role, finish, usage, [DONE]
_OTHER_EVENTS: Final = 5
_WORDS: Final = 100  # of a JSON response


class BenchConnection(asyncio.Protocol):
    """A persistent connection, with one exchange at a time."""

    def __init__(self) -> None:
        self._reader = ResponseReader()
        self._whole: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._reader.feed(data, time.perf_counter()) and self._whole and not self._whole.done():
            self._whole.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._whole and not self._whole.done():
            self._whole.set_exception(exc or ConnectionError("closed within an answer"))

    @property
    def is_closed(self) -> bool:
        return self._transport.is_closing()

    async def exchange(self, request: bytes) -> tuple[float, ResponseReader]:
        """Make an exchange; return when the request was written, and the response.

        Raises OSError if the connection breaks.
        """
        self._reader = ResponseReader()
        self._whole = asyncio.get_running_loop().create_future()
        if self.is_closed:
            raise ConnectionError("closed between two exchanges")
        sent_at = time.perf_counter()
        self._transport.write(request)
        await self._whole
        return sent_at, self._reader

    def close(self) -> None:
        self._transport.close()


class Load:
    """A running job: its connections, and the results of its exchanges."""

    def __init__(self, job: Job) -> None:
        self.result = JobResult()
        self._job = job
        self._request = request_of(job)
        self._answers: list[ResponseReader] = []
        self._broken: Counter[str] = Counter()
        self._connections: list[BenchConnection] = []

    async def run(self) -> JobResult:
        """Run the job."""
        for _ in range(self._job.connections):
            await self._connect()
        started = time.perf_counter()
        await (self._at_a_rate() if self._job.calls_per_s else self._in_turns())
        self.result.seconds = time.perf_counter() - started
        self.result.cpu_s = time.process_time()
        for connection in self._connections:
            connection.close()
        self._check()
        return self.result

    async def _connect(self) -> BenchConnection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(BenchConnection, _HOST, self._job.port)
        self._connections.append(connection)
        return connection

    async def _in_turns(self) -> None:
        turns = iter(range(self._job.count))
        await asyncio.gather(*(self._work(connection, turns) for connection in self._connections))

    async def _work(self, connection: BenchConnection, turns: Iterator[int]) -> None:
        for _ in turns:
            if not await self._exchange(connection):
                return
            if self._job.pause_ms:
                await asyncio.sleep(self._job.pause_ms / 1000)

    async def _at_a_rate(self) -> None:
        """Begin an exchange at each tick, on a free connection or a new one."""
        free, started = list(self._connections), time.perf_counter()

        async def begin() -> None:
            while free and free[-1].is_closed:  # idle for too long
                free.pop()
            connection = free.pop() if free else await self._connect()
            if await self._exchange(connection):
                free.append(connection)

        async with asyncio.TaskGroup() as exchanges:
            for number in range(self._job.count):
                due = started + number / (self._job.calls_per_s or 1)
                await asyncio.sleep(due - time.perf_counter())
                exchanges.create_task(begin())

    async def _exchange(self, connection: BenchConnection) -> bool:
        """Whether the connection can be used again."""
        try:
            sent_at, response = await connection.exchange(self._request)
        except OSError as error:
            self._broken[f"{type(error).__name__}: {error}"] += 1
            return False
        self.result.first_byte_ms.append(((response.first_byte_at or sent_at) - sent_at) * 1000)
        self._answers.append(response)
        return True

    def _check(self) -> None:
        for response in self._answers:
            found = problem(response, self._job.chunks)
            if found:
                self._broken[found] += 1
            else:
                self.result.chunks += self._job.chunks or 0
        self.result.failures = dict(self._broken)


def request_of(job: Job) -> bytes:
    """The bytes of the request that all exchanges of the job send."""
    words = _WORDS if job.chunks is None else job.chunks - _OTHER_EVENTS
    body = {"messages": _MESSAGES}
    if job.chunks is not None:
        body |= {"stream": True, "stream_options": {"include_usage": True}}  # type: ignore[dict-item]
    payload = json.dumps(body).encode()
    lines = [
        f"POST {_PATH} HTTP/1.1",
        f"host: {_HOST}:{job.port}",
        "content-type: application/json",
        f"content-length: {len(payload)}",
        "api-key: caller",
        "accept: application/json",
        "user-agent: fnsse-bench",
        f"x-stand-in: chunks={words}; chunk_ms={job.chunk_ms}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + payload


def main() -> None:
    """Run the job on stdin."""
    print(asyncio.run(Load(Job.from_json(sys.stdin.read())).run()).to_json())


if __name__ == "__main__":
    main()
