"""Settings: the values read, their accepted forms, and the one error that names every problem."""

from __future__ import annotations

import importlib.util
import json

import pytest

from local.repository import ROOT
from shared.core.cost.deployments import DeploymentProfile
from shared.errors import SettingsError
from shared.settings.environ_reader import LONGEST_EXCHANGE_S
from shared.settings.loader import load
from shared.settings.settings import FollowingSettings, Settings
from shared.settings.validators import connection_string_parts
from tests.support.recording_environment import RecordingEnvironment
from tests.unit.settings.least_settings import EVENT_HUB, LEAST, SECRET, STORAGE

# Settings in the samples for others than this app: the Functions host and its Python worker.
OF_THE_HOST = {"FUNCTIONS_WORKER_RUNTIME", "PYTHON_ENABLE_INIT_INDEXING"}


def problems(changes: dict[str, str]) -> list[str]:
    """The lines of the error for the least settings with these changes."""
    with pytest.raises(SettingsError) as error:
        load(LEAST | changes)
    return str(error.value).splitlines()


def test_the_least_settings_are_enough_and_the_rest_has_defaults() -> None:
    settings = load(LEAST)
    upstream, limits = settings.upstream, settings.limits
    assert (upstream.base_url, upstream.key, upstream.region) == (
        "https://contoso.openai.azure.com",
        None,
        None,
    )
    assert upstream.scope == "https://cognitiveservices.azure.com/.default"
    assert (upstream.connect_timeout_s, upstream.write_timeout_s, upstream.read_timeout_s) == (
        10,
        60,
        600,
    )
    assert upstream.max_connections == 1000
    assert (limits.exchange_s, limits.request_body_bytes, limits.recording_wait_s) == (
        1500,
        100 * 1024 * 1024,
        0.2,
    )
    assert settings.managed_identity_client_id is None


def test_nothing_at_all_names_everything_that_is_missing_at_once() -> None:
    with pytest.raises(SettingsError) as error:
        load({})
    assert str(error.value).splitlines() == [
        "5 settings of fnsse need attention:",
        "  AZURE_OPENAI_BASE_URL is missing: the address of Azure OpenAI: https://, a host, at most a path "
        "(http:// for a local stand-in only), "
        "without what callers add to it after /openai, such as /deployments, e.g. https://contoso.openai.azure.com",
        "  AZURE_EVENTHUB_CONN_STR or AZURE_EVENTHUB_NAMESPACE is missing: an Event Hubs connection string, or the host name "
        "for the app's managed identity, e.g. AZURE_EVENTHUB_NAMESPACE=contoso.servicebus.windows.net",
        "  AZURE_EVENTHUB_NAME is missing: the name of the event hub, e.g. openai-logs",
        "  AzureWebJobsStorage or AzureWebJobsStorage__blobServiceUri is missing: a storage connection string, or the "
        "service's address for the app's managed identity, e.g. AzureWebJobsStorage__blobServiceUri=https://contoso.blob.core.windows.net",
        "  AzureWebJobsStorage or AzureWebJobsStorage__queueServiceUri is missing: a storage connection string, or the "
        "service's address for the app's managed identity, e.g. AzureWebJobsStorage__queueServiceUri=https://contoso.queue.core.windows.net",
    ]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        (
            "AZURE_OPENAI_BASE_URL",
            "contoso.openai.azure.com",
            "AZURE_OPENAI_BASE_URL is malformed ('contoso.openai.azure.com'): it must be the address of Azure OpenAI: "
            "https://, a host, at most a path (http:// for a local stand-in only), "
            "without what callers add to it after /openai, such as /deployments, e.g. https://contoso.openai.azure.com",
        ),
        (
            "AZURE_OPENAI_API_VERSION",
            "latest-ish",
            "AZURE_OPENAI_API_VERSION is malformed ('latest-ish'): it must be an api-version of Azure OpenAI, e.g. 2024-10-21",
        ),
        (
            "AZURE_EVENTHUB_CONN_STR",
            "Endpoint=https://contoso",
            "AZURE_EVENTHUB_CONN_STR is malformed: it must be an Event Hubs connection string, "
            "e.g. Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKeyName=send;SharedAccessKey=...",
        ),
        (
            "AZURE_EVENTHUB_NAMESPACE",
            "contoso",
            "AZURE_EVENTHUB_NAMESPACE is malformed ('contoso'): it must be an Event Hubs host name, "
            "e.g. contoso.servicebus.windows.net",
        ),
        (
            "AzureWebJobsStorage",
            "contoso",
            "AzureWebJobsStorage is malformed: it must be a storage connection string, "
            "e.g. DefaultEndpointsProtocol=https;AccountName=contoso;AccountKey=...;EndpointSuffix=core.windows.net",
        ),
        (
            "UPSTREAM_READ_TIMEOUT_S",
            "ten",
            "UPSTREAM_READ_TIMEOUT_S is malformed ('ten'): it must be a number of seconds from 0.05 to 1740, e.g. 600",
        ),
        (
            "MAX_REQUEST_BODY_MB",
            "101",
            "MAX_REQUEST_BODY_MB is malformed ('101'): it must be megabytes from 0.001 to 100, e.g. 100",
        ),
        (
            "RECORDING_WAIT_MS",
            "-1",
            "RECORDING_WAIT_MS is malformed ('-1'): it must be milliseconds from 0 to 10000, e.g. 200",
        ),
        (
            "UPSTREAM_MAX_CONNECTIONS",
            "0",
            "UPSTREAM_MAX_CONNECTIONS is malformed ('0'): it must be a number of connections from 1 to 100000, e.g. 1000",
        ),
    ],
)
def test_a_malformed_setting_is_named(name: str, value: str, expected: str) -> None:
    """The message says what its value must look like."""
    assert problems({name: value}) == ["1 setting of fnsse needs attention:", f"  {expected}"]


