"""The headers of an exchange's captures, made of its record."""

from __future__ import annotations

from dataclasses import asdict

from shared.core.event import attribution
from shared.core.records import capture, piece_times
from shared.core.records.envelope import Envelope, bound_text, to_fields
from shared.core.wire.http.headers import kept_headers
from shared.core.wire.json.json_shape import JsonObject
from shared.relay.digest_writer import BodyWriter, DigestWriter
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
    header: dict[str, object] = {
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
        "content_mode": record.content.mode,
        "content_rule": record.content.rule,
    }
    return capture.preamble(header | ({"partial": True} if partial else _digest(record.request)))


def of_response(record: ExchangeRecord, envelope: Envelope, noted: JsonObject) -> bytes:
    """Everything of a response capture before the body. `noted`: of an answer that is not
    stored.
    """
    return capture.preamble(
        {
            "status_code": record.upstream_status,
            "headers": kept_of_response(record),
            "envelope": to_fields(envelope),
            **noted,
            **_times(record, envelope),
            **_digest(record.response),
        }
    )


def _times(record: ExchangeRecord, envelope: Envelope) -> dict[str, object]:
    """What the envelope has no room for."""
    times: dict[str, object] = {}
    if record.chunk_count > len(envelope.arrivals) and record.content.mode.stores_bodies:
        times[piece_times.KEY] = record.pieces.to_json()
    if record.keep_alives_ms:
        times["keep_alives_ms"] = record.keep_alives_ms
    return times


def kept_of_response(record: ExchangeRecord) -> dict[str, str]:
    """The response headers that a capture keeps."""
    return kept_headers(record.upstream_headers, _RESPONSE_HEADERS)


def _digest(writer: BodyWriter) -> JsonObject:
    """Size and hash of a body that is not stored, and nothing of another."""
    return {"body": asdict(writer.body.digest())} if isinstance(writer, DigestWriter) else {}
