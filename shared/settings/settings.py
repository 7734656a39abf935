"""The app's settings, by their subject. `shared.settings.loader` reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.core.content.policy import ContentPolicy
from shared.core.cost.deployments import Deployments
from shared.core.wire.content_mode import ContentMode


@dataclass(frozen=True, kw_only=True)
class UpstreamSettings:
    """Azure OpenAI, and how long it may take."""

    base_url: str  # origin and optional path prefix, without a trailing slash and without /openai
    key: str | None = field(repr=False)  # None: the app's managed identity
    scope: str  # the scope of the managed identity's token
    api_version: str | None  # for requests that name none; None: nothing is added
    region: str | None  # the region if the upstream does not name one
    connect_timeout_s: float
    write_timeout_s: float  # for each 64 KiB piece of the request body
    # without a byte from the upstream: before the headers, and between two pieces of the body
    read_timeout_s: float
    max_connections: int


@dataclass(frozen=True, kw_only=True)
class EventHubSettings:
    """The Event Hub that events are sent to."""

    # None: the app's managed identity at `namespace`
    connection_string: str | None = field(repr=False)
    namespace: str | None  # contoso.servicebus.windows.net
    name: str


@dataclass(frozen=True, kw_only=True)
class StorageSettings:
    """The account of captures, envelopes and ledger."""

    # the name under which the queue trigger finds it: CAPTURES_STORAGE or AzureWebJobsStorage
    setting: str
    # None: the app's managed identity at the two addresses
    connection_string: str | None = field(repr=False)
    blob_service_uri: str | None
    queue_service_uri: str | None


@dataclass(frozen=True, kw_only=True)
class LimitSettings:
    """The limits of one exchange."""

    exchange_s: float  # from the first byte of the request to the last byte of the response
    request_body_bytes: int
    recording_wait_s: float  # how long the end of a chunked response waits for its recording
    # what captures that wait for their store may hold, all exchanges of a worker together
    capture_memory_bytes: int
    request_memory_bytes: int  # all request bodies that a worker holds
    # nothing goes upstream, and no response ends, before its capture is stored
    capture_required: bool = False
    # how long the upstream is read on after a disconnect, for its usage; 0: not at all
    drain_s: float
    drain_bytes: int


@dataclass(frozen=True, kw_only=True)
class InterventionSettings:
    """The changes that the proxy may make to a response, each of which can be switched off."""

    ask_for_usage: bool  # in streams, on the caller's behalf; the extra chunk is taken out again
    error_frames: bool  # a stream that breaks ends with an SSE frame that SDKs raise as an error
    keep_alive_s: float  # a comment after so long a silence in a stream; 0: none
    # 200 and comments if a stream's headers have not come by then; 0: never
    early_response_after_s: float
    # 200 and white space if the headers of a JSON response have not come by then; 0: never
    early_json_response_after_s: float = 0


@dataclass(frozen=True, kw_only=True)
class ReconcileSettings:
    """The schedule and the range of reconcile."""

    schedule: str  # NCRONTAB, six fields
    look_back_s: float
    # what recording, enrichment and ledger may take after an exchange, when nothing is wrong
    grace_s: float
    # how long captures and ledger are kept; infra/ makes a lifecycle rule of this figure
    retention_days: int

    @property
    def give_up_recording_after_s(self) -> float:
        """How long after an exchange the app tries to store how it ended.

        After the grace, reconcile reports an exchange as aborted if no capture says how it ended.
        So a third of the grace is left for the last try.
        """
        return self.grace_s * 2 / 3


@dataclass(frozen=True, kw_only=True)
class ContentSettings:
    """The content policy, which decides how much of prompts and answers is recorded."""

    policy: ContentPolicy  # in effect unless it is in a blob
    # container and name of the blob that holds the policy, in the account of captures; None: none
    policy_blob: str | None
    default: ContentMode  # the mode of a policy that names none


@dataclass(frozen=True, kw_only=True)
class FollowingSettings:
    """The times at which background responses are polled."""

    first_wait_s: float  # from the end of the create call to the first poll
    schedule: str  # NCRONTAB, six fields: when the app polls those that are due


@dataclass(frozen=True, kw_only=True)
class PresidioSettings:
    """Presidio, which finds names of people in texts that are redacted."""

    models: Mapping[str, str]  # language -> the name of an installed spaCy model, or `blank`
    timeout_s: float  # an event that takes longer goes out without texts


@dataclass(frozen=True, kw_only=True)
class CallerAuthSettings:
    """The Entra tokens that the app itself accepts (CALLER_AUTH=entra)."""

    authority: str  # origin of the tenant's published metadata, without a trailing slash
    tenant_id: str  # a GUID, lower-case, as are the object ids
    audiences: frozenset[str]
    caller_object_ids: frozenset[str]
    operator_object_ids: frozenset[str]  # empty: nobody may call the operators' routes


@dataclass(frozen=True, kw_only=True)
class TelemetrySettings:
    """The exports to an OpenTelemetry collector, whose address OpenTelemetry's SDK reads."""

    traces: bool
    metrics: bool
    messages_on_spans: bool  # prompt and answer, as attributes of spans
    messages_in_events: bool  # prompt and answer, in events
    sampler_chosen: bool  # OTEL_TRACES_SAMPLER says which traces are exported
    caller_members: frozenset[str]  # members of the event's `caller` that become attributes
    old_names: bool  # metrics by their former names, in addition

    @property
    def wants_messages(self) -> bool:
        """Whether prompt and answer are exported."""
        return self.messages_on_spans or self.messages_in_events


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that the app reads from its environment."""

    upstream: UpstreamSettings
    event_hub: EventHubSettings
    storage: StorageSettings
    limits: LimitSettings
    interventions: InterventionSettings
    reconcile: ReconcileSettings
    following: FollowingSettings | None  # None: background responses are not followed
    copied_headers: frozenset[str]  # request headers to copy into events, lower-case
    deployments: Deployments  # the operator's facts about them; empty: none are known
    content: ContentSettings
    presidio: PresidioSettings | None  # None: the app's own detectors alone
    event_cost: bool  # events have a cost, by the rates that are deployed with the app
    # the user-assigned identity; None: the system-assigned one
    managed_identity_client_id: str | None
    caller_auth: CallerAuthSettings | None  # None: the Functions host checks its keys
    misspelt: Mapping[str, str]  # a name that is not a setting -> the one that was probably meant
    telemetry: TelemetrySettings | None  # None: nothing is exported

    @property
    def longest_open_s(self) -> float:
        """How long after its start an exchange may still be running, or be recorded."""
        return self.limits.exchange_s + self.reconcile.grace_s
