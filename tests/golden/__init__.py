"""The golden set: captures in Azure's shapes, written for this project, and the event that each
must give.

cases/<name>/request, response   the raw bodies
cases/<name>/exchange.json       what surrounds them: operation, headers, envelope fields. With
                                 `content_mode` metadata their captures are headers alone; with
                                 redacted `own` is what the policy adds to the detectors
cases/<name>/event.json          the event; `python -m tests.golden` writes it again: read it
cases/<name>/telemetry.txt       its spans and metrics; written again likewise
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from shared.core.content.detect.custom import NO_PATTERNS, CustomPatterns
from shared.core.content.detect.redactor import Redactor
from shared.core.event import answer_notes, builder, content_redaction
from shared.core.event.shape import Event
from shared.core.records.exchange.capture import Capture
from shared.core.records.exchange.envelope import MAX_ARRIVALS, Caller, Envelope, Failure, Timings
from shared.core.records.exchange.exchange_id import new_exchange_id
from shared.core.records.exchange.outcome import Outcome
from shared.core.records.exchange.unstored_body import UnstoredBody
from shared.core.wire.content_mode import ContentMode
from shared.core.wire.steps import run_to_end
from shared.core.wire.stream.sse import SseDecoder

REGION = "Sweden Central"
_CASES = Path(__file__).parent / "cases"
_DEFAULTS: dict[str, Any] = {
    "deployment": "gpt-4o",
    "api_version": "2024-10-21",
    "status_code": 200,
    "upstream_status_code": None,
    "outcome": "completed",
    "failure": None,
    "usage": None,
    "usage_source": "none",
    "usage_requested": False,
    "trace_parent": None,
    "caller": {},
    "content_mode": "full",
    "content_rule": "CONTENT_MODE",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class GoldenCase:
    """One exchange as it was recorded."""

    name: str
    envelope: Envelope
    request: Capture | None
    response: Capture | None
    own: CustomPatterns = NO_PATTERNS

    @property
    def event_path(self) -> Path:
        return _CASES / self.name / "event.json"

    @property
    def telemetry_path(self) -> Path:
        return _CASES / self.name / "telemetry.txt"


def names() -> list[str]:
    """Every case."""
    return sorted(folder.name for folder in _CASES.iterdir())


def load(name: str) -> GoldenCase:
    """A case by its name."""
    exchange = json.loads((_CASES / name / "exchange.json").read_text("utf-8"))
    request, response = (_capture(name, side, exchange[side]) for side in ("request", "response"))
    envelope = _envelope(exchange, request, response)
    own = _custom_patterns(exchange.get("own", {"patterns": {}, "words": {}}))
    case = GoldenCase(name=name, envelope=envelope, request=request, response=response, own=own)
    return case if envelope.content_mode.stores_bodies else without_bodies(case)


def _custom_patterns(members: Mapping[str, Any]) -> CustomPatterns:
    words = {kind: tuple(listed) for kind, listed in members["words"].items()}
    return CustomPatterns(patterns=members["patterns"], words=words)


def event_of(case: GoldenCase) -> Event:
    """The event, before it is truncated."""
    event = builder.build(case.envelope, case.request, case.response, REGION)
    if case.envelope.content_mode is ContentMode.REDACTED:
        return content_redaction.redact(event, Redactor(case.own))
    return event


def without_bodies(case: GoldenCase) -> GoldenCase:
    """The case as it is recorded in the content mode `metadata`."""
    envelope = replace(case.envelope, content_mode=ContentMode.METADATA)
    response = case.response
    noted: Mapping[str, object] = {}
    if response is not None:
        steps = answer_notes.members_steps(unstored_body(response.body), response.headers, envelope)
        noted = run_to_end(steps)
    return replace(
        case,
        envelope=envelope,
        request=_without_body(case.request, {}),
        response=_without_body(response, noted),
    )


def unstored_body(body: bytes) -> UnstoredBody:
    """A body that came in one piece and is not stored."""
    taken = UnstoredBody()
    taken.feed(body)
    return taken


def _without_body(side: Capture | None, noted: Mapping[str, object]) -> Capture | None:
    if side is None:
        return None
    digest = asdict(unstored_body(side.body).digest())
    # as storage has it
    header = json.loads(json.dumps({**side.header, **noted, "body": digest}))
    return Capture(header=header, body=b"")


def _capture(name: str, side: str, header: dict[str, Any] | None) -> Capture | None:
    if header is None:
        return None
    return Capture(header=header, body=(_CASES / name / side).read_bytes())


def _envelope(
    exchange: dict[str, Any], request: Capture | None, response: Capture | None
) -> Envelope:
    body = response.body if response else b""
    stream = response is not None and response.headers["content-type"].startswith(
        "text/event-stream"
    )
    arrivals = _arrivals(body, stream=stream)
    exchange_id = new_exchange_id(1_763_908_200_000, bytes(10))
    folder = "2025/11/23/14"
    fields = _DEFAULTS | {
        "stream": stream if response else None,
        "upstream_status_code": response.header["status_code"] if response else None,
        "request_bytes": len(request.body) if request else 0,
        "response_bytes": len(body),
        "sent_bytes": len(body),
        "request_capture": f"{folder}/{exchange_id}.request" if request else None,
        "response_capture": f"{folder}/{exchange_id}.response" if response else None,
    }
    fields |= exchange["envelope"]
    return Envelope(
        **fields
        | {
            "exchange_id": exchange_id,
            "operation": exchange["operation"],
            "started_at": "2025-11-23T14:30:00.000000+00:00",
            "outcome": Outcome(fields["outcome"]),
            "content_mode": ContentMode(fields["content_mode"]),
            "failure": Failure(**fields["failure"]) if fields["failure"] else None,
            "caller": Caller(**fields["caller"]),
            "arrivals": tuple(arrivals[:MAX_ARRIVALS]),
            "chunk_count": len(arrivals),
            "timings": _timings(arrivals),
        }
    )


def _arrivals(body: bytes, *, stream: bool) -> list[tuple[int, float]]:
    """Each event of a stream came by itself, the first after 300 ms, the others 20 ms apart; any
    other body came at once.
    """
    ends = (
        [event.end for event in SseDecoder().feed(body)] if stream else [len(body)] if body else []
    )
    return [(end, 300.0 + 20.0 * number) for number, end in enumerate(ends)]


def _timings(arrivals: list[tuple[int, float]]) -> Timings:
    last_ms = arrivals[-1][1] if arrivals else None
    return Timings(
        to_headers_ms=250.4 if arrivals else None,
        to_first_chunk_ms=arrivals[0][1] if arrivals else None,
        to_last_chunk_ms=last_ms,
        to_end_ms=(last_ms or 600.0) + 1.5,
    )
