"""The settings of the app's connections."""

from __future__ import annotations

from typing import Final

from shared.core.wire.http.service_address import is_service_address
from shared.settings import validators
from shared.settings.environ_reader import EnvironReader
from shared.settings.settings import (
    CallerAuthSettings,
    EventHubSettings,
    StorageSettings,
    TelemetrySettings,
    UpstreamSettings,
)

_CAPTURES_STORAGE: Final = "CAPTURES_STORAGE"
_HOST_STORAGE: Final = "AzureWebJobsStorage"
_ENTRA: Final = "https://login.microsoftonline.com"
_GUID: Final = "11111111-2222-4333-8444-555555555555"  # an example


def upstream(reader: EnvironReader) -> UpstreamSettings:
    """The address, the credential and the time-outs of Azure OpenAI."""
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


def event_hub(reader: EnvironReader) -> EventHubSettings:
    """The address and the credential of the Event Hub."""
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


def storage(reader: EnvironReader) -> StorageSettings:
    """The address and the credential of the account of captures, envelopes and ledger."""
    setting = _CAPTURES_STORAGE if reader.any_of(_CAPTURES_STORAGE) else _HOST_STORAGE
    connection_string = reader.validate(
        setting,
        "a storage connection string",
        "DefaultEndpointsProtocol=https;AccountName=contoso;AccountKey=...;EndpointSuffix=core.windows.net",
        validators.is_storage_connection_string,
        secret=True,
    )
    blob = _storage_address(reader, setting, "blob")
    queue = _storage_address(reader, setting, "queue")
    return StorageSettings(
        setting=setting,
        connection_string=connection_string,
        blob_service_uri=blob,
        queue_service_uri=queue,
    )


def _storage_address(reader: EnvironReader, setting: str, service: str) -> str | None:
    """The address of the blob or the queue service. It is required if there is no connection
    string.
    """
    name = f"{setting}__{service}ServiceUri"
    address = reader.validate(
        name, "an address", f"https://contoso.{service}.core.windows.net", is_service_address
    )
    # the host's own short form for the public cloud
    account = reader.text(f"{setting}__accountName")
    if account:
        return address or f"https://{account}.{service}.core.windows.net"
    if not reader.text(setting) and not reader.text(name):
        reader.report_missing(
            f"{setting} or {name}",
            "a storage connection string, or the service's address for the app's managed identity",
            f"{name}=https://contoso.{service}.core.windows.net",
        )
    return address


def caller_auth(reader: EnvironReader) -> CallerAuthSettings | None:
    """The tenant whose tokens are accepted; None: callers need no token."""
    by_token = reader.one_of("CALLER_AUTH", "function_key", "entra") == "entra"
    read_setting = reader.require if by_token else reader.validate
    tenant_id = read_setting(
        "CALLER_AUTH_TENANT_ID",
        "the id of the callers' Entra tenant, a GUID",
        _GUID,
        validators.is_guid,
    )
    audiences = read_setting(
        "CALLER_AUTH_AUDIENCE",
        "the audience of callers' tokens, or several, separated by commas",
        f"api://{_GUID}",
        validators.are_audiences,
    )
    object_ids = "object ids (GUIDs), separated by commas, of those who may"
    callers = read_setting(
        "CALLER_AUTH_CALLER_OBJECT_IDS", f"{object_ids} call", _GUID, validators.are_guids
    )
    operators = reader.validate(
        "CALLER_AUTH_OPERATOR_OBJECT_IDS", f"{object_ids} operate", _GUID, validators.are_guids
    )
    authority = reader.validate(
        "CALLER_AUTH_AUTHORITY",
        "the address of Entra: https:// and a host (http:// for a local stand-in only)",
        _ENTRA,
        validators.is_origin,
    )
    if not by_token:
        return None
    return CallerAuthSettings(
        authority=(authority or _ENTRA).rstrip("/"),
        tenant_id=(tenant_id or "").lower(),
        audiences=validators.comma_separated(audiences),
        caller_object_ids=validators.comma_separated((callers or "").lower()),
        operator_object_ids=validators.comma_separated((operators or "").lower()),
    )


_OTLP_SIGNALS: Final = {
    "": "",
    "_TRACES": "/v1/traces",
    "_METRICS": "/v1/metrics",
    "_LOGS": "/v1/logs",
}


def telemetry(reader: EnvironReader) -> TelemetrySettings | None:
    """The exports that OpenTelemetry's standard settings switch on; None: there are none."""
    addresses = _collector_addresses(reader)
    members = reader.validate(
        "TELEMETRY_CALLER_ATTRIBUTES",
        f"some of {', '.join(validators.CALLER_MEMBERS)}, separated by commas",
        "team",
        validators.are_caller_members,
    )
    messages = reader.one_of(
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
        "no_content",
        "span_only",
        "event_only",
        "span_and_event",
    )
    old_names = reader.switch("TELEMETRY_OLD_METRIC_NAMES", default=False)
    disabled = reader.switch("OTEL_SDK_DISABLED", default=False)
    sampler = reader.text("OTEL_TRACES_SAMPLER")
    if disabled or not any(addresses.values()):
        return None
    has_logs = bool(addresses[""] or addresses["_LOGS"])
    return TelemetrySettings(
        traces=bool(addresses[""] or addresses["_TRACES"]),
        metrics=bool(addresses[""] or addresses["_METRICS"]),
        messages_on_spans=messages in {"span_only", "span_and_event"},
        messages_in_events=messages in {"event_only", "span_and_event"} and has_logs,
        sampler_chosen=sampler is not None,
        caller_members=validators.comma_separated((members or "").lower()),
        old_names=old_names,
    )


def _collector_addresses(reader: EnvironReader) -> dict[str, str | None]:
    """The address by signal; "" is that of all signals. OpenTelemetry's SDK reads the validated
    settings itself.
    """
    addresses = {
        signal: reader.validate(
            f"OTEL_EXPORTER_OTLP{signal}_ENDPOINT",
            "the address of a collector's OTLP/HTTP receiver",
            f"https://collector.contoso.com:4318{path}",
            validators.is_collector_address,
        )
        for signal, path in _OTLP_SIGNALS.items()
    }
    reader.validate(
        "OTEL_EXPORTER_OTLP_HEADERS",
        "headers for the collector: name=value, several of them separated by commas",
        "api-key=...",
        validators.are_otlp_headers,
        secret=True,
    )
    reader.one_of("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    return addresses
