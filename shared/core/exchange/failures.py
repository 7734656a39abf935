"""The meaning of a failure to the client and to the record: the one place where fnsse's exceptions
become an error of the API and an outcome of the exchange.
"""

from __future__ import annotations

import json
from typing import Final, NamedTuple

from shared.core.api_errors import exchange_errors
from shared.core.api_errors.api_error import ApiError
from shared.core.exchange.conclusion import Conclusion
from shared.core.records.exchange.envelope import Failure
from shared.core.records.exchange.outcome import Outcome
from shared.core.wire.http.body_start import is_event_stream
from shared.core.wire.http.content_coding import MAX_SMALL_BYTES, ContentDecoder
from shared.core.wire.json.json_shape import JsonObject, mapping, parse_object, text
from shared.core.wire.stream.sse import decode
from shared.errors import (
    BodyTooLarge,
    FnsseError,
    RequestMemoryFull,
    RequestNotCaptured,
    UpstreamError,
    UpstreamInterrupted,
    UpstreamTimeout,
)

_QUOTED_BYTES: Final = 2048  # of an error body that is not in OpenAI's shape


class FailureReport(NamedTuple):
    """A failure as the client and the record get it."""

    error: ApiError
    outcome: Outcome
    is_final: bool = False  # as in Conclusion

    @property
    def failure(self) -> Failure:
        """The error, for the record."""
        return Failure(code=self.error.code, message=self.error.message)

    @property
    def conclusion(self) -> Conclusion:
        """The end of an exchange that the failure ends."""
        return Conclusion(outcome=self.outcome, failure=self.failure, is_final=self.is_final)


def translate(error: FnsseError) -> FailureReport:
    """The report of an exception. One that is not listed here is the proxy's own fault."""
    match error:
        case UpstreamTimeout():
            return FailureReport(exchange_errors.upstream_timeout(str(error)), Outcome.TIMED_OUT)
        case UpstreamInterrupted():
            return FailureReport(
                exchange_errors.upstream_interrupted(str(error)), Outcome.UPSTREAM_INTERRUPTED
            )
        case UpstreamError():
            return FailureReport(
                exchange_errors.upstream_unreachable(str(error)), Outcome.UPSTREAM_ERROR
            )
        case BodyTooLarge():
            return rejection(exchange_errors.body_too_large(error.limit_bytes))
        case RequestMemoryFull():
            return rejection(exchange_errors.request_memory_full())
        case RequestNotCaptured():
            return rejection(exchange_errors.capture_unavailable())
        case _:
            return internal_error()


def rejection(error: ApiError) -> FailureReport:
    """The proxy does not relay the exchange, or not to its end."""
    return FailureReport(error, Outcome.REJECTED, is_final=True)


def internal_error() -> FailureReport:
    """The proxy itself failed. UPSTREAM_INTERRUPTED is the nearest of the outcomes."""
    return FailureReport(
        exchange_errors.internal_error(), Outcome.UPSTREAM_INTERRUPTED, is_final=True
    )


def unusable_response(form: str) -> FailureReport:
    """The upstream answered with something else than the form that the client was promised."""
    message = f"Azure OpenAI answered a request for {form} with something else."
    return FailureReport(
        exchange_errors.upstream_interrupted(message), Outcome.UPSTREAM_INTERRUPTED, is_final=True
    )


def one_line_error(body: bytes, content_encoding: str = "") -> bytes:
    """An upstream's error body as JSON of one line, in the shape `{"error": …}`."""
    decoder = ContentDecoder(content_encoding, MAX_SMALL_BYTES)
    decoded = b"".join(decoder.decode([body]))
    document = parse_object(decoded) or _first_event(decoded)
    error = document.get("error")
    if not isinstance(error, dict | str) or not error:
        document = {"error": _flat_error(document) or _quoted_error(decoded)}
    return json.dumps(document, separators=(",", ":")).encode()


def with_status(document: bytes, status: int) -> bytes:
    """The error document `{"error": …}` for a client that was answered 200 before: the error says
    the status that would have been sent, unless it has one already.
    """
    error = parse_object(document).get("error")
    shape: JsonObject = mapping(error) or {"message": error}
    return json.dumps({"error": {"status": status} | shape}, separators=(",", ":")).encode()


def _first_event(body: bytes) -> JsonObject:
    """The document in the first event of a body of events."""
    event = next(decode(body), None) if is_event_stream(body) else None
    return parse_object(event.data) if event is not None else {}


def _flat_error(document: JsonObject) -> JsonObject | None:
    """The error that a document is, such as API Management's `{"statusCode": 429, "message": …}`.
    The response's status says that it is an error, so a message is enough; reported_error, which
    has to tell errors from successes, asks for more.
    """
    code = document.get("code") or document.get("statusCode")
    if not text(document.get("message")):
        return None
    return {**document, "code": "upstream_error" if code is None else str(code)}


def _quoted_error(body: bytes) -> JsonObject:
    message = body[:_QUOTED_BYTES].decode("utf-8", "replace")
    return {"code": "upstream_error", "message": message, "type": "upstream_error"}
