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

from bench.http_response import ResponseReader, fault
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

    async def exchange(self, request: bytes) -> tuple[float, ResponseReader]:
        """Make an exchange; return when the request was written, and the response.

        Raises OSError if the connection breaks.
        """
        self._reader = ResponseReader()
        self._whole = asyncio.get_running_loop().create_future()
        if self._transport.is_closing():
            raise ConnectionError("closed between two exchanges")
        sent_at = time.perf_counter()
        self._transport.write(request)
        await self._whole
        return sent_at, self._reader

    def close(self) -> None:
        self._transport.close()


async def run(job: Job) -> JobResult:
    """Run the job."""
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(BenchConnection, _HOST, job.port)
        for _ in range(job.connections)
    ]
    connections = [connection for _, connection in opened]
    request, turns = request_of(job), iter(range(job.count))
    result, answers = JobResult(), list[ResponseReader]()
    broken: Counter[str] = Counter()
    started = time.perf_counter()
    await asyncio.gather(
        *(
            _work(connection, turns, request, job, result, answers, broken)
            for connection in connections
        )
    )
    result.seconds = time.perf_counter() - started
    result.cpu_s = time.process_time()
    for connection in connections:
        connection.close()
    _check(answers, job, result, broken)
    return result


async def _work(
    connection: BenchConnection,
    turns: Iterator[int],
    request: bytes,
    job: Job,
    result: JobResult,
    answers: list[ResponseReader],
    broken: Counter[str],
) -> None:
    for _ in turns:
        try:
            sent_at, response = await connection.exchange(request)
        except OSError as error:
            broken[f"{type(error).__name__}: {error}"] += 1
            return
        result.first_byte_ms.append(((response.first_byte_at or sent_at) - sent_at) * 1000)
        answers.append(response)
        if job.pause_ms:
            await asyncio.sleep(job.pause_ms / 1000)


def _check(
    answers: list[ResponseReader], job: Job, result: JobResult, broken: Counter[str]
) -> None:
    for answer in answers:
        wrong = fault(answer, job.chunks)
        if wrong:
            broken[wrong] += 1
        else:
            result.chunks += job.chunks or 0
    result.failures = dict(broken)


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
    print(asyncio.run(run(Job.from_json(sys.stdin.read()))).to_json())


if __name__ == "__main__":
    main()
