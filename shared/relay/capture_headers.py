"""The headers of an exchange's captures, made of its record."""

from __future__ import annotations

from dataclasses import asdict

from shared.core.event import attribution
from shared.core.records import capture
from shared.core.records.envelope import Envelope, bound_text, to_fields
from shared.core.wire.http.headers import kept_headers
from shared.relay.exchange_record import ExchangeRecord

# What a capture keeps of the headers; nothing in here is a credential.
_REQUEST_HEADERS = frozenset(
    map(str.encode, (*attribution.CLIENT_HEADERS, *attribution.SESSION_HEADERS))
)
_RESPONSE_HEADERS = frozenset(map(str.encode, attribution.RESPONSE_HEADERS))


def of_request(
    record: ExchangeRecord, copied_headers: frozenset[bytes], *, partial: bool = False
) -> bytes:
    """Everything of a request capture before the body. `partial`: the body is not whole yet."""
    header = {
        "exchange_id": record.exchange_id,
        "started_at": record.started_at.isoformat(timespec="microseconds"),
        "method": record.method,
        "path": record.path.decode("latin-1")[:4096],
        "operation": record.operation.name,
        "deployment": bound_text(record.operation.deployment),
        "api_version": bound_text(record.api_version),
        "caller": asdict(record.caller()),
        "headers": kept_headers(record.request_headers, _REQUEST_HEADERS),
        "copied_headers": kept_headers(record.request_headers, copied_headers),
    }
    return capture.preamble(header | {"partial": True} if partial else header)


def of_response(record: ExchangeRecord, envelope: Envelope) -> bytes:
    """Everything of a response capture before the body."""
    return capture.preamble(
        {
            "status_code": record.upstream_status,
            "headers": kept_headers(record.upstream_headers, _RESPONSE_HEADERS),
            "envelope": to_fields(envelope),
        }
    )
