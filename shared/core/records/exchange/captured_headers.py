"""The headers that captures keep, because events are built from them. None is a credential."""

from __future__ import annotations

from typing import Final

from shared.core.wire.http.headers import RawHeaders, kept_headers

# Headers in which clients name a session or a conversation. The callers choose their values.
SESSION_HEADERS: Final = (
    "x-session-id",
    "session-id",
    "session_id",
    "x-conversation-id",
    "conversation-id",
    "conversation_id",
)
# The other headers of requests.
_CLIENT_HEADERS: Final = (
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
# Response headers in which a pool of accounts (infra/policies/pool.xml) reports which one answered.
# The client never gets them (core/wire/http/forwarding_rules.py).
BACKEND_ACCOUNT: Final = "x-fnsse-backend-account"
BACKEND_REGION: Final = "x-fnsse-backend-region"
BACKEND_ATTEMPTS: Final = "x-fnsse-backend-attempts"
# The headers of responses.
_RESPONSE_HEADERS: Final = (
    "content-type",
    "content-encoding",
    "apim-request-id",
    "x-request-id",
    "x-ms-client-request-id",
    "x-ms-region",
    "x-ms-deployment-name",
    "x-ms-spillover-from-deployment",
    "x-ms-spillover-error",
    "x-ms-is-spilled-over",
    "x-ms-served-model",
    "openai-model",
    "x-ms-rai-invoked",
    "x-ms-request-id",
    "x-envoy-upstream-service-time",
    "ms-azureml-model-time",
    "ms-azureml-model-error-statuscode",
    "ms-azureml-model-error-reason",
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
    "x-ratelimit-renewalperiod-requests",
    "x-ratelimit-renewalperiod-tokens",
    "x-ratelimit-abusepenalty-active",
    BACKEND_ACCOUNT,
    BACKEND_REGION,
    BACKEND_ATTEMPTS,
)
_REQUEST_NAMES: Final = frozenset(map(str.encode, (*_CLIENT_HEADERS, *SESSION_HEADERS)))
_RESPONSE_NAMES: Final = frozenset(map(str.encode, _RESPONSE_HEADERS))


def of_request(headers: RawHeaders) -> dict[str, str]:
    """The headers of a request that its capture keeps; see `kept_headers`."""
    return kept_headers(headers, _REQUEST_NAMES)


def of_response(headers: RawHeaders) -> dict[str, str]:
    """The headers of a response that its capture keeps; see `kept_headers`."""
    return kept_headers(headers, _RESPONSE_NAMES)