@pytest.mark.parametrize(
    "name",
    [
        "UPSTREAM_CONNECT_TIMEOUT_S",
        "UPSTREAM_WRITE_TIMEOUT_S",
        "UPSTREAM_READ_TIMEOUT_S",
        "EXCHANGE_TIMEOUT_S",
    ],
)
@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "1741", "1e9", "1,5", "10s", "٣x"])
def test_a_timeout_is_a_number_of_seconds_within_its_range(name: str, value: str) -> None:
    assert problems({name: value})[1].startswith(f"  {name} is malformed ('{value}')")


def test_numbers_may_have_fractions() -> None:
    settings = load(
        LEAST
        | {"EXCHANGE_TIMEOUT_S": "0.5", "MAX_REQUEST_BODY_MB": "0.5", "RECORDING_WAIT_MS": "0"}
    )
    limits = settings.limits
    assert (limits.exchange_s, limits.request_body_bytes, limits.recording_wait_s) == (
        0.5,
        512 * 1024,
        0,
    )


def test_waits_that_follow_from_two_settings() -> None:
    """Recording is given up before reconcile judges what was not recorded."""
    settings = load(LEAST | {"EXCHANGE_TIMEOUT_S": "600", "RECONCILE_GRACE_S": "30"})
    assert settings.longest_open_s == 630
    assert settings.reconcile.give_up_recording_after_s == 20


