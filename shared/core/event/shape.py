"""The event's shape: the contract with everyone who reads the Event Hub.

docs/event.schema.json is generated from it, and the comment of a field becomes its description
there. An optional field (one with a default, or marked ABSENT_IF_NONE) is absent from the event
if it is None. Every other key is always there. Within a schema version, keys are only added
(docs/reference/events.md).
"""

from __future__ import annotations

import json
import re
from dataclasses import Field, dataclass, field, fields, is_dataclass
from typing import Any, Final, Literal, cast

from shared.core.answer.shapes import Audio, Batch, Choice, Embeddings, Images
from shared.core.cost.cost import CostStatus
from shared.core.cost.quantities import Quantities
from shared.core.event.usage import Tokens, UsageEstimate
from shared.core.records.exchange.envelope import Caller, UsageSource
from shared.core.records.exchange.outcome import Outcome
from shared.core.wire.content_mode import ContentMode
from shared.core.wire.http.multipart import FormField
from shared.core.wire.json.json_shape import Json, JsonObject

SCHEMA_VERSION: Final = 1
UNKNOWN: Final = "unknown"
_SURROGATE_PAIR: Final = re.compile("[\ud800-\udbff][\udc00-\udfff]")
# An optional field that the type checker demands, because it has no default.
ABSENT_IF_NONE: Final = {"absent_if_none": True}

