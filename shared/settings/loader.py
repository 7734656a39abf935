"""Reads the settings from the environment; nothing else reads it.

`load(environ)` validates everything at once and raises one `SettingsError` that names every missing
or malformed setting, what it must look like and an example. Secrets are never repeated in a
message.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared.core.content import policy
from shared.core.content.mode import STRICTEST, ContentMode
from shared.core.content.policy import ContentPolicy
from shared.core.cost import deployments
from shared.core.cost.deployments import Deployments
from shared.errors import ContentPolicyError
from shared.settings import validators
from shared.settings.environ_reader import LONGEST_EXCHANGE_S, EnvironReader
from shared.settings.settings import (
    CallerAuthSettings,
    ContentSettings,
    EventHubSettings,
    InterventionSettings,
    LimitSettings,
    ReconcileSettings,
    Settings,
    StorageSettings,
    TelemetrySettings,
    UpstreamSettings,
)

CAPTURES_STORAGE: Final = "CAPTURES_STORAGE"
HOST_STORAGE: Final = "AzureWebJobsStorage"
_ENTRA: Final = "https://login.microsoftonline.com"
_GUID: Final = "11111111-2222-4333-8444-555555555555"  # an example


def load(environ: Mapping[str, str]) -> Settings:
    """All settings, validated. Raises SettingsError naming each one that needs attention."""
    reader = EnvironReader(environ)
    settings = Settings(
        upstream=_upstream(reader),
        event_hub=_event_hub(reader),
        storage=_storage(reader),
        limits=_limits(reader),
        interventions=_interventions(reader),
        reconcile=_reconcile(reader),
        copied_headers=_copied_headers(reader),
        deployments=_deployments(reader),
        content=_content(reader),
        event_cost=reader.switch("EVENT_COST", default=False),
        managed_identity_client_id=reader.text("AZURE_CLIENT_ID"),
        caller_auth=_caller_auth(reader),
        telemetry=_telemetry(reader),
        misspelt=reader.misspelt(),  # the last one: it knows what was read before
    )
    reader.raise_problems()
    return settings


def _upstream(reader: EnvironReader) -> UpstreamSettings:
    address = (
        "the address of Azure OpenAI: https://, a host, at most a path (http:// for a local stand-in only), "
        "without what callers add to it after /openai, such as /deployments"
    )
    base_url = reader.require(
        "AZURE_OPENAI_BASE_URL",
        address,
        "https://contoso.openai.azure.com",
        validators.is_upstream_url,
    )
    return UpstreamSettings(
        base_url=validators.without_openai(base_url),
        key=reader.text("AZURE_OPENAI_KEY"),
        scope=reader.text("AZURE_OPENAI_SCOPE") or "https://cognitiveservices.azure.com/.default",
        api_version=reader.validate(
            "AZURE_OPENAI_API_VERSION",
            "an api-version of Azure OpenAI",
            "2024-10-21",
            validators.is_api_version,
        ),
        region=reader.text("AZURE_OPENAI_REGION"),
        connect_timeout_s=reader.seconds("UPSTREAM_CONNECT_TIMEOUT_S", 10),
        write_timeout_s=reader.seconds("UPSTREAM_WRITE_TIMEOUT_S", 60),
        read_timeout_s=reader.seconds("UPSTREAM_READ_TIMEOUT_S", 600),
        max_connections=int(
            reader.number("UPSTREAM_MAX_CONNECTIONS", 1000, "a number of connections", 1, 100_000)
        ),
    )


def _event_hub(reader: EnvironReader) -> EventHubSettings:
    connection_string = reader.validate(
        "AZURE_EVENTHUB_CONN_STR",
        "an Event Hubs connection string",
        "Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKeyName=send;SharedAccessKey=...",
        validators.is_event_hub_connection_string,
        secret=True,
    )
    namespace = reader.validate(
        "AZURE_EVENTHUB_NAMESPACE",
        "an Event Hubs host name",
        "contoso.servicebus.windows.net",
        validators.is_host_name,
    )
    if not reader.text("AZURE_EVENTHUB_CONN_STR") and not reader.text("AZURE_EVENTHUB_NAMESPACE"):
        reader.report_missing(
            "AZURE_EVENTHUB_CONN_STR or AZURE_EVENTHUB_NAMESPACE",
            "an Event Hubs connection string, or the host name for the app's managed identity",
            "AZURE_EVENTHUB_NAMESPACE=contoso.servicebus.windows.net",
        )
    entity_path = validators.connection_string_parts(
        reader.text("AZURE_EVENTHUB_CONN_STR") or ""
    ).get("entitypath")
    name = reader.text("AZURE_EVENTHUB_NAME") or entity_path
    if not name:
        reader.report_missing("AZURE_EVENTHUB_NAME", "the name of the event hub", "openai-logs")
    return EventHubSettings(
        connection_string=connection_string, namespace=namespace, name=name or ""
    )


def _storage(reader: EnvironReader) -> StorageSettings:
    setting = CAPTURES_STORAGE if reader.any_of(CAPTURES_STORAGE) else HOST_STORAGE
    connection_string = reader.validate(
        setting,
        "a storage connection string",
        "DefaultEndpointsProtocol=https;AccountName=contoso;AccountKey=...;EndpointSuffix=core.windows.net",
        validators.is_storage_connection_string,
        secret=True,
    )
    blob = reader.validate(
        f"{setting}__blobServiceUri",
        "an address",
        "https://contoso.blob.core.windows.net",
        validators.is_address,
    )
    queue = reader.validate(
        f"{setting}__queueServiceUri",
        "an address",
        "https://contoso.queue.core.windows.net",
        validators.is_address,
    )
    # the host's own short form for the public cloud
    account = reader.text(f"{setting}__accountName")
    if account:
        blob = blob or f"https://{account}.blob.core.windows.net"
        queue = queue or f"https://{account}.queue.core.windows.net"
    if not reader.text(setting):
        for suffix, address in (("blob", blob), ("queue", queue)):
            if not address and not reader.text(f"{setting}__{suffix}ServiceUri"):
                reader.report_missing(
                    f"{setting} or {setting}__{suffix}ServiceUri",
                    "a storage connection string, or the service's address for the app's managed identity",
                    f"{setting}__{suffix}ServiceUri=https://contoso.{suffix}.core.windows.net",
                )
    return StorageSettings(
        setting=setting,
        connection_string=connection_string,
        blob_service_uri=blob,
        queue_service_uri=queue,
    )


def _limits(reader: EnvironReader) -> LimitSettings:
    return LimitSettings(
        exchange_s=reader.seconds("EXCHANGE_TIMEOUT_S", 1500),
        request_body_bytes=int(
            reader.number("MAX_REQUEST_BODY_MB", 100, "megabytes", 0.001, 100) * 1024 * 1024
        ),
        recording_wait_s=reader.number("RECORDING_WAIT_MS", 200, "milliseconds", 0, 10_000) / 1000,
        capture_required=reader.one_of("CAPTURE_POLICY", "best_effort", "required") == "required",
        capture_memory_bytes=int(
            reader.number("CAPTURE_MEMORY_MB", 256, "megabytes", 1, 100_000) * 1024 * 1024
        ),
        request_memory_bytes=int(
            reader.number("REQUEST_MEMORY_MB", 256, "megabytes", 1, 100_000) * 1024 * 1024
        ),
        drain_s=reader.number("DRAIN_AFTER_DISCONNECT_S", 0, "a number of seconds", 0, 600),
        drain_bytes=int(
            reader.number("DRAIN_AFTER_DISCONNECT_KB", 256, "kilobytes", 1, 102_400) * 1024
        ),
    )


def _interventions(reader: EnvironReader) -> InterventionSettings:
    return InterventionSettings(
        ask_for_usage=reader.switch("ASK_FOR_USAGE", default=True),
        error_frames=reader.switch("ERROR_FRAMES", default=True),
        keep_alive_s=reader.number(
            "KEEP_ALIVE_S", 15, "a number of seconds", 0, LONGEST_EXCHANGE_S
        ),
        early_response_after_s=reader.number(
            "EARLY_RESPONSE_AFTER_S", 100, "a number of seconds", 0, LONGEST_EXCHANGE_S
        ),
        early_json_response_after_s=reader.number(
            "EARLY_JSON_RESPONSE_AFTER_S", 0, "a number of seconds", 0, LONGEST_EXCHANGE_S
        ),
    )


def _reconcile(reader: EnvironReader) -> ReconcileSettings:
    retention_days = int(reader.number("CAPTURE_RETENTION_DAYS", 30, "a number of days", 1, 3650))
    look_back_h = reader.number("RECONCILE_LOOK_BACK_H", 48, "a number of hours", 1, 24 * 3650)
    schedule = reader.validate(
        "RECONCILE_SCHEDULE",
        "an NCRONTAB expression of six fields",
        "0 */10 * * * *",
        validators.is_schedule,
    )
    return ReconcileSettings(
        schedule=schedule or "0 */10 * * * *",
        grace_s=reader.number("RECONCILE_GRACE_S", 120, "a number of seconds", 1, 3600),
        look_back_s=min(look_back_h * 3600, retention_days * 86_400),
        retention_days=retention_days,
    )


def _copied_headers(reader: EnvironReader) -> frozenset[str]:
    what = "header names, separated by commas, none of which holds a credential"
    value = reader.validate(
        "EVENT_REQUEST_HEADERS", what, "x-team,x-session-id", validators.are_copyable_headers
    )
    return validators.comma_separated((value or "").lower())


def _deployments(reader: EnvironReader) -> Deployments:
    what = (
        "a JSON object with an object of sku, zone and model for each deployment; "
        f"sku is one of {', '.join(sorted(deployments.SKUS))}"
    )
    example = '{"gpt-4o": {"sku": "GlobalStandard"}}'
    value = reader.validate("DEPLOYMENTS", what, example, validators.are_deployments)
    return deployments.parse(value) if value else deployments.NO_DEPLOYMENTS


def _content(reader: EnvironReader) -> ContentSettings:
    default = ContentMode(reader.one_of("CONTENT_MODE", *ContentMode))
    text = reader.text("CONTENT_POLICY")
    if text and validators.is_blob_name(text):
        no_policy = ContentPolicy(default=STRICTEST)
        return ContentSettings(policy=no_policy, policy_blob=text, default=default)
    chosen = ContentPolicy(default=default)
    if text:
        chosen = _content_policy(reader, text, default)
    return ContentSettings(policy=chosen, policy_blob=None, default=default)


def _content_policy(reader: EnvironReader, text: str, default: ContentMode) -> ContentPolicy:
    try:
        return policy.parse(text, default)
    except ContentPolicyError as error:
        problem = str(error)
        if not text.startswith("{"):
            problem = "it is neither a JSON object nor the name of a blob, policies/content.json"
        reader.report_malformed("CONTENT_POLICY", problem)
        return ContentPolicy(default=STRICTEST)


def _caller_auth(reader: EnvironReader) -> CallerAuthSettings | None:
    by_token = reader.one_of("CALLER_AUTH", "function_key", "entra") == "entra"
    read = reader.require if by_token else reader.validate
    tenant_id = read(
        "CALLER_AUTH_TENANT_ID",
        "the id of the callers' Entra tenant, a GUID",
        _GUID,
        validators.is_guid,
    )
    what = "the audience of callers' tokens, or several, separated by commas"
    audiences = read("CALLER_AUTH_AUDIENCE", what, f"api://{_GUID}", validators.are_audiences)
    what = "object ids (GUIDs), separated by commas, of those who may"
    callers = read("CALLER_AUTH_CALLER_OBJECT_IDS", f"{what} call", _GUID, validators.are_guids)
    operators = reader.validate(
        "CALLER_AUTH_OPERATOR_OBJECT_IDS", f"{what} operate", _GUID, validators.are_guids
    )
    what = "the address of Entra: https:// and a host (http:// for a local stand-in only)"
    authority = reader.validate("CALLER_AUTH_AUTHORITY", what, _ENTRA, validators.is_origin)
    if not by_token:
        return None
    return CallerAuthSettings(
        authority=(authority or _ENTRA).rstrip("/"),
        tenant_id=(tenant_id or "").lower(),
        audiences=validators.comma_separated(audiences),
        caller_object_ids=validators.comma_separated((callers or "").lower()),
        operator_object_ids=validators.comma_separated((operators or "").lower()),
    )


def _telemetry(reader: EnvironReader) -> TelemetrySettings | None:
    """Switched on by OpenTelemetry's standard settings, the rest of which its SDK reads."""
    addresses = {
        signal: reader.validate(
            f"OTEL_EXPORTER_OTLP{signal}_ENDPOINT",
            "the address of a collector's OTLP/HTTP receiver",
            f"https://collector.contoso.com:4318{path}",
            validators.is_collector_address,
        )
        for signal, path in (("", ""), ("_TRACES", "/v1/traces"), ("_METRICS", "/v1/metrics"))
    }
    what = "headers for the collector: name=value, several of them separated by commas"
    reader.validate(
        "OTEL_EXPORTER_OTLP_HEADERS", what, "api-key=...", validators.are_otlp_headers, secret=True
    )
    reader.one_of("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    members = reader.validate(
        "TELEMETRY_CALLER_ATTRIBUTES",
        f"some of {', '.join(validators.CALLER_MEMBERS)}, separated by commas",
        "team",
        validators.are_caller_members,
    )
    old_names = reader.switch("TELEMETRY_OLD_METRIC_NAMES", default=False)
    disabled = reader.switch("OTEL_SDK_DISABLED", default=False)
    sampler = reader.text("OTEL_TRACES_SAMPLER")
    if disabled or not any(addresses.values()):
        return None
    return TelemetrySettings(
        traces=bool(addresses[""] or addresses["_TRACES"]),
        metrics=bool(addresses[""] or addresses["_METRICS"]),
        sampler_chosen=sampler is not None,
        caller_members=validators.comma_separated((members or "").lower()),
        old_names=old_names,
    )