def test_the_longest_exchange_ends_before_the_host_would_end_it() -> None:
    """host.json's functionTimeout takes the whole worker down, with every other exchange in it."""
    hours, minutes, seconds = map(
        int, json.loads((ROOT / "host.json").read_text())["functionTimeout"].split(":")
    )
    assert hours * 3600 + minutes * 60 + seconds > LONGEST_EXCHANGE_S
    assert (
        load(LEAST | {"EXCHANGE_TIMEOUT_S": str(LONGEST_EXCHANGE_S)}).limits.exchange_s
        == LONGEST_EXCHANGE_S
    )
    assert problems({"EXCHANGE_TIMEOUT_S": str(LONGEST_EXCHANGE_S + 1)})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AZURE_EVENTHUB_CONN_STR", f"Endpoint=sb://contoso;SharedAccessKey={SECRET}"),
        (
            "AZURE_EVENTHUB_NAMESPACE",
            f"Endpoint=sb://contoso/;SharedAccessKeyName=a;SharedAccessKey={SECRET}",
        ),
        ("AzureWebJobsStorage", f"AccountKey={SECRET}"),
        ("CAPTURES_STORAGE", f"AccountKey={SECRET}"),
        (
            "CAPTURES_STORAGE__blobServiceUri",
            f"https://contoso.blob.core.windows.net/?sv=1&sig={SECRET}",
        ),
        ("AZURE_OPENAI_BASE_URL", f"https://user:{SECRET}@contoso"),
        ("AZURE_OPENAI_BASE_URL", f"https://contoso/?api-key={SECRET}"),
        ("AZURE_OPENAI_API_VERSION", f"{SECRET}{SECRET}"),
        ("UPSTREAM_READ_TIMEOUT_S", f"{SECRET}{SECRET}"),
    ],
)
def test_a_secret_is_never_repeated_even_in_a_wrong_setting(name: str, value: str) -> None:
    text = "\n".join(problems({name: value}))
    assert f"{name} is malformed: it must be" in text
    assert SECRET not in text


@pytest.mark.parametrize(
    "address",
    [
        "http://contoso-production-west-europe.openai.azure.com",
        "HTTP://contoso-production-west-europe.openai.azure.com:8080/some/prefix/",
        f"http://contoso/{'a' * 185}",
    ],
)
def test_a_plain_address_is_repeated_however_long(address: str) -> None:
    """A URL that is nearly right is found soonest when one sees it."""
    assert problems({"AZURE_OPENAI_BASE_URL": address})[1].startswith(
        f"  AZURE_OPENAI_BASE_URL is malformed ({address!r}): "
    )


@pytest.mark.parametrize(
    "address",
    [
        f"http://user:{SECRET}@contoso-production-west-europe",
        f"http://{SECRET}@contoso-production-west-europe",
        f"http://contoso-production-west-europe/?key={SECRET}",
        f"http://contoso-production-west-europe/#{SECRET}",
        f"http://contoso/;SharedAccessKey={SECRET}",
        f"http://contoso/{SECRET}{'a' * 200}",
        f"Endpoint=http://contoso-production-west-europe/{SECRET}",
    ],
)
def test_an_address_that_holds_more_is_not_repeated(address: str) -> None:
    text = "\n".join(problems({"AZURE_OPENAI_BASE_URL": address}))
    assert "AZURE_OPENAI_BASE_URL is malformed: it must be" in text
    assert SECRET not in text


def test_no_secret_shows_when_settings_are_printed() -> None:
    settings = load(LEAST | {"AZURE_OPENAI_KEY": SECRET, "CAPTURES_STORAGE": STORAGE})
    assert SECRET not in repr(settings)


def test_all_problems_come_in_one_error() -> None:
    changes = {
        "AZURE_OPENAI_BASE_URL": "",
        "AZURE_OPENAI_API_VERSION": "?",
        "EXCHANGE_TIMEOUT_S": "x",
        "AzureWebJobsStorage": "x",
    }
    heading, *named = problems(changes)
    assert heading == "4 settings of fnsse need attention:"
    assert [line.split()[0] for line in named] == [
        "AZURE_OPENAI_BASE_URL",
        "AZURE_OPENAI_API_VERSION",
        "AzureWebJobsStorage",
        "EXCHANGE_TIMEOUT_S",
    ]


@pytest.mark.parametrize(
    ("value", "base_url"),
    [
        ("https://contoso.openai.azure.com", "https://contoso.openai.azure.com"),
        ("https://contoso.openai.azure.com/", "https://contoso.openai.azure.com"),
        ("https://contoso.openai.azure.com/openai/", "https://contoso.openai.azure.com"),
        ("  https://contoso.openai.azure.com  ", "https://contoso.openai.azure.com"),
        ("https://contoso.openai.azure.com/openai/v1/", "https://contoso.openai.azure.com"),
        ("https://contoso.openai.azure.com//OpenAI/v1", "https://contoso.openai.azure.com"),
        ("https://apim.contoso.com/prefix/openai", "https://apim.contoso.com/prefix"),
        ("https://apim.contoso.com/prefix/openai/v1", "https://apim.contoso.com/prefix"),
        ("https://apim.contoso.com/myopenai", "https://apim.contoso.com/myopenai"),
        ("http://127.0.0.1:8081", "http://127.0.0.1:8081"),
        ("http://localhost:8081", "http://localhost:8081"),
        ("http://[::1]:8081", "http://[::1]:8081"),
    ],
)
def test_the_base_url_loses_what_the_route_brings(value: str, base_url: str) -> None:
    assert load(LEAST | {"AZURE_OPENAI_BASE_URL": value}).upstream.base_url == base_url


