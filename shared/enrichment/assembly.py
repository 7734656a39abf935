"""Assembling events without blocking the relay's event loop.

Enrichment may share a worker with the relay, and parsing a body of megabytes would stop every
stream of that worker. A thread does not help, because the JSON parser holds the interpreter's lock.
So an event is assembled in place as long as each step takes a few milliseconds at most: a document
is parsed in one blocking step, a stream chunk by chunk with pauses. A larger one is assembled in a
short-lived child process that knows nothing but the pure core.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import re
import struct
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from shared.concurrency.cooperative import run_cooperatively
from shared.core.content.mode import ContentMode
from shared.core.cost.deployments import NO_DEPLOYMENTS, DeploymentProfile, Deployments
from shared.core.cost.rates import CardTexts, RateCard, read_card
from shared.core.detect.own import NO_PATTERNS, OwnPatterns
from shared.core.event import builder, event_cost, truncation, usage_claim
from shared.core.event.shape import Event
from shared.core.records import capture, typed_json
from shared.core.records import envelope as envelopes
from shared.core.records.capture import Capture
from shared.core.records.envelope import Envelope
from shared.core.records.outcome import Outcome
from shared.core.telemetry.exchange_telemetry import ExchangeTelemetry, telemetry_of
from shared.core.wire.http.headers import EVENT_STREAM
from shared.core.wire.steps import Cooperative
from shared.errors import AssemblyError

if TYPE_CHECKING:
    from shared.core.detect.redactor import Redactor

# A document is parsed, redacted and written in one step, 0.1 to 0.4 us a byte (measured): 64 KB
# block for 7 to 25 ms where they consist of the smallest objects, and for 2 ms where they are an
# ordinary conversation.
IN_PLACE_BYTES: Final = 64 * 1024
# A stream is read in steps of half a millisecond, 30 ms of them for a MB. Only its last event, in
# the Responses API, repeats the whole response, which is a small part of the stream. A child
# process takes 150 ms to start.
STREAM_IN_PLACE_BYTES: Final = 1024 * 1024
_CHILD_TIMEOUT_S: Final = 60  # the worst of 100 MB took 6 s
_APP_FOLDER: Final = Path(__file__).resolve().parents[2]
_LENGTHS: Final = struct.Struct(">III")  # of options, request and response
# What the child writes about a failure. Anything else on its standard error may hold content.
_FAILURE: Final = re.compile(r"\w{1,80} at [\w.]{1,200}:\d{1,6}", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class AssembledEvent:
    """An event, ready to be sent."""

    body: bytes  # JSON
    outcome: Outcome  # as the event says: the relay does not see every response whole
    # the response whose usage has to be claimed first; see shared.core.event.usage_claim
    claims: str | None
    # the event, if another exchange counts that usage; None if nothing has to be claimed
    repeating_body: bytes | None
    telemetry: ExchangeTelemetry | None = None  # None: telemetry is switched off


@dataclass(frozen=True, kw_only=True, slots=True)
class _ChildOptions:
    """What an event depends on besides its envelope and captures."""

    region: str | None
    limit_bytes: int
    deployments: dict[str, DeploymentProfile]
    rates: CardTexts | None
    for_telemetry: bool
    own_patterns: OwnPatterns


class Assembler:
    """Builds events; at most one child process at a time, which bounds memory."""

    def __init__(
        self,
        default_region: str | None,
        deployments: Deployments = NO_DEPLOYMENTS,
        *,
        rates: CardTexts | None = None,
        for_telemetry: bool = False,
        own_patterns: OwnPatterns = NO_PATTERNS,
    ) -> None:
        """`default_region` is the event's region where the upstream named none; `deployments` is
        what the operator says of them. `rates` are those by which events have a cost; None: they
        have none. `for_telemetry`: also say what spans and metrics are made of. Raises RateError.
        """
        if rates is not None:
            _card(rates)
        self._rates = rates
        self._default_region = default_region
        self._deployments = dict(deployments)
        self._for_telemetry = for_telemetry
        self._own_patterns = own_patterns
        self._one_child = asyncio.Lock()

    async def __call__(
        self,
        envelope: Envelope,
        request: Capture | None,
        response: Capture | None,
        limit_bytes: int,
    ) -> AssembledEvent:
        """The event, of at most `limit_bytes`. Raises AssemblyError."""
        options = _ChildOptions(
            region=self._default_region,
            limit_bytes=limit_bytes,
            deployments=self._deployments,
            rates=self._rates,
            for_telemetry=self._for_telemetry,
            own_patterns=self._own_patterns,
        )
        if _fits_in_place(request, response, envelope.content_mode):
            steps = builder.build_steps(
                envelope, request, response, self._default_region, self._deployments
            )
            return await _assemble_in_place(steps, envelope, options)
        async with self._one_child:
            return _unpack_assembled(await _run_child(_pack(envelope, request, response, options)))


@functools.lru_cache(maxsize=1)
def _card(texts: CardTexts) -> RateCard:
    """The card, which takes 15 ms to read."""
    return read_card(texts)


def _assembled(event: Event, envelope: Envelope, options: _ChildOptions) -> AssembledEvent:
    """Both forms of the event, if a claim decides which of them is right: it is cheaper than to
    read the captures again.
    """
    card = _card(options.rates) if options.rates else None
    if event.content_mode is ContentMode.REDACTED:
        event = _redacted(event, options.own_patterns)
    claims = usage_claim.response_to_claim(event)
    repeating = None
    if claims is not None:
        event = usage_claim.mark_repeated(event, repeated=False)
        repetition = usage_claim.mark_repeated(event, repeated=True)
        repeating = truncation.truncate(event_cost.priced(repetition, card), options.limit_bytes)
    body = truncation.truncate(event_cost.priced(event, card), options.limit_bytes)
    telemetry = None
    if options.for_telemetry:
        truncated = truncation.was_truncated(body)
        telemetry = telemetry_of(event, envelope, truncated=truncated)
    return AssembledEvent(
        body=body,
        outcome=event.outcome,
        claims=claims,
        repeating_body=repeating,
        telemetry=telemetry,
    )


def _redacted(event: Event, own: OwnPatterns) -> Event:
    # takes 30 ms to import, and is needed in this content mode alone
    from shared.core.event import content_redaction

    return content_redaction.redact(event, _redactor(own))


_redactors: Final[list[tuple[OwnPatterns, Redactor]]] = []  # at most one: compiling takes 10 ms


def _redactor(own: OwnPatterns) -> Redactor:
    from shared.core.detect.redactor import Redactor

    if not _redactors or _redactors[0][0] != own:
        _redactors[:] = [(own, Redactor(own))]
    return _redactors[0][1]


async def _assemble_in_place(
    steps: Cooperative[Event], envelope: Envelope, options: _ChildOptions
) -> AssembledEvent:
    try:
        return _assembled(await run_cooperatively(steps), envelope, options)
    except Exception as error:  # noqa: BLE001 - whatever a bug raises
        raise AssemblyError(f"assembling an event failed: {_failure(error)}") from None


def _failure(error: BaseException) -> str:
    """`KeyError at shared.core.answer.chat:57`: the exception's type and its innermost frame. Never
    its text, which may quote the prompt or the answer.
    """
    return f"{type(error).__name__} at {_innermost_frame(error.__traceback__)}"


def _innermost_frame(traceback: TracebackType | None) -> str:
    if traceback is None:
        return "unknown:0"
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    names = traceback.tb_frame.f_globals
    # In the child this module is __main__; its spec knows its name.
    module = getattr(names.get("__spec__"), "name", None) or names.get("__name__", "unknown")
    return f"{module}:{traceback.tb_lineno}"


def _fits_in_place(request: Capture | None, response: Capture | None, mode: ContentMode) -> bool:
    redacts = mode is ContentMode.REDACTED  # in one step, 0.05 us a byte (measured)
    stream = response if response is not None and _is_stream(response) else None
    documents = (side for side in (request, response) if side is not None and side is not stream)
    stream_bytes = len(stream.body) if stream else 0
    if any(_is_encoded(side) for side in (request, response) if side is not None):
        return False  # its decoded size is unknown: 12 KB of gzip held 170,000 messages
    return sum(len(side.body) for side in documents) <= IN_PLACE_BYTES and stream_bytes <= (
        IN_PLACE_BYTES if redacts else STREAM_IN_PLACE_BYTES
    )


def _is_stream(response: Capture) -> bool:
    return _header(response, "content-type").startswith(EVENT_STREAM)


def _is_encoded(side: Capture) -> bool:
    return _header(side, "content-encoding") not in {"", "identity"}


def _header(side: Capture, name: str) -> str:
    return side.headers.get(name, "").strip().lower()


async def _run_child(packed: bytes) -> bytes:
    """The child's standard output. Raises AssemblyError if the child failed."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "shared.enrichment.assembly",
        cwd=_APP_FOLDER,
        # no setting, and so no secret, reaches the child; but where the worker finds packages
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
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


