"""The caller's program, the server and the limits of a request, read from the captured headers."""

from __future__ import annotations

from shared.core.answer.shapes import ParsedAnswer
from shared.core.event.shape import Backend, Client, Correlation, RateLimit, Served
from shared.core.records.exchange.captured_headers import (
    BACKEND_ACCOUNT,
    BACKEND_ATTEMPTS,
    BACKEND_REGION,
    SESSION_HEADERS,
)
from shared.core.wire.json.json_shape import integer, short


def client(request_headers: dict[str, str]) -> Client:
    """The calling program, as its headers name it."""
    return Client(
        user_agent=short(request_headers.get("user-agent")),
        sdk_language=short(request_headers.get("x-stainless-lang")),
        sdk_version=short(request_headers.get("x-stainless-package-version")),
        runtime=short(request_headers.get("x-stainless-runtime")),
        runtime_version=short(request_headers.get("x-stainless-runtime-version")),
        os=short(request_headers.get("x-stainless-os")),
    )


def correlation(
    request_headers: dict[str, str],
    response_headers: dict[str, str],
    *,
    completion_id: str | None,
    traceparent: str | None,
    tracestate: str | None,
) -> Correlation:
    """The ids that the request and the response carry."""
    return Correlation(
        apim_request_id=short(response_headers.get("apim-request-id")),
        x_ms_request_id=short(response_headers.get("x-ms-request-id")),
        x_request_id=short(response_headers.get("x-request-id"))
        or short(request_headers.get("x-request-id")),
        x_ms_client_request_id=short(request_headers.get("x-ms-client-request-id"))
        or short(response_headers.get("x-ms-client-request-id")),
        completion_id=completion_id,
        traceparent=traceparent,
        tracestate=tracestate,
    )


def attempt(request_headers: dict[str, str]) -> int | None:
    """The number of an SDK's attempt, the first being 0; None if it is not reported."""
    return _number(request_headers.get("x-stainless-retry-count"))


def session_headers(request_headers: dict[str, str]) -> dict[str, str]:
    """The headers of SESSION_HEADERS that the caller sent, 256 characters of each at most."""
    return {
        name: request_headers[name][:256] for name in SESSION_HEADERS if name in request_headers
    }


def served(response_headers: dict[str, str], answer: ParsedAnswer) -> Served:
    """The server of the request, as the upstream's headers and body report it."""
    return Served(
        service_tier=answer.service_tier,
        system_fingerprint=answer.system_fingerprint,
        deployment=short(response_headers.get("x-ms-deployment-name")),
        spillover_from_deployment=short(response_headers.get("x-ms-spillover-from-deployment")),
        spillover_error=short(response_headers.get("x-ms-spillover-error")),
        spilled_over=spilled_over(response_headers),
        model=short(response_headers.get("x-ms-served-model"))
        or short(response_headers.get("openai-model")),
        content_filter_invoked=_switch(response_headers.get("x-ms-rai-invoked")),
        deployment_utilization=short(response_headers.get("azure-openai-deployment-utilization")),
        model_session=short(response_headers.get("azureml-model-session")),
        processing_ms=_number(response_headers.get("openai-processing-ms")),
        service_time_ms=_number(response_headers.get("x-envoy-upstream-service-time")),
        model_time_ms=_number(response_headers.get("ms-azureml-model-time")),
        model_error_status=_number(response_headers.get("ms-azureml-model-error-statuscode")),
        model_error_reason=short(response_headers.get("ms-azureml-model-error-reason")),
        backend=_backend(response_headers),
    )


def spilled_over(response_headers: dict[str, str]) -> bool | None:
    """Whether a standard deployment answered for a provisioned one; None if nothing says so."""
    if "x-ms-spillover-from-deployment" in response_headers:
        return True
    return _switch(response_headers.get("x-ms-is-spilled-over"))


def region(response_headers: dict[str, str]) -> str | None:
    """The region that answered, as the upstream names it, else as the pool does."""
    return short(response_headers.get("x-ms-region")) or short(response_headers.get(BACKEND_REGION))


def rate_limit(response_headers: dict[str, str]) -> RateLimit | None:
    """The limits that the upstream's headers report; None if they report none."""
    limits = RateLimit(
        remaining_requests=_number(response_headers.get("x-ratelimit-remaining-requests")),
        remaining_tokens=_number(response_headers.get("x-ratelimit-remaining-tokens")),
        limit_requests=_number(response_headers.get("x-ratelimit-limit-requests")),
        limit_tokens=_number(response_headers.get("x-ratelimit-limit-tokens")),
        reset_requests=short(response_headers.get("x-ratelimit-reset-requests")),
        reset_tokens=short(response_headers.get("x-rate-limit-reset-tokens"))
        or short(response_headers.get("x-ratelimit-reset-tokens")),
        retry_after=short(response_headers.get("retry-after")),
        retry_after_ms=_number(
            response_headers.get("retry-after-ms") or response_headers.get("x-ms-retry-after-ms")
        ),
        policy_id=short(response_headers.get("policy-id")),
        renewal_period_requests_s=_number(
            response_headers.get("x-ratelimit-renewalperiod-requests")
        ),
        renewal_period_tokens_s=_number(response_headers.get("x-ratelimit-renewalperiod-tokens")),
        abuse_penalty=_switch(response_headers.get("x-ratelimit-abusepenalty-active")),
    )
    return limits if limits != RateLimit() else None


def _backend(response_headers: dict[str, str]) -> Backend | None:
    backend = Backend(
        account=short(response_headers.get(BACKEND_ACCOUNT)),
        region=short(response_headers.get(BACKEND_REGION)),
        attempts=_number(response_headers.get(BACKEND_ATTEMPTS)),
    )
    return backend if backend != Backend() else None


def _switch(text: str | None) -> bool | None:
    return {"true": True, "false": False}.get((text or "").strip().lower())


def _number(text: str | None) -> int | None:
    """A whole number of a size that consumers can read. Some headers hold a fraction (`12.5`), and
    `1e300` is a short text, too.
    """
    try:
        return integer(round(float(text))) if text and len(text) <= 20 else None
    except (ValueError, OverflowError):
        return None