@pytest.mark.parametrize(
    "value",
    [
        "http://contoso.com",
        "ftp://contoso.com",
        "https://",
        "https:///x",
        "https://contoso.com/?a=1",
        "https://contoso.com/#a",
        "https://[",
        "https://a b",
        "https://contoso.openai.azure.com/openai/deployments/gpt-4o",
        "https://apim.contoso.com/prefix/openai/v1/chat/completions",
        "https://contoso.openai.azure.com/v1",
        "https://contoso.cognitiveservices.azure.com/anything",
    ],
)
def test_a_base_url_is_https_and_an_address(value: str) -> None:
    assert len(problems({"AZURE_OPENAI_BASE_URL": value})) == 2


@pytest.mark.parametrize("version", ["2024-10-21", "2025-04-01-preview", "preview", "latest", "v1"])
def test_every_form_of_an_api_version_is_accepted(version: str) -> None:
    assert load(LEAST | {"AZURE_OPENAI_API_VERSION": version}).upstream.api_version == version


def test_a_blank_value_counts_as_absent() -> None:
    settings = load(
        LEAST
        | {
            "AZURE_OPENAI_KEY": " ",
            "AZURE_OPENAI_API_VERSION": "",
            "CAPTURES_STORAGE": "",
            "EXCHANGE_TIMEOUT_S": "",
        }
    )
    assert settings == load(LEAST)


def test_the_upstream_takes_a_key_or_the_managed_identity() -> None:
    assert load(LEAST | {"AZURE_OPENAI_KEY": SECRET}).upstream.key == SECRET
    settings = load(
        LEAST | {"AZURE_OPENAI_SCOPE": "https://ai.azure.com/.default", "AZURE_CLIENT_ID": "1"}
    )
    assert (settings.upstream.key, settings.upstream.scope) == (
        None,
        "https://ai.azure.com/.default",
    )
    assert settings.managed_identity_client_id == "1"


def test_the_event_hub_needs_a_way_to_sign_in() -> None:
    """A connection string, or a namespace for the managed identity."""
    assert load(LEAST).event_hub.connection_string == EVENT_HUB
    changes = {
        "AZURE_EVENTHUB_CONN_STR": "",
        "AZURE_EVENTHUB_NAMESPACE": "contoso.servicebus.windows.net",
    }
    event_hub = load(LEAST | changes).event_hub
    assert (event_hub.connection_string, event_hub.namespace) == (
        None,
        "contoso.servicebus.windows.net",
    )


def test_the_event_hubs_name_may_stand_in_its_connection_string() -> None:
    changes = {"AZURE_EVENTHUB_NAME": "", "AZURE_EVENTHUB_CONN_STR": f"{EVENT_HUB};EntityPath=logs"}
    assert load(LEAST | changes).event_hub.name == "logs"
    assert load(LEAST | changes | {"AZURE_EVENTHUB_NAME": "other"}).event_hub.name == "other"


def test_a_malformed_string_may_hold_the_name() -> None:
    """The name of the event hub in it counts."""
    changes = {
        "AZURE_EVENTHUB_NAME": "",
        "AZURE_EVENTHUB_CONN_STR": "Endpoint=contoso;EntityPath=logs",
    }
    assert len(problems(changes)) == 2


