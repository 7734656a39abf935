"""Azure OpenAI's errors, each in its shape. Pure."""

from __future__ import annotations

from typing import Final

from emulators.azure_openai.filters import results
from emulators.azure_openai.http_response import ResponseHeaders, StandInResponse, json_response

ACCESS_DENIED: Final = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an "
    "active subscription and use a correct regional API endpoint for your resource."
)
NO_DEPLOYMENT: Final = (
    "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, "
    "please wait a moment and try again."
)
FILTERED: Final = (
    "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify "
    "your prompt and retry. To learn more about our content filtering policies please read our documentation: "
    "https://go.microsoft.com/fwlink/?linkid=2198766"
)
SERVER_ERROR: Final = "The server had an error while processing your request. Sorry about that!"


def error(
    status: int, code: str | None, message: str, kind: str | None = None, param: str | None = None
) -> StandInResponse:
    """An error of the model, with all four keys."""
    return json_response(
        {"error": {"message": message, "type": kind, "param": param, "code": code}}, status
    )


def gateway_error(
    status: int, code: str, message: str, headers: ResponseHeaders = ()
) -> StandInResponse:
    """An error of the gateway: code and message only."""
    return json_response({"error": {"code": code, "message": message}}, status, headers)


def unauthorized() -> StandInResponse:
    """The error without `api-key` and bearer token."""
    return gateway_error(401, "401", ACCESS_DENIED)


def not_found() -> StandInResponse:
    """The error for an unknown resource, or without api-version."""
    return gateway_error(404, "404", "Resource not found")


def deployment_not_found() -> StandInResponse:
    """The error for an unknown deployment."""
    return gateway_error(404, "DeploymentNotFound", NO_DEPLOYMENT)


def invalid_request(
    message: str, param: str | None = None, code: str | None = None
) -> StandInResponse:
    """The error for a malformed request."""
    return error(400, code, message, "invalid_request_error", param)


def blocked_prompt() -> StandInResponse:
    """The error for a prompt that the content filter blocks."""
    inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": results("violence")}
    body = {
        "message": FILTERED,
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": inner,
    }
    return json_response({"error": body}, 400)


def stream_options_refused() -> StandInResponse:
    """The error of old API versions and On Your Data for stream_options."""
    return invalid_request(
        "Validation error at #/stream_options: Extra inputs are not permitted", "stream_options"
    )


def of_status(status: int, retry_after_s: int) -> StandInResponse:
    """The error for the directive `status`."""
    if status == 401:
        return unauthorized()
    if status == 404:
        return deployment_not_found()
    if status == 429:
        return _too_many(retry_after_s)
    if status == 503:
        message = (
            "The service is temporarily unable to process your request. Please try again later."
        )
        return gateway_error(
            503, "ServiceUnavailable", message, _retry(retry_after_s) if retry_after_s else ()
        )
    if status >= 500:
        return error(status, None, SERVER_ERROR, "server_error")
    return invalid_request(f"The stand-in returns status {status} on request.", code=str(status))


def _too_many(retry_after_s: int) -> StandInResponse:
    message = (
        "Requests to the ChatCompletions_Create Operation under Azure OpenAI API have exceeded token rate limit of your "
        f"current OpenAI S0 pricing tier. Please retry after {retry_after_s} seconds."
    )
    return gateway_error(429, "429", message, _retry(retry_after_s))


def _retry(retry_after_s: int) -> ResponseHeaders:
    return (
        ("retry-after", str(retry_after_s)),
        ("retry-after-ms", str(retry_after_s * 1000)),
        ("x-ms-retry-after-ms", str(retry_after_s * 1000)),
        ("x-ratelimit-reset-tokens", str(retry_after_s)),
    )
