"""Who called, with what, and what really served: read from the headers that the captures keep."""

from __future__ import annotations

from typing import Any, Final

from shared.core.answer.shapes import ParsedAnswer
from shared.core.event.shape import Client, Correlation, RateLimit, Served
from shared.core.records.capture import Capture
from shared.core.wire.json_shape import integer, mapping, short

# Headers by which clients name a session or a conversation. Values are the callers' own.
SESSION_HEADERS: Final = (
    "x-session-id",
    "session-id",
    "session_id",
    "x-conversation-id",
    "conversation-id",
    "conversation_id",
)
# Request headers that events are built from, besides those. No credential is among them.
CLIENT_HEADERS: Final = (
    "content-type",
    "content-encoding",
    "user-agent",
    "x-ms-client-request-id",
    "x-request-id",
    "x-stainless-retry-count",
    "x-stainless-lang",
    "x-stainless-package-version",
    "x-stainless-runtime",
    "x-stainless-runtime-version",
    "x-stainless-os",
)
# Response headers that events are built from.
RESPONSE_HEADERS: Final = (
    "content-type",
    "content-encoding",
    "apim-request-id",
    "x-request-id",
    "x-ms-client-request-id",
    "x-ms-region",
    "x-ms-deployment-name",
    "x-ms-spillover-from-deployment",
    "x-ms-spillover-error",
    "azure-openai-deployment-utilization",
    "azureml-model-session",
    "openai-processing-ms",
    "policy-id",
    "retry-after",
    "retry-after-ms",
    "x-ms-retry-after-ms",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-limit-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-reset-requests",
    "x-ratelimit-reset-tokens",
    "x-rate-limit-reset-tokens",
)


def headers(capture: Capture | None) -> dict[str, str]:
    """The headers that a capture keeps."""
    return _texts(capture.header.get("headers")) if capture else {}


def copied_headers(request: Capture | None) -> dict[str, str]:
    """Those that the operator chose to copy."""
    return _texts(request.header.get("copied_headers")) if request else {}


def client(sent: dict[str, str]) -> Client:
    """The calling program."""
    return Client(
        user_agent=short(sent.get("user-agent")),
        sdk_language=short(sent.get("x-stainless-lang")),
        sdk_version=short(sent.get("x-stainless-package-version")),
        runtime=short(sent.get("x-stainless-runtime")),
        runtime_version=short(sent.get("x-stainless-runtime-version")),
        os=short(sent.get("x-stainless-os")),
    )


def correlation(
    sent: dict[str, str],
    said: dict[str, str],
    *,
    completion_id: str | None,
    traceparent: str | None,
) -> Correlation:
    """The ids of both sides."""
    return Correlation(
        apim_request_id=short(said.get("apim-request-id")),
        x_request_id=short(said.get("x-request-id")) or short(sent.get("x-request-id")),
        x_ms_client_request_id=short(sent.get("x-ms-client-request-id"))
        or short(said.get("x-ms-client-request-id")),
        completion_id=completion_id,
        traceparent=traceparent,
    )


def attempt(sent: dict[str, str]) -> int | None:
    """Which attempt of an SDK this is; the first is 0."""
    return _number(sent.get("x-stainless-retry-count"))


def session_headers(sent: dict[str, str]) -> dict[str, str]:
    """Those that the caller sent."""
    return {name: sent[name][:256] for name in SESSION_HEADERS if name in sent}


def served(said: dict[str, str], answer: ParsedAnswer) -> Served:
    """What the upstream's headers and body say of the service."""
    return Served(
        service_tier=answer.service_tier,
        system_fingerprint=answer.system_fingerprint,
        deployment=short(said.get("x-ms-deployment-name")),
        spillover_from_deployment=short(said.get("x-ms-spillover-from-deployment")),
        spillover_error=short(said.get("x-ms-spillover-error")),
        deployment_utilization=short(said.get("azure-openai-deployment-utilization")),
        model_session=short(said.get("azureml-model-session")),
        processing_ms=_number(said.get("openai-processing-ms")),
    )


def rate_limit(said: dict[str, str]) -> RateLimit | None:
    """What the upstream's headers say of its limits; None where they say nothing."""
    limits = RateLimit(
        remaining_requests=_number(said.get("x-ratelimit-remaining-requests")),
        remaining_tokens=_number(said.get("x-ratelimit-remaining-tokens")),
        limit_requests=_number(said.get("x-ratelimit-limit-requests")),
        limit_tokens=_number(said.get("x-ratelimit-limit-tokens")),
        reset_requests=short(said.get("x-ratelimit-reset-requests")),
        reset_tokens=short(said.get("x-rate-limit-reset-tokens"))
        or short(said.get("x-ratelimit-reset-tokens")),
        retry_after=short(said.get("retry-after")),
        retry_after_ms=_number(said.get("retry-after-ms") or said.get("x-ms-retry-after-ms")),
        policy_id=short(said.get("policy-id")),
    )
    return limits if limits != RateLimit() else None


def _texts(value: Any) -> dict[str, str]:
    return {name: text for name, text in mapping(value).items() if isinstance(text, str)}


def _number(text: str | None) -> int | None:
    """A whole number that consumers can read, too; some come with a fraction (`12.5` ms), and
    `1e300` is short as well.
    """
    try:
        return integer(round(float(text))) if text and len(text) <= 20 else None
    except (ValueError, OverflowError):
        return None