@pytest.mark.parametrize(
    "text",
    [
        EVENT_HUB,
        "Endpoint=sb://127.0.0.1;SharedAccessKeyName=R;SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;",
        "Endpoint=sb://contoso/;SharedAccessSignature=SharedAccessSignature sr=a&sig=b&se=1&skn=c",
    ],
)
def test_every_event_hub_connection_string_is_accepted(text: str) -> None:
    assert load(LEAST | {"AZURE_EVENTHUB_CONN_STR": text}).event_hub.connection_string == text


def test_captures_may_have_their_own_account() -> None:
    """By default they are in the host's account."""
    storage = load(LEAST).storage
    assert (storage.setting, storage.connection_string) == ("AzureWebJobsStorage", STORAGE)
    own = STORAGE.replace("contoso", "captures")
    storage = load(LEAST | {"CAPTURES_STORAGE": own}).storage
    assert (storage.setting, storage.connection_string) == ("CAPTURES_STORAGE", own)


@pytest.mark.parametrize("setting", ["CAPTURES_STORAGE", "AzureWebJobsStorage"])
def test_storage_takes_the_managed_identity_and_two_addresses(setting: str) -> None:
    blob, queue = "https://contoso.blob.core.windows.net", "https://contoso.queue.core.windows.net"
    addresses = {f"{setting}__blobServiceUri": blob, f"{setting}__queueServiceUri": queue}
    storage = load(LEAST | {"AzureWebJobsStorage": ""} | addresses).storage
    assert (storage.setting, storage.connection_string) == (setting, None)
    assert (storage.blob_service_uri, storage.queue_service_uri) == (blob, queue)


def test_storage_takes_the_hosts_short_form_for_the_public_cloud() -> None:
    storage = load(
        LEAST | {"AzureWebJobsStorage": "", "AzureWebJobsStorage__accountName": "contoso"}
    ).storage
    assert storage.blob_service_uri == "https://contoso.blob.core.windows.net"
    assert storage.queue_service_uri == "https://contoso.queue.core.windows.net"


def test_one_address_of_two_names_the_other() -> None:
    _, problem = problems(
        {"CAPTURES_STORAGE__blobServiceUri": "https://contoso.blob.core.windows.net"}
    )
    assert problem.startswith("  CAPTURES_STORAGE or CAPTURES_STORAGE__queueServiceUri is missing:")


@pytest.mark.parametrize(
    "text",
    [
        STORAGE,
        "UseDevelopmentStorage=true",
        "usedevelopmentstorage=TRUE;",
        "AccountName=a;AccountKey=b==",
        "BlobEndpoint=http://127.0.0.1:1/a;QueueEndpoint=http://127.0.0.1:2/a;AccountName=a;AccountKey=b",
        "BlobEndpoint=https://a;QueueEndpoint=https://b;SharedAccessSignature=sv=1&sig=2",
    ],
)
def test_every_storage_connection_string_is_accepted(text: str) -> None:
    assert load(LEAST | {"AzureWebJobsStorage": text}).storage.connection_string == text


@pytest.mark.parametrize("name", ["ASK_FOR_USAGE", "ERROR_FRAMES"])
def test_a_switch_is_true_or_false(name: str) -> None:
    field = name.lower()
    assert getattr(load(LEAST).interventions, field) is True
    assert getattr(load(LEAST | {name: "False"}).interventions, field) is False
    assert getattr(load(LEAST | {name: "TRUE"}).interventions, field) is True
    default = "true"
    assert (
        problems({name: "yes"})[1]
        == f"  {name} is malformed ('yes'): it must be true or false, e.g. {default}"
    )


def test_interventions_that_wait_can_be_switched_off() -> None:
    interventions = load(LEAST | {"KEEP_ALIVE_S": "0", "EARLY_RESPONSE_AFTER_S": "0"}).interventions
    assert (interventions.keep_alive_s, interventions.early_response_after_s) == (0, 0)


def test_request_headers_for_events_are_names_without_case() -> None:
    assert load(LEAST).copied_headers == frozenset()
    assert load(LEAST | {"EVENT_REQUEST_HEADERS": " X-Team, x-session-id "}).copied_headers == {
        "x-team",
        "x-session-id",
    }


def test_events_have_a_cost_only_if_it_is_switched_on() -> None:
    assert not load(LEAST).event_cost
    assert load(LEAST | {"EVENT_COST": "true"}).event_cost


