"""The headers of an exchange's captures, made of its observation."""

from __future__ import annotations

from dataclasses import asdict

from shared.core.records.exchange import capture, captured_headers, piece_times
from shared.core.records.exchange.envelope import Envelope, bound_text, to_fields
from shared.core.wire.http.headers import kept_headers
from shared.core.wire.json.json_shape import JsonObject
from shared.relay import caller_headers
from shared.relay.body_writer import BodyWriter
from shared.relay.exchange_observation import ExchangeObservation


def of_request(
    observation: ExchangeObservation, copied_headers: frozenset[bytes], *, partial: bool = False
) -> bytes:
    """The part of a request capture before the body. `partial`: the body is not whole yet."""
    start = observation.start
    header: dict[str, object] = {
        "exchange_id": start.exchange_id,
        "started_at": start.started_at.isoformat(timespec="microseconds"),
        "method": start.method,
        "path": start.path.decode("latin-1")[:4096],
        "operation": start.operation.name,
        "deployment": bound_text(start.operation.deployment),
        "api_version": bound_text(start.api_version),
        "caller": asdict(caller_headers.caller(start.headers)),
        "headers": captured_headers.of_request(start.headers),
        "copied_headers": kept_headers(start.headers, copied_headers),
        "content_mode": start.content.mode,
        "content_rule": start.content.rule,
    }
    if start.content.retention_days is not None:
        header["retention_days"] = start.content.retention_days
    return capture.preamble(
        header | ({"partial": True} if partial else _digest(observation.request.body))
    )


def of_response(
    observation: ExchangeObservation,
    envelope: Envelope,
    headers: dict[str, str],
    notes: JsonObject,
) -> bytes:
    """The part of a response capture before the body. `headers`: those of the response that it
    keeps. `notes`: about an answer that is not stored.
    """
    return capture.of_response(
        observation.response.status,
        headers,
        to_fields(envelope),
        {**notes, **_times(observation, envelope), **_digest(observation.response.body)},
    )


def _times(observation: ExchangeObservation, envelope: Envelope) -> dict[str, object]:
    """The times for which the envelope has no room."""
    times: dict[str, object] = {}
    response = observation.response
    if (
        response.piece_count > len(envelope.arrivals)
        and observation.start.content.mode.stores_bodies
    ):
        times[piece_times.KEY] = response.piece_times.to_json()
    if observation.keep_alives_ms:
        times["keep_alives_ms"] = observation.keep_alives_ms
    return times


def _digest(writer: BodyWriter) -> JsonObject:
    """Size and hash of a body that is not stored, and nothing of another."""
    body = writer.unstored_body
    return body.header_members() if body is not None else {}
