"""Assembles one event in a child process, which knows nothing but the pure core.

`assemble` is called in the worker; this module is the child's main program as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import struct
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO, Final, cast

from shared.core.event import builder, integrity
from shared.core.records.exchange import capture
from shared.core.records.exchange import envelope as envelopes
from shared.core.records.exchange.capture import (
    BodyDigest,
    Capture,
    CaptureStream,
    ReadableCapture,
)
from shared.core.records.exchange.digests import Digests
from shared.core.records.exchange.envelope import Envelope
from shared.core.records.exchange.outcome import Outcome
from shared.core.records.exchange.unstored_body import UnstoredBody
from shared.core.telemetry.exchange_telemetry import ExchangeTelemetry
from shared.core.wire.http.content_coding import MAX_DECODED_BYTES
from shared.core.wire.json import typed_json
from shared.enrichment.assembled_event import (
    AssembledEvent,
    EventOptions,
    RedactorCache,
    assembled_event,
)
from shared.enrichment.assembly_failure import describe_failure, reported_failure
from shared.errors import AssemblyError

_APP_FOLDER: Final = Path(__file__).resolve().parents[2]
# The lengths of five parts: the options with the envelope, the request's preamble and body, the
# response's preamble and body. An empty preamble means that the capture does not exist.
_LENGTHS: Final = struct.Struct(">IIQIQ")
_PIECE_BYTES: Final = 1024 * 1024  # read at once of a body that is only hashed


async def assemble(
    envelope: Envelope,
    request: ReadableCapture | None,
    response: ReadableCapture | None,
    options: EventOptions,
    timeout_s: float,
) -> AssembledEvent:
    """The event, built in a child process within `timeout_s`. Raises AssemblyError, or StorageError
    if a capture cannot be read.
    """
    child = await start_child(__spec__.name, stderr=asyncio.subprocess.PIPE)
    try:
        with contextlib.suppress(ConnectionError):  # it has ended, and its output says why
            await send_exchange(stdin_of(child), envelope, request, response, options)
        return unpack_assembled(await _output(child, timeout_s))
    finally:
        if child.returncode is None:
            child.kill()


async def start_child(module: str, *arguments: str, stderr: int) -> asyncio.subprocess.Process:
    """A child process that runs a module of the app. `stderr`: as asyncio's subprocesses have it.
    Raises OSError.
    """
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments),
        cwd=_APP_FOLDER,
        # no setting, and so no secret, reaches the child: only the places of packages
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=stderr,
    )


async def _output(child: asyncio.subprocess.Process, timeout_s: float) -> bytes:
    """The child's standard output. Raises AssemblyError if the child failed."""
    try:
        async with asyncio.timeout(timeout_s):
            output, errors = await child.communicate()
    except TimeoutError:
        raise AssemblyError(f"assembling a large event took longer than {timeout_s:g} s") from None
    if child.returncode != 0:
        raise AssemblyError(
            f"assembling a large event failed ({child.returncode}): {reported_failure(errors)}"
        )
    return output


def stdin_of(child: asyncio.subprocess.Process) -> asyncio.StreamWriter:
    """The standard input of a child from `start_child`."""
    return cast("asyncio.StreamWriter", child.stdin)  # a pipe, as `start_child` asks for


async def send_exchange(
    pipe: asyncio.StreamWriter,
    envelope: Envelope,
    request: ReadableCapture | None,
    response: ReadableCapture | None,
    options: EventOptions,
) -> None:
    """Send an exchange to a child, as `assemble_next` reads it. No more than a piece of a large
    capture is held meanwhile.

    Raises StorageError if a capture cannot be read, and ConnectionError if the child has ended.
    """
    head = json.dumps({"envelope": envelopes.dump(envelope), "options": asdict(options)}).encode()
    sides = [(_preamble(side), side) for side in (request, response)]
    lengths = [length for preamble, side in sides for length in (len(preamble), _body_bytes(side))]
    pipe.write(_LENGTHS.pack(len(head), *lengths) + head)
    for preamble, side in sides:
        pipe.write(preamble)
        async for piece in _body_pieces(side):
            pipe.write(piece)
            await pipe.drain()
    await pipe.drain()