def test_deployments_have_a_type_a_zone_and_a_model() -> None:
    assert load(LEAST).deployments == {}
    value = '{"GPT-4o": {"sku": "DataZoneStandard", "zone": "eu"}, "*": {"model": "whisper"}}'
    assert load(LEAST | {"DEPLOYMENTS": value}).deployments == {
        "gpt-4o": DeploymentProfile(sku="DataZoneStandard", zone="eu"),
        "*": DeploymentProfile(model="whisper"),
    }


@pytest.mark.parametrize(
    "value",
    [
        "gpt-4o=Standard",
        "[]",
        "{}",
        '{"gpt-4o": "Standard"}',
        '{"gpt-4o": {}}',
        '{"gpt-4o": {"sku": "standard"}}',
        '{"gpt-4o": {"sku": 7}}',
        '{"gpt-4o": {"zone": "Europe!"}}',
        '{"gpt-4o": {"size": "S0"}}',
    ],
)
def test_deployments_in_another_form_are_rejected(value: str) -> None:
    """A type that Azure does not have would leave its calls without a price."""
    assert problems({"DEPLOYMENTS": value})[1].startswith("  DEPLOYMENTS is malformed")


@pytest.mark.parametrize(
    "name",
    [
        "authorization",
        "Api-Key",
        "cookie",
        "x-functions-key",
        "Ocp-Apim-Subscription-Key",
        "x-api-key",
        "a b",
        "x-team,,y",
        ":",
    ],
)
def test_no_header_with_a_credential_is_copied_into_events(name: str) -> None:
    assert problems({"EVENT_REQUEST_HEADERS": name})[1].startswith(
        "  EVENT_REQUEST_HEADERS is malformed"
    )


TENANT = "6B1F6A3E-9d41-4f0a-8a55-0c5d6f2b7e10"
ENTRA = {
    "CALLER_AUTH": "entra",
    "CALLER_AUTH_TENANT_ID": TENANT,
    "CALLER_AUTH_AUDIENCE": "api://Fnsse",
    "CALLER_AUTH_CALLER_OBJECT_IDS": TENANT,
}


def test_the_host_checks_callers_by_default() -> None:
    """The other settings of tokens may be set already."""
    assert load(LEAST).caller_auth is None
    assert load(LEAST | ENTRA | {"CALLER_AUTH": "Function_Key"}).caller_auth is None


def test_the_least_settings_for_tokens() -> None:
    auth = load(LEAST | ENTRA).caller_auth
    assert auth is not None
    assert (auth.authority, auth.tenant_id) == ("https://login.microsoftonline.com", TENANT.lower())
    assert auth.audiences == {"api://Fnsse"}
    assert auth.caller_object_ids == {TENANT.lower()}
    assert auth.operator_object_ids == frozenset()


def test_audiences_are_separated_by_commas() -> None:
    """The object ids of callers and operators are separated so as well."""
    other = TENANT.replace("6", "7")
    changes = {
        "CALLER_AUTH_AUDIENCE": f"api://Fnsse, {TENANT}",
        "CALLER_AUTH_CALLER_OBJECT_IDS": f"{TENANT} ,{other}",
        "CALLER_AUTH_OPERATOR_OBJECT_IDS": other,
    }
    auth = load(LEAST | ENTRA | changes).caller_auth
    assert auth is not None
    assert auth.audiences == {"api://Fnsse", TENANT}
    assert auth.caller_object_ids == {TENANT.lower(), other.lower()}
    assert auth.operator_object_ids == {other.lower()}


