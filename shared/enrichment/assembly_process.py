"""Assembles one event in a child process, which knows nothing but the pure core.

`assemble` is called in the worker; this module is the child's main program as well.
"""

from __future__ import annotations

import asyncio
import json
import os
import struct
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Final

from shared.core.event import builder, integrity
from shared.core.records.exchange import capture
from shared.core.records.exchange import envelope as envelopes
from shared.core.records.exchange.capture import Capture
from shared.core.records.exchange.digests import Digests
from shared.core.records.exchange.envelope import Envelope
from shared.core.records.exchange.outcome import Outcome
from shared.core.telemetry.exchange_telemetry import ExchangeTelemetry
from shared.core.wire.json import typed_json
from shared.enrichment.assembled_event import AssembledEvent, EventOptions, assembled_event
from shared.enrichment.failure import failure, reported_failure
from shared.enrichment.redactor_cache import RedactorCache
from shared.errors import AssemblyError

_CHILD_TIMEOUT_S: Final = 60  # the worst of 100 MB took 6 s
_APP_FOLDER: Final = Path(__file__).resolve().parents[2]
_LENGTHS: Final = struct.Struct(">III")  # of options, request and response


async def assemble(
    envelope: Envelope, request: Capture | None, response: Capture | None, options: EventOptions
) -> AssembledEvent:
    """The event, built in a child process. Raises AssemblyError."""
    return unpack_assembled(await _run_child(pack(envelope, request, response, options)))


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


async def _run_child(packed: bytes) -> bytes:
    """The child's standard output. Raises AssemblyError if the child failed."""
    child = await start_child(__spec__.name, stderr=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(_CHILD_TIMEOUT_S):
            output, errors = await child.communicate(packed)
    except TimeoutError:
        raise AssemblyError(
            f"assembling a large event took longer than {_CHILD_TIMEOUT_S} s"
        ) from None
    finally:
        if child.returncode is None:
            child.kill()
    if child.returncode != 0:
        raise AssemblyError(
            f"assembling a large event failed ({child.returncode}): {reported_failure(errors)}"
        )
    return output


def pack(
    envelope: Envelope, request: Capture | None, response: Capture | None, options: EventOptions
) -> bytes:
    """The child's standard input: three lengths, the options with the envelope, two captures."""
    head = json.dumps({"envelope": envelopes.dump(envelope), "options": asdict(options)}).encode()
    sides = [
        capture.preamble(side.header) + side.body if side else b"" for side in (request, response)
    ]
    return b"".join([_LENGTHS.pack(len(head), *map(len, sides)), head, *sides])


def assemble_packed(packed: bytes, redactors: RedactorCache) -> bytes:
    """Assemble the event of the packed arguments in the child, as `unpack_assembled` reads it."""
    parts, start = [], _LENGTHS.size
    for length in _LENGTHS.unpack_from(packed):
        parts.append(packed[start : start + length])
        start += length
    head = json.loads(parts[0])
    options = typed_json.read(EventOptions, head["options"])
    request, response = (capture.load(part) if part else None for part in parts[1:])
    envelope = envelopes.load(head["envelope"])
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
        output = assemble_packed(sys.stdin.buffer.read(), RedactorCache())
    except Exception as error:  # noqa: BLE001 - a bug may raise any exception
        sys.stderr.write(failure(error))
        return 1
    sys.stdout.buffer.write(output)
    return 0


if __name__ == "__main__":
    sys.exit(_child_main())