def reported_failure(errors: bytes) -> str:
    """The last line of the child's standard error, if it reports a failure in fixed words."""
    last_line = errors.decode("utf-8", "replace").strip().rpartition("\n")[2]
    return last_line if _FAILURE.fullmatch(last_line) else "no reason was reported"


def _pack(
    envelope: Envelope, request: Capture | None, response: Capture | None, options: _ChildOptions
) -> bytes:
    """The child's standard input: three lengths, the options with the envelope, two captures."""
    head = json.dumps({"envelope": envelopes.dump(envelope), "options": asdict(options)}).encode()
    sides = [
        capture.preamble(side.header) + side.body if side else b"" for side in (request, response)
    ]
    return b"".join([_LENGTHS.pack(len(head), *map(len, sides)), head, *sides])


def _assemble_packed(packed: bytes) -> bytes:
    """In the child: assemble the event of the packed arguments, as `_unpack_assembled` reads it."""
    parts, start = [], _LENGTHS.size
    for length in _LENGTHS.unpack_from(packed):
        parts.append(packed[start : start + length])
        start += length
    head = json.loads(parts[0])
    options = _child_options(head["options"])
    request, response = (capture.load(part) if part else None for part in parts[1:])
    envelope = envelopes.load(head["envelope"])
    event = builder.build(envelope, request, response, options.region, options.deployments)
    assembled = _assembled(event, envelope, options)
    about = {
        "outcome": assembled.outcome,
        "claims": assembled.claims,
        "telemetry": asdict(assembled.telemetry) if assembled.telemetry else None,
    }
    return b"\n".join([json.dumps(about).encode(), assembled.body, assembled.repeating_body or b""])


def _child_options(members: dict[str, Any]) -> _ChildOptions:
    profiles = members["deployments"].items()
    return _ChildOptions(
        region=members["region"],
        limit_bytes=members["limit_bytes"],
        deployments={name: DeploymentProfile(**profile) for name, profile in profiles},
        rates=CardTexts(**members["rates"]) if members["rates"] else None,
        for_telemetry=members["for_telemetry"],
        own_patterns=OwnPatterns(
            patterns=members["own_patterns"]["patterns"],
            words={kind: tuple(words) for kind, words in members["own_patterns"]["words"].items()},
        ),
    )


def _unpack_assembled(output: bytes) -> AssembledEvent:
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
        repeating_body=repeating_body or None,
        telemetry=typed_json.read(ExchangeTelemetry, telemetry) if telemetry else None,
    )


def _child_main() -> int:
    try:
        output = _assemble_packed(sys.stdin.buffer.read())
    except Exception as error:  # noqa: BLE001 - whatever a bug raises
        sys.stderr.write(_failure(error))
        return 1
    sys.stdout.buffer.write(output)
    return 0


if __name__ == "__main__":
    sys.exit(_child_main())
