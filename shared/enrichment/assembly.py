"""Assembling events away from the relay's event loop.

Enrichment may share a worker with the relay, and parsing a body of megabytes would stop every
stream of that worker: a thread does not help, because the JSON parser holds the interpreter's lock.
So an exchange is assembled in place as long as each step takes a few milliseconds at most (a
document is parsed in one go, a stream chunk by chunk with pauses), and a larger one in a
short-lived child process that knows nothing but the pure core.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from shared.concurrency.cooperative import run_cooperatively
from shared.core.event import builder, usage_claim
from shared.core.records import capture, envelope
from shared.core.records.capture import Capture
from shared.core.records.envelope import Envelope
from shared.core.wire.cooperative import Cooperative
from shared.core.wire.sse import EVENT_STREAM
from shared.errors import AssemblyError

# A document is parsed, masked and written in one go, 0.1 to 0.4 us a byte (measured): 64 KB hold up
# streams by 7 to 25 ms where they are made of the smallest objects, and by 2 ms where they are an
# ordinary conversation.
IN_PLACE_BYTES: Final = 64 * 1024
# A stream is read in slices of half a millisecond, 30 ms of them for a MB. Only its last event, in
# the Responses API, repeats the whole answer, which is a small part of the stream. A child takes
# 150 ms to begin with.
STREAM_IN_PLACE_BYTES: Final = 1024 * 1024
_CHILD_TIMEOUT_S: Final = 60  # the worst of 100 MB took 6 s
_APP_FOLDER: Final = Path(__file__).resolve().parents[2]
_LENGTHS: Final = struct.Struct(">III")


@dataclass(frozen=True, kw_only=True, slots=True)
class Assembled:
    """An event, ready to be sent."""

    body: bytes  # JSON
    usage_repeated: bool  # as the event says
    # the response whose usage has to be claimed first; see shared.core.event.usage_claim
    claims: str | None


class Assembler:
    """Builds events; at most one child process at a time, which bounds memory."""

    def __init__(self, default_region: str | None) -> None:
        self._default_region = default_region
        self._one_child = asyncio.Lock()

    async def __call__(
        self,
        message: Envelope,
        request: Capture | None,
        response: Capture | None,
        limit_bytes: int,
        *,
        usage_repeated: bool | None = None,
    ) -> Assembled:
        """The event, at most `limit_bytes`; `usage_repeated` is said where a claim has decided it.
        Raises AssemblyError.
        """
        region = self._default_region
        if _may_be_in_place(request, response):
            work = builder.build_steps(
                message, request, response, region, usage_repeated=usage_repeated
            )
            return await _in_place(work, limit_bytes)
        settled = {"region": region, "limit_bytes": limit_bytes, "usage_repeated": usage_repeated}
        async with self._one_child:
            return _assembled(await _in_child(_pack(message, request, response, settled)))


def _fitted(built: builder.Event, limit_bytes: int) -> Assembled:
    body = builder.truncate(built, limit_bytes)
    return Assembled(
        body=body, usage_repeated=built.usage_repeated, claims=usage_claim.response_to_claim(built)
    )


async def _in_place(building: Cooperative[builder.Event], limit_bytes: int) -> Assembled:
    try:
        return _fitted(await run_cooperatively(building), limit_bytes)
    except Exception as error:  # noqa: BLE001 - whatever a bug raises; its text may hold a piece of the answer
        raise AssemblyError(f"assembling an event failed: {type(error).__name__}") from None


def _may_be_in_place(request: Capture | None, response: Capture | None) -> bool:
    stream = response if response is not None and _is_stream(response) else None
    documents = (side for side in (request, response) if side is not None and side is not stream)
    stream_bytes = len(stream.body) if stream else 0
    if any(_is_coded(side) for side in (request, response) if side is not None):
        return False  # nobody knows what it unfolds into: 12 KB of gzip held 170,000 messages
    return (
        sum(len(side.body) for side in documents) <= IN_PLACE_BYTES
        and stream_bytes <= STREAM_IN_PLACE_BYTES
    )


def _is_stream(response: Capture) -> bool:
    return _header(response, "content-type").startswith(EVENT_STREAM)


def _is_coded(side: Capture) -> bool:
    return _header(side, "content-encoding") not in {"", "identity"}


def _header(side: Capture, name: str) -> str:
    return str(side.header.get("headers", {}).get(name, "")).strip().lower()


async def _in_child(packed: bytes) -> bytes:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "shared.enrichment.assembly",
        cwd=_APP_FOLDER,
        env={},  # no setting, and so no secret, reaches the child
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_CHILD_TIMEOUT_S):
            assembled, problem = await child.communicate(packed)
    except TimeoutError:
        raise AssemblyError(
            f"assembling a large event took longer than {_CHILD_TIMEOUT_S} s"
        ) from None
    finally:
        if child.returncode is None:
            child.kill()
    if child.returncode != 0:
        last_line = problem.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise AssemblyError(
            f"assembling a large event failed ({child.returncode}): {last_line[:80].partition(':')[0]}"
        )
    return assembled


def _pack(
    message: Envelope, request: Capture | None, response: Capture | None, settled: dict[str, Any]
) -> bytes:
    head = json.dumps({"envelope": envelope.dump(message), **settled}).encode()
    sides = [
        capture.preamble(side.header) + side.body if side else b"" for side in (request, response)
    ]
    return b"".join([_LENGTHS.pack(len(head), *map(len, sides)), head, *sides])


def _assemble(packed: bytes) -> bytes:
    lengths = _LENGTHS.unpack_from(packed)
    parts, at = [], _LENGTHS.size
    for length in lengths:
        parts.append(packed[at : at + length])
        at += length
    head = json.loads(parts[0])
    request, response = (capture.load(part) if part else None for part in parts[1:])
    message, repeated = envelope.load(head["envelope"]), head["usage_repeated"]
    fitted = _fitted(
        builder.build(message, request, response, head["region"], usage_repeated=repeated),
        head["limit_bytes"],
    )
    said = {"usage_repeated": fitted.usage_repeated, "claims": fitted.claims}
    return json.dumps(said).encode() + b"\n" + fitted.body


def _assembled(written: bytes) -> Assembled:
    """What the child wrote: a line of JSON about the event, then the event."""
    said, _, body = written.partition(b"\n")
    return Assembled(body=body, **json.loads(said))


if __name__ == "__main__":
    sys.stdout.buffer.write(_assemble(sys.stdin.buffer.read()))
