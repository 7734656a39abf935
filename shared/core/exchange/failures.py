"""The meaning of a failure to the client and to the record: the one place where fnsse's exceptions
become an error of the API and an outcome of the exchange.
"""

from __future__ import annotations

from typing import NamedTuple

from shared.core import api_errors
from shared.core.api_errors import ApiError
from shared.core.exchange.conclusion import Conclusion
from shared.core.records.exchange.envelope import Failure
from shared.core.records.exchange.outcome import Outcome
from shared.errors import (
    BodyTooLarge,
    FnsseError,
    RequestMemoryFull,
    RequestNotCaptured,
    UpstreamError,
    UpstreamInterrupted,
    UpstreamTimeout,
)


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
            return FailureReport(api_errors.upstream_timeout(str(error)), Outcome.TIMED_OUT)
        case UpstreamInterrupted():
            return FailureReport(
                api_errors.upstream_interrupted(str(error)), Outcome.UPSTREAM_INTERRUPTED
            )
        case UpstreamError():
            return FailureReport(
                api_errors.upstream_unreachable(str(error)), Outcome.UPSTREAM_ERROR
            )
        case BodyTooLarge():
            return rejection(api_errors.body_too_large(error.limit_bytes))
        case RequestMemoryFull():
            return rejection(api_errors.request_memory_full())
        case RequestNotCaptured():
            return rejection(api_errors.capture_unavailable())
        case _:
            return internal_error()


def rejection(error: ApiError) -> FailureReport:
    """The proxy does not relay the exchange, or not to its end."""
    return FailureReport(error, Outcome.REJECTED, is_final=True)


def internal_error() -> FailureReport:
    """The proxy itself failed. UPSTREAM_INTERRUPTED is the nearest of the outcomes."""
    return FailureReport(api_errors.internal_error(), Outcome.UPSTREAM_INTERRUPTED, is_final=True)


def unusable_response(form: str) -> FailureReport:
    """The upstream answered with something else than the form that the client was promised."""
    message = f"Azure OpenAI answered a request for {form} with something else."
    return FailureReport(
        api_errors.upstream_interrupted(message), Outcome.UPSTREAM_INTERRUPTED, is_final=True
    )