def test_tokens_need_a_tenant_an_audience_and_callers() -> None:
    heading, *named = problems({"CALLER_AUTH": "entra"})
    assert heading == "3 settings of fnsse need attention:"
    assert named == [
        "  CALLER_AUTH_TENANT_ID is missing: the id of the callers' Entra tenant, a GUID, "
        "e.g. 11111111-2222-4333-8444-555555555555",
        "  CALLER_AUTH_AUDIENCE is missing: the audience of callers' tokens, or several, separated by commas, "
        "e.g. api://11111111-2222-4333-8444-555555555555",
        "  CALLER_AUTH_CALLER_OBJECT_IDS is missing: object ids (GUIDs), separated by commas, of those who may call, "
        "e.g. 11111111-2222-4333-8444-555555555555",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CALLER_AUTH", "none"),
        ("CALLER_AUTH", "easy_auth"),
        ("CALLER_AUTH_TENANT_ID", "contoso.onmicrosoft.com"),
        ("CALLER_AUTH_TENANT_ID", "common"),
        ("CALLER_AUTH_TENANT_ID", f"{TENANT},{TENANT}"),
        ("CALLER_AUTH_AUDIENCE", "api://a,,api://b"),
        ("CALLER_AUTH_AUDIENCE", "api://a b"),
        ("CALLER_AUTH_CALLER_OBJECT_IDS", "*"),
        ("CALLER_AUTH_CALLER_OBJECT_IDS", f"{TENANT},"),
        ("CALLER_AUTH_OPERATOR_OBJECT_IDS", f"{TENANT};{TENANT}"),
        ("CALLER_AUTH_AUTHORITY", "http://login.microsoftonline.com"),
        ("CALLER_AUTH_AUTHORITY", "login.microsoftonline.com"),
        ("CALLER_AUTH_AUTHORITY", f"https://login.microsoftonline.com/{TENANT}"),
    ],
)
def test_a_malformed_setting_for_tokens_is_named(name: str, value: str) -> None:
    _, problem = problems(ENTRA | {name: value})
    assert problem.startswith(f"  {name} is malformed")


@pytest.mark.parametrize(
    ("value", "authority"),
    [
        ("https://login.microsoftonline.us/", "https://login.microsoftonline.us"),
        ("https://login.partner.microsoftonline.cn", "https://login.partner.microsoftonline.cn"),
        ("http://127.0.0.1:1234", "http://127.0.0.1:1234"),
        ("http://localhost:1234", "http://localhost:1234"),
    ],
)
def test_a_sovereign_cloud_has_its_authority(value: str, authority: str) -> None:
    auth = load(LEAST | ENTRA | {"CALLER_AUTH_AUTHORITY": value}).caller_auth
    assert auth is not None
    assert auth.authority == authority


def test_connection_strings_are_read_as_names_and_values() -> None:
    assert connection_string_parts(" A =1;b=x=y==;;nonsense;C= 2 ;") == {
        "a": "1",
        "b": "x=y==",
        "c": "2",
    }
    assert connection_string_parts("") == {}


def sample() -> dict[str, str]:
    values: dict[str, str] = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]
    return values


def test_the_sample_is_valid_as_it_is() -> None:
    assert isinstance(load(sample()), Settings)


def test_the_sample_holds_every_setting() -> None:
    """It holds nothing that is not read."""
    environment = RecordingEnvironment(sample())
    load(environment)
    load(without_captures := RecordingEnvironment(sample() | {"CAPTURES_STORAGE": ""}))
    read = environment.names_read | without_captures.names_read
    assert sample().keys() - OF_THE_HOST <= read
    one_or_the_other = {name for name in read if "__" in name}  # instead of a connection string
    assert read - sample().keys() == one_or_the_other


def test_the_content_policy_is_read_with_the_mode_as_its_default() -> None:
    text = '{"rules": [{"name": "lab", "product": "lab", "mode": "full"}]}'
    policy = load(LEAST | {"CONTENT_MODE": "metadata", "CONTENT_POLICY": text}).content.policy
    assert (policy.default, policy.default_rule) == ("metadata", "CONTENT_MODE")
    assert [rule.name for rule in policy.rules] == ["lab"]


def test_presidio_has_to_be_installed_by_whoever_wants_it() -> None:
    if importlib.util.find_spec("presidio_analyzer") is not None:
        pytest.skip("Presidio is installed")
    assert problems({"PRESIDIO_MODELS": "en=en_core_web_lg, de=blank"})[1] == (
        "  PRESIDIO_MODELS is malformed: presidio-analyzer is not installed "
        "(docs/reference/detectors.md)"
    )