def _preamble(side: ReadableCapture | None) -> bytes:
    return capture.preamble(side.header) if side is not None else b""


def _body_bytes(side: ReadableCapture | None) -> int:
    if isinstance(side, CaptureStream):
        return side.body_bytes
    return len(side.body) if side is not None else 0


async def _body_pieces(side: ReadableCapture | None) -> AsyncIterator[bytes]:
    if isinstance(side, CaptureStream):
        async for piece in side.pieces():
            yield piece
    elif side is not None:
        yield side.body


def assemble_next(
    exchanges: BinaryIO, redactors: RedactorCache, max_body_bytes: int = MAX_DECODED_BYTES
) -> bytes | None:
    """Assemble the event of the next exchange in the child, as `unpack_assembled` reads it; None
    after the last one. A body of more than `max_body_bytes` is hashed and not read.
    """
    lengths = exchanges.read(_LENGTHS.size)
    if not lengths:
        return None
    head_bytes, *sides = _LENGTHS.unpack(lengths)
    head_text = exchanges.read(head_bytes)
    request, response = (
        _read_capture(exchanges, preamble_bytes, body_bytes, max_body_bytes)
        for preamble_bytes, body_bytes in (sides[:2], sides[2:])
    )
    head = json.loads(head_text)
    options = typed_json.read(EventOptions, head["options"])
    return _assemble(envelopes.load(head["envelope"]), request, response, options, redactors)


def _read_capture(
    exchanges: BinaryIO, preamble_bytes: int, body_bytes: int, max_body_bytes: int
) -> Capture | None:
    if not preamble_bytes:
        return None
    header = capture.load_header(exchanges.read(preamble_bytes))
    if body_bytes > max_body_bytes:
        return Capture(header=header, body=b"", unread=_hash_body(exchanges, body_bytes))
    return Capture(header=header, body=exchanges.read(body_bytes))


def _hash_body(exchanges: BinaryIO, body_bytes: int) -> BodyDigest:
    body = UnstoredBody()
    while piece := exchanges.read(min(body_bytes - body.size, _PIECE_BYTES)):
        body.feed(piece)
    return body.digest()


def _assemble(
    envelope: Envelope,
    request: Capture | None,
    response: Capture | None,
    options: EventOptions,
    redactors: RedactorCache,
) -> bytes:
    event = builder.build(envelope, request, response, options.region, options.deployments)
    checked = integrity.check(event, envelope, request, response)
    assembled = assembled_event(checked, envelope, options, redactors)
    about = {
        "outcome": assembled.outcome,
        "claims": assembled.claims,
        "without_usage": assembled.without_usage,
        "pending_response": assembled.pending_response,
        "digests": asdict(assembled.digests),
        "altered": assembled.altered,
        "telemetry": asdict(assembled.telemetry) if assembled.telemetry else None,
    }
    return b"\n".join([json.dumps(about).encode(), assembled.body, assembled.repeating_body or b""])


def unpack_assembled(output: bytes) -> AssembledEvent:
    """The child's standard output: a line of JSON about the event, then both forms of the event,
    which hold no line end.
    """
    about, body, repeating_body = output.split(b"\n")
    members = json.loads(about)
    telemetry = members["telemetry"]
    return AssembledEvent(
        body=body,
        outcome=Outcome(members["outcome"]),
        claims=members["claims"],
        without_usage=members["without_usage"],
        pending_response=members["pending_response"],
        repeating_body=repeating_body or None,
        digests=typed_json.read(Digests, members["digests"]),
        altered=tuple(members["altered"]),
        telemetry=typed_json.read(ExchangeTelemetry, telemetry) if telemetry else None,
    )


def _child_main() -> int:
    try:
        output = assemble_next(sys.stdin.buffer, RedactorCache())
    except Exception as error:  # noqa: BLE001 - a bug may raise any exception
        sys.stderr.write(describe_failure(error))
        return 1
    sys.stdout.buffer.write(output or b"")
    return 0


if __name__ == "__main__":
    sys.exit(_child_main())
