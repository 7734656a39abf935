"""`python -m bench.large_prompt`: how long other streams stall while a large prompt passes through
the same worker.

It reads paced streams, once alone and once during a chat prompt of 20 MB. The figure is the longest
gap between two pieces of any stream.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from statistics import quantiles
from typing import Final
from urllib.parse import urlsplit

from local.stack import FunctionsHost, Stack

_TARGET: Final = "/openai/deployments/{}/chat/completions?api-version=2024-10-21"
_PACE_MS: Final = 20


@dataclass(frozen=True, kw_only=True)
class Gaps:
    """Milliseconds between two pieces of a stream, for all streams together."""

    p50: float
    p99: float
    longest: float


def main() -> int:
    """Print a line for each round. Returns the exit code 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.large_prompt", description=__doc__)
    parser.add_argument("--functions-host", choices=["embedded", "func"], default="embedded")
    parser.add_argument("--streams", type=int, default=50)
    parser.add_argument("--megabytes", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    host: FunctionsHost = options.functions_host
    with Stack(functions_host=host) as stack:
        measure(stack, streams=5, megabytes=1)  # warm
        for number in range(options.rounds):
            for megabytes in (0, options.megabytes):
                print(
                    f"round {number + 1}, beside {megabytes:3} MB: {format_gaps(measure(stack, options.streams, megabytes))}"
                )
                sys.stdout.flush()
    return 0


def format_gaps(gaps: Gaps) -> str:
    """A line of the output for one measurement."""
    return f"gaps p50 {gaps.p50:.1f} ms, p99 {gaps.p99:.1f} ms, longest {gaps.longest:.1f} ms (the pace is {_PACE_MS} ms)"


def measure(stack: Stack, streams: int, megabytes: int, chunks: int = 200) -> Gaps:
    """Run the streams and, during them, the prompt; 0 MB: no prompt."""
    prompt = threading.Thread(target=_send_prompt, args=(stack, megabytes), daemon=True)
    gaps = asyncio.run(
        _read_streams(stack, streams, chunks, prompt.start if megabytes else lambda: None)
    )
    if megabytes:
        prompt.join()
    shares = quantiles(gaps, n=100)
    return Gaps(p50=shares[49], p99=shares[98], longest=max(gaps))


async def _read_streams(
    stack: Stack, streams: int, chunks: int, in_the_midst: Callable[[], None]
) -> list[float]:
    loop = asyncio.get_running_loop()
    loop.call_later(chunks * _PACE_MS / 1000 / 4, in_the_midst)
    gaps_of_streams = await asyncio.gather(*(_gaps_of_one(stack, chunks) for _ in range(streams)))
    return [gap for gaps in gaps_of_streams for gap in gaps]


async def _gaps_of_one(stack: Stack, chunks: int) -> list[float]:
    address = urlsplit(stack.proxy_url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    body = json.dumps({"messages": [{"role": "user", "content": "hello"}], "stream": True}).encode()
    head = f"POST {_TARGET.format('paced')} HTTP/1.1\r\nhost: {address.netloc}\r\nconnection: close\r\n"
    head += (
        f"content-type: application/json\r\nx-stand-in: chunks={chunks}; chunk_ms={_PACE_MS}\r\n"
    )
    writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    await reader.readuntil(b"\r\n\r\n")
    arrivals = []
    while await reader.read(65536):
        arrivals.append(time.monotonic())
    writer.close()
    return [(later - earlier) * 1000 for earlier, later in itertools.pairwise(arrivals)]


def _send_prompt(stack: Stack, megabytes: int) -> None:
    # Like a real prompt, with escaped line ends and quotes.
    text = 'The quick brown fox says \\"jump\\" over the lazy dog.\\n' * (megabytes * 2**20 // 55)
    body = b'{"messages":[{"role":"user","content":"' + text.encode() + b'"}],"stream":true}'
    request = urllib.request.Request(  # noqa: S310 - http, to our own stack
        stack.proxy_url + _TARGET.format("large"),
        body,
        {"content-type": "application/json", "x-stand-in": "chunks=3"},
    )
    with urllib.request.urlopen(request, timeout=120) as response:  # noqa: S310
        response.read()


if __name__ == "__main__":
    sys.exit(main())