@pytest.mark.parametrize("models", ["en", "en_core_web_lg", "en=../x", "EN=blank", "en=a b"])
def test_a_model_has_a_language_and_a_name(models: str) -> None:
    assert problems({"PRESIDIO_MODELS": models})[1].startswith("  PRESIDIO_MODELS is malformed")


def test_no_rule_keeps_captures_longer_than_all_are_kept() -> None:
    text = '{"retention_days": 8}'
    settings = {"CONTENT_POLICY": text, "CAPTURE_RETENTION_DAYS": "7"}
    assert problems(settings)[1].startswith(
        "  CONTENT_POLICY is malformed: `retention_days` of the policy is not a number of days "
        "from 1 to 7"
    )
    assert load(LEAST | {"CONTENT_POLICY": text}).content.policy.retention_days == 8


@pytest.mark.parametrize("name", ["policies/content.json", "a-2/b", "policies/eu/content.v2.json"])
def test_the_content_policy_may_be_in_a_blob(name: str) -> None:
    """Until it is read, what the settings hold is the strictest."""
    content = load(LEAST | {"CONTENT_MODE": "redacted", "CONTENT_POLICY": name}).content
    assert (content.policy_blob, content.default) == (name, "redacted")
    assert content.policy.default == "metadata"


@pytest.mark.parametrize(
    "text",
    [
        *("content.json", "full", "[]", "Policies/content.json", "po/content.json"),
        "https://contoso.blob.core.windows.net/policies/content.json",
    ],
)
def test_a_malformed_content_policy(text: str) -> None:
    """It is neither a policy nor the name of a blob."""
    assert problems({"CONTENT_POLICY": text})[1] == (
        "  CONTENT_POLICY is malformed: it is neither a JSON object nor the name of a blob, "
        "policies/content.json"
    )


def test_a_mistake_in_the_content_policy_is_named_with_its_rule() -> None:
    text = '{"rules": [{"name": "lab", "produkt": "lab", "mode": "full"}]}'
    assert problems({"CONTENT_POLICY": text})[1].startswith(
        "  CONTENT_POLICY is malformed: rule 1 (lab) has a member that is none of name, mode"
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, FollowingSettings(first_wait_s=30, schedule="0 * * * * *")),
        (
            {"FOLLOW_BACKGROUND_AFTER_S": "5", "FOLLOW_SCHEDULE": "0 */5 * * * *"},
            FollowingSettings(first_wait_s=5, schedule="0 */5 * * * *"),
        ),
        ({"FOLLOW_BACKGROUND_AFTER_S": "0"}, None),
    ],
    ids=["default", "chosen", "off"],
)
def test_following_can_be_switched_off(
    changes: dict[str, str], expected: FollowingSettings | None
) -> None:
    """By default background responses are followed."""
    assert load(LEAST | changes).following == expected


def test_a_schedule_of_five_fields_is_malformed() -> None:
    """A crontab has five fields, but the host reads the first field as seconds."""
    assert any("FOLLOW_SCHEDULE" in line for line in problems({"FOLLOW_SCHEDULE": "* * * * *"}))


@pytest.mark.parametrize(
    ("value", "on_spans", "in_events"),
    [
        (None, False, False),
        ("NO_CONTENT", False, False),
        ("SPAN_ONLY", True, False),
        ("EVENT_ONLY", False, True),
        ("span_and_event", True, True),
    ],
)
def test_prompts_are_exported_only_by_a_setting(
    value: str | None, on_spans: bool, in_events: bool
) -> None:
    """The same holds for answers."""
    collector = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
    wanted = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": value} if value else {}
    telemetry = load(LEAST | collector | wanted).telemetry
    assert telemetry is not None
    assert (telemetry.messages_on_spans, telemetry.messages_in_events) == (on_spans, in_events)
    assert telemetry.wants_messages == (on_spans or in_events)


def test_events_need_an_address_for_logs() -> None:
    traces = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}
    wanted = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "EVENT_ONLY"}
    telemetry = load(LEAST | traces | wanted).telemetry
    assert telemetry is not None
    assert not telemetry.wants_messages
