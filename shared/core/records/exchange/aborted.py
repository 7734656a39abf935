"""The envelope of an exchange whose instance was killed: made from its request capture alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from shared.core.records.exchange.capture import BodyDigest, request_name
from shared.core.records.exchange.envelope import NO_TIMINGS, Caller, Envelope, Failure
from shared.core.records.exchange.outcome import Outcome
from shared.core.wire.content_mode import ContentMode
from shared.core.wire.json import typed_json
from shared.errors import CaptureError, WrongType


@dataclass(frozen=True, kw_only=True, slots=True)
class _RequestHeader:
    """The members of a request capture's header from which an envelope is made."""

    operation: str
    deployment: str | None
    api_version: str | None
    started_at: str
    caller: Caller
    body: BodyDigest | None = None
    content_mode: ContentMode = ContentMode.FULL
    content_rule: str | None = None
    retention_days: int | None = None


def aborted_envelope(exchange_id: str, request_header: Mapping[str, object]) -> Envelope:
    """The envelope, with outcome `aborted` and without anything of a response.

    `request_header` is the request capture's. Raises CaptureError if it lacks what an envelope
    needs, or holds it as another type.
    """
    names = {field.name for field in fields(_RequestHeader)}
    try:
        header = typed_json.read(
            _RequestHeader, {name: request_header[name] for name in names & request_header.keys()}
        )
    except WrongType as error:
        raise CaptureError(f"the request capture's header is incomplete: {error}") from None
    return Envelope(
        exchange_id=exchange_id,
        operation=header.operation,
        deployment=header.deployment,
        api_version=header.api_version,
        stream=None,
        started_at=header.started_at,
        status_code=None,
        upstream_status_code=None,
        outcome=Outcome.ABORTED,
        failure=Failure(
            code="aborted",
            message="The instance that relayed this exchange was killed before it had recorded how the "
            "exchange ended.",
        ),
        timings=NO_TIMINGS,
        arrivals=(),
        chunk_count=0,
        usage=None,
        usage_source="none",
        usage_requested=False,
        request_bytes=header.body.bytes if header.body else 0,
        response_bytes=0,
        sent_bytes=0,
        request_capture=request_name(exchange_id),
        response_capture=None,
        caller=header.caller,
        trace_parent=None,
        content_mode=header.content_mode,
        content_rule=header.content_rule,
        retention_days=header.retention_days,
    )