type EventType = Literal[
    "completion", "stream_completion", "embedding", "image", "audio", "batch", "call", "error"
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """The calling program, as its headers name it. Absent: not given."""

    user_agent: str | None = None
    sdk_language: str | None = None  # x-stainless-lang
    sdk_version: str | None = None  # x-stainless-package-version
    runtime: str | None = None  # x-stainless-runtime
    runtime_version: str | None = None  # x-stainless-runtime-version
    os: str | None = None  # x-stainless-os


@dataclass(frozen=True, kw_only=True, slots=True)
class Correlation:
    """The ids by which others know this exchange. Absent: not given."""

    apim_request_id: str | None = None  # Azure's own correlation id, from the response
    x_ms_request_id: str | None = None  # from the response
    x_request_id: str | None = None  # from the response, else from the request
    # the caller's, from the request, else from the response
    x_ms_client_request_id: str | None = None
    completion_id: str | None = None  # `id` of the response: chatcmpl-…, resp_…
    traceparent: str | None = None  # W3C trace context of the request
    # the vendors' part of it; without its last members if it is longer than 256 bytes
    tracestate: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Backend:
    """The account in a pool that answered. Absent: not reported by the pool."""

    account: str | None = None  # the name of the Azure OpenAI account
    region: str | None = None  # the account's: swedencentral
    attempts: int | None = None  # how many requests the pool sent, to one account after another


@dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    """The server of the request, beyond the model. Absent: not reported by the upstream."""

    service_tier: str | None = None  # of the response's body
    system_fingerprint: str | None = None  # of the response's body
    deployment: str | None = None  # x-ms-deployment-name
    spillover_from_deployment: str | None = None  # x-ms-spillover-from-deployment
    spillover_error: str | None = None  # x-ms-spillover-error
    # x-ms-is-spilled-over, or x-ms-spillover-from-deployment is there
    spilled_over: bool | None = None
    model: str | None = None  # x-ms-served-model, else openai-model
    content_filter_invoked: bool | None = None  # x-ms-rai-invoked
    # azure-openai-deployment-utilization, of provisioned throughput
    deployment_utilization: str | None = None
    model_session: str | None = None  # azureml-model-session
    processing_ms: int | None = None  # openai-processing-ms
    service_time_ms: int | None = None  # x-envoy-upstream-service-time
    model_time_ms: int | None = None  # ms-azureml-model-time
    model_error_status: int | None = None  # ms-azureml-model-error-statuscode
    model_error_reason: str | None = None  # ms-azureml-model-error-reason
    backend: Backend | None = None  # absent: the upstream is not a pool


@dataclass(frozen=True, kw_only=True, slots=True)
class RateLimit:
    """The limits that the upstream reported. Absent: not reported. Numbers as sent: -1 occurs."""

    remaining_requests: int | None = None
    remaining_tokens: int | None = None
    limit_requests: int | None = None
    limit_tokens: int | None = None
    reset_requests: str | None = None
    reset_tokens: str | None = None  # x-rate-limit-reset-tokens or x-ratelimit-reset-tokens
    retry_after: str | None = None  # seconds or an HTTP date
    retry_after_ms: int | None = None
    policy_id: str | None = None  # policy-id
    # x-ratelimit-renewalperiod-requests: seconds until the limit is filled again
    renewal_period_requests_s: int | None = None
    renewal_period_tokens_s: int | None = None  # x-ratelimit-renewalperiod-tokens
    abuse_penalty: bool | None = None  # x-ratelimit-abusepenalty-active


@dataclass(frozen=True, kw_only=True, slots=True)
class EventCost:
    """The cost of the exchange at list prices (docs/reference/cost.md)."""

    # how far the amount can be trusted: exact, estimated, provisioned, repeated, missing, unpriced
    status: CostStatus
    amount: str | None  # a decimal number, not rounded; null: not known
    currency: str | None  # null: no rate was needed, or none was found
    parts: dict[str, str]  # the amount of each part
    unpriced: tuple[str, ...]  # the parts that no rate prices; `model`: no rate at all
    card: str  # the version of the rates: the beginning of their SHA-256


@dataclass(frozen=True, kw_only=True, slots=True)
class TruncatedText:
    """A text that was cut to fit the Event Hub's limit."""

    path: str  # JSON Pointer (RFC 6901): /prompt/0/content
    characters: int | None  # before it was cut; null if a whole value was dropped


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One exchange: its request, its response, its usage, its timings and its outcome."""

    # what kind of response; error if the upstream answered 4xx/5xx or reported an error inside a
    # 200, or the relay failed
    type: EventType
    # the answer's text (choice 0, a response's output text, a transcript), "" if there is none
    content: str
    usage: JsonObject | None  # the upstream's usage object as it came; never an estimate
    model: str  # the model that answered, "unknown" if not reported
    # the request's messages, prompt or input; null if there is none or it could not be read
    prompt: Json
    region: str  # of the upstream; "unknown" if not reported
    # whole exchange; of a stream exactly time_to_first_chunk_ms + streaming_duration_ms
    latency_ms: int
    # of a stream: from the request's start to the first chunk
    time_to_first_chunk_ms: int | None = field(metadata=ABSENT_IF_NONE)
    # of a stream: from the first chunk to the last
    streaming_duration_ms: int | None = field(metadata=ABSENT_IF_NONE)
    timestamp: str  # the exchange's end, UTC, ISO 8601 without offset, with microseconds

    exchange_id: str  # UUIDv7; the key for deduplication, because delivery is at least once
    schema_version: int  # of this contract
    # chat.completions, completions, embeddings, responses, …; call for an unknown operation
    operation: str
    deployment: str | None  # from the path, or the request's `model` if the path names none
    api_version: str | None  # as sent upstream
    method: str | None  # of the request; null if its capture is missing
    path: str | None  # of the request, without the query; null if its capture is missing
    # the response was a stream of server-sent events, or was requested as one and never came
    stream: bool
    status_code: int | None  # as sent to the client; null: it disconnected before
    # differs if the client was answered early; null: no response
    upstream_status_code: int | None
    # how many requests the proxy sent upstream; absent: one, or none. It repeats a request only if
    # the upstream refused the `stream_options` that the proxy itself had added, or closed a reused
    # connection. It repeats a GET or HEAD then, others only if the upstream had received nothing
    attempts: int | None = None
    outcome: Outcome  # how the exchange ended
    finish_reason: str | None  # of choice 0; of a response, why it is incomplete
    # the upstream's error object, also one inside a 200; else the proxy's {code, message}
    error: JsonObject | None
    problems: tuple[str, ...]  # what could not be read of the captures, and why

    choices: tuple[Choice, ...]  # all choices of a chat completion or completion
    # the output items of a response, files in them replaced by size and hash
    output: tuple[JsonObject, ...] | None
    # of an event of responses.followed: the exchange that created the response
    create_exchange_id: str | None = None
    response_id: str | None  # of a response
    # of a response: completed, incomplete, failed, cancelled, in_progress, queued
    response_status: str | None
    # of a response: whether it ran in the background; null if not reported
    background: bool | None
    embeddings: Embeddings | None  # of type embedding
    images: Images | None  # of type image
    audio: Audio | None  # of type audio
    batch: Batch | None = None  # of type batch; absent otherwise
    prompt_filter_results: tuple[Json, ...] | None  # the content filter's results for the prompt
    content_filters: tuple[Json, ...] | None  # of a response: the content filter's results

    # upstream: see usage; estimated: see usage_estimate; none: neither is known
    usage_source: UsageSource
    usage_estimate: UsageEstimate | None  # null unless usage_source is estimated
    # another exchange counts this usage, of the same response: do not add it up again
    usage_repeated: bool
    tokens: Tokens | None  # the figures of usage by one set of names
    quantities: Quantities  # the billed quantities, each token in one part (docs/reference/cost.md)

    cost: EventCost | None = None  # absent unless EVENT_COST is on

    # from the request's start to the upstream's status line; null: it never came
    time_to_headers_ms: int | None
    # of a stream: to the first piece of generated content; null: none, or not known
    time_to_first_token_ms: int | None
    chunk_count: int  # pieces of the response's body as the network delivered them

    instructions: str | None  # of a response: its system prompt
    # of the request: temperature, tools' names, response_format, …; never content
    parameters: JsonObject
    form: tuple[FormField, ...] | None  # the fields of an upload, without the files
    user: str | None  # the request's `user`
    metadata: JsonObject | None  # the request's `metadata`
    prompt_cache_key: str | None  # the request's

    # as API Management reports it: trustworthy only if nothing else can reach the app
    caller: Caller
    client: Client
    correlation: Correlation
    attempt: int | None  # x-stainless-retry-count: 0 is an SDK's first attempt, 1 its first retry
    session_headers: dict[str, str]  # x-session-id and similar headers, as the caller sent them
    request_headers: dict[str, str]  # the request headers that the operator chose to copy
    served: Served
    rate_limit: RateLimit | None

    request_capture: str | None  # blob name of the request's raw bytes; null: not stored
    request_bytes: int  # size of the request's body
    request_sha256: str | None  # of the captured body
    response_capture: str | None  # blob name of the response's raw bytes; null: not stored
    response_bytes: int  # size of the upstream's body, as received
    response_sha256: str | None  # of the captured body
    sent_bytes: int  # how much of the upstream's body was sent to the client

    truncated: bool  # texts were cut to fit the Event Hub's limit; the captures hold everything
    truncated_texts: tuple[TruncatedText, ...]  # the longest first; at most 32 are listed
    replayed: bool  # delivered again, on an operator's request
    # full: all of it; redacted: the texts without what detectors find, and no captures; metadata:
    # no text of request or answer, here or in storage
    content_mode: ContentMode
    # what set the mode: CONTENT_MODE, CONTENT_POLICY, `rule ` and its name, x-fnsse-content, or
    # `no policy`: its blob has held none yet, or `not analyzed`: Presidio took too long;
    # null: the exchange is older than this key
    content_rule: str | None
    # after how many days the captures are erased, by a content rule; absent: by none
    retention_days: int | None = None
    redactions: dict[str, int]  # the number of replacements in the texts by kind: email, card, …


def is_optional(part: Field[Any]) -> bool:
    """Whether a field of the types above is absent from the event if its value is None."""
    return part.default is None or "absent_if_none" in part.metadata


def to_json(value: object) -> Json:
    """A value of the types above as a JSON value."""
    if is_dataclass(value) and not isinstance(value, type):
        pairs = ((part, getattr(value, part.name)) for part in fields(value))
        return {
            part.name: to_json(inner)
            for part, inner in pairs
            if inner is not None or not is_optional(part)
        }
    if isinstance(value, tuple):
        return [to_json(item) for item in value]
    return cast("Json", value)  # the types above hold nothing else


def encode(value: Json) -> bytes:
    """JSON in UTF-8."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    try:
        return text.encode()
    except UnicodeEncodeError:
        # A surrogate is legal in JSON's escapes and not in UTF-8. Two chunks of a stream may share
        # a pair; a lone surrogate becomes a question mark.
        return _SURROGATE_PAIR.sub(_character, text).encode("utf-8", "replace")


def _character(pair: re.Match[str]) -> str:
    return pair[0].encode("utf-16", "surrogatepass").decode("utf-16")


def dump(event: Event) -> bytes:
    """The event as JSON in UTF-8."""
    return encode(to_json(event))
