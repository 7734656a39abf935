"""Telling the client what went wrong, as far as HTTP still allows, and noting it
for the envelope.
"""

from __future__ import annotations

from shared.core import api_error
from shared.core.api_error import ApiError
from shared.core.records.envelope import Failure
from shared.core.records.outcome import RelayResult
from shared.core.wire.tail import TAIL_BYTES
from shared.errors import UpstreamError, UpstreamInterrupted, UpstreamTimeout
from shared.relay.client_response import ClientResponse, one_line_error
from shared.relay.exchange_record import ExchangeRecord


async def failure(
    error: UpstreamError, exchange: ExchangeRecord, answer: ClientResponse, *, frames: bool
) -> RelayResult:
    """The upstream's: a document, a frame in the stream (`frames` allows it), or nothing but a
    connection that breaks off.
    """
    if exchange.finished:
        # the stream held its own end: nothing is missing, so there is nothing to tell
        return RelayResult.COMPLETE
    told = _told(error)
    exchange.failure = Failure(code=told.code, message=told.message)
    if not answer.begun:
        await refusal(told, exchange, answer)
    elif frames and exchange.left is None:
        await answer.error_frame(told.body())
    return _ending_of(error)


async def late_error(status: int, exchange: ExchangeRecord, answer: ClientResponse) -> None:
    """The upstream's answer, received whole, came after an early 200 and is no stream: it goes into
    the stream as an error.

    Raises UpstreamInterrupted where it is not an error.
    """
    if status < 400:
        raise UpstreamInterrupted(
            "Azure OpenAI answered a request for a stream with something else."
        )
    await answer.error_frame(one_line_error(exchange.response.tail(TAIL_BYTES)))


async def fault(exchange: ExchangeRecord, answer: ClientResponse) -> None:
    """The proxy's own."""
    error = api_error.internal_error()
    exchange.failure = Failure(code=error.code, message=error.message)
    if not answer.begun:
        await refusal(error, exchange, answer)


async def refusal(error: ApiError, exchange: ExchangeRecord, answer: ClientResponse) -> None:
    """The whole answer is an error of the proxy."""
    exchange.answered_status = error.status
    exchange.failure = Failure(code=error.code, message=error.message)
    await answer.error_document(error)


def _told(error: UpstreamError) -> ApiError:
    if isinstance(error, UpstreamTimeout):
        return api_error.upstream_timeout(str(error))
    if isinstance(error, UpstreamInterrupted):
        return api_error.upstream_interrupted(str(error))
    return api_error.upstream_unreachable(str(error))


def _ending_of(error: UpstreamError) -> RelayResult:
    if isinstance(error, UpstreamTimeout):
        return RelayResult.TIMEOUT
    return (
        RelayResult.INTERRUPTED
        if isinstance(error, UpstreamInterrupted)
        else RelayResult.UNREACHABLE
    )
