"""Which settings the functions host starts with, and which parts are local."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.stack.environment import compose, read_settings_file
from local.stack.errors import StackError
from local.stack.ports import Ports
from local.stack.stack import local_addresses

SAMPLE = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "CAPTURES_STORAGE": "UseDevelopmentStorage=true",
    "AZURE_EVENTHUB_CONN_STR": "Endpoint=sb://127.0.0.1;...",
    "AZURE_EVENTHUB_NAME": "openai-logs",
    "AZURE_OPENAI_BASE_URL": "http://127.0.0.1:8081",
    "AZURE_OPENAI_KEY": "local",
    "RECORDING_WAIT_MS": "200",
}
LOCAL = {
    "azurite": {
        "AzureWebJobsStorage": "azurite on port 1",
        "CAPTURES_STORAGE": "azurite on port 1",
    },
    "event_hubs": {"AZURE_EVENTHUB_CONN_STR": "event hubs on port 2"},
    "azure_openai": {"AZURE_OPENAI_BASE_URL": "http://127.0.0.1:3"},
}
ALL = {"azurite", "event_hubs", "azure_openai"}


def test_all_parts_are_local_by_default() -> None:
    """Without own settings all parts are local on the ports of this stack."""
    composed = compose(sample=SAMPLE, own={}, local=LOCAL)
    assert composed.local_parts == ALL
    assert composed.values["AzureWebJobsStorage"] == "azurite on port 1"
    assert composed.values["AZURE_EVENTHUB_CONN_STR"] == "event hubs on port 2"
    assert composed.values["AZURE_OPENAI_BASE_URL"] == "http://127.0.0.1:3"
    assert composed.values["AZURE_OPENAI_KEY"] == "local"


def test_own_settings_go_over_the_sample() -> None:
    assert (
        compose(sample=SAMPLE, own={"RECORDING_WAIT_MS": "50"}, local=LOCAL).values[
            "RECORDING_WAIT_MS"
        ]
        == "50"
    )


def test_a_copy_of_the_sample_changes_nothing() -> None:
    """Copying local.settings.sample.json to local.settings.json is the first thing many do, and
    ports may be others.
    """
    assert compose(sample=SAMPLE, own=SAMPLE, local=LOCAL) == compose(
        sample=SAMPLE, own={}, local=LOCAL
    )


def test_a_blank_setting_names_nothing() -> None:
    assert (
        compose(sample=SAMPLE, own={"AZURE_OPENAI_BASE_URL": " "}, local=LOCAL).local_parts == ALL
    )


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("AZURE_OPENAI_BASE_URL", "https://contoso.openai.azure.com", "azure_openai"),
        (
            "AZURE_EVENTHUB_CONN_STR",
            "Endpoint=sb://contoso.servicebus.windows.net/;...",
            "event_hubs",
        ),
        ("AZURE_EVENTHUB_NAMESPACE", "contoso.servicebus.windows.net", "event_hubs"),
        (
            "AzureWebJobsStorage",
            "DefaultEndpointsProtocol=https;AccountName=contoso;...",
            "azurite",
        ),
    ],
)
def test_a_real_service_replaces_the_local_part(name: str, value: str, part: str) -> None:
    composed = compose(sample=SAMPLE, own={name: value}, local=LOCAL)
    assert composed.local_parts == ALL - {part}
    assert composed.values[name] == value


def test_the_stand_ins_key_never_goes_to_a_real_upstream() -> None:
    """Without a key, the app uses the managed identity or the developer's login."""
    composed = compose(
        sample=SAMPLE,
        own={"AZURE_OPENAI_BASE_URL": "https://contoso.openai.azure.com"},
        local=LOCAL,
    )
    assert composed.values["AZURE_OPENAI_KEY"] == ""


def test_captures_follow_the_hosts_real_account() -> None:
    """Blank means AzureWebJobsStorage; the sample's Azurite is not running then."""
    composed = compose(
        sample=SAMPLE, own={"AzureWebJobsStorage": "AccountName=contoso;..."}, local=LOCAL
    )
    assert composed.values["CAPTURES_STORAGE"] == ""


def test_captures_may_live_in_a_real_account_beside_a_local_host() -> None:
    composed = compose(
        sample=SAMPLE, own={"CAPTURES_STORAGE": "AccountName=contoso;..."}, local=LOCAL
    )
    assert composed.local_parts == ALL
    assert composed.values["CAPTURES_STORAGE"] == "AccountName=contoso;..."
    assert composed.values["AzureWebJobsStorage"] == "azurite on port 1"


def test_the_own_key_goes_to_a_real_upstream() -> None:
    own = {"AZURE_OPENAI_BASE_URL": "https://contoso.openai.azure.com", "AZURE_OPENAI_KEY": "mine"}
    assert compose(sample=SAMPLE, own=own, local=LOCAL).values["AZURE_OPENAI_KEY"] == "mine"


def test_a_real_namespace_replaces_the_emulator() -> None:
    """A real namespace does not leave the emulators connection string."""
    own = {"AZURE_EVENTHUB_NAMESPACE": "contoso.servicebus.windows.net"}
    assert compose(sample=SAMPLE, own=own, local=LOCAL).values["AZURE_EVENTHUB_CONN_STR"] == ""


def test_the_hub_of_a_real_namespace_has_no_default_name() -> None:
    """The app then says that the name is missing; the sample's would name a hub
    that is not there.
    """
    own = {"AZURE_EVENTHUB_CONN_STR": "Endpoint=sb://contoso.servicebus.windows.net/;..."}
    assert compose(sample=SAMPLE, own=own, local=LOCAL).values["AZURE_EVENTHUB_NAME"] == ""


def test_a_real_hub_may_have_the_samples_name() -> None:
    """The hub of a real namespace may be called like the samples."""
    own = {
        "AZURE_EVENTHUB_CONN_STR": "Endpoint=sb://contoso.servicebus.windows.net/;...",
        "AZURE_EVENTHUB_NAME": "openai-logs",
    }
    assert (
        compose(sample=SAMPLE, own=own, local=LOCAL).values["AZURE_EVENTHUB_NAME"] == "openai-logs"
    )


def test_the_connection_string_of_default_ports() -> None:
    """Default ports give the official emulators connection string. The one that Microsoft
    documents, so that it can be copied from there.
    """
    assert local_addresses(Ports())["event_hubs"]["AZURE_EVENTHUB_CONN_STR"] == (
        "Endpoint=sb://127.0.0.1;SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
    )


def test_other_ports_are_in_the_connection_strings() -> None:
    addresses = local_addresses(Ports(event_hubs=5701, blob=1, queue=2, table=3, azure_openai=4))
    assert "sb://127.0.0.1:5701;" in addresses["event_hubs"]["AZURE_EVENTHUB_CONN_STR"]
    assert (
        "BlobEndpoint=http://127.0.0.1:1/devstoreaccount1;"
        in addresses["azurite"]["AzureWebJobsStorage"]
    )
    assert addresses["azure_openai"]["AZURE_OPENAI_BASE_URL"] == "http://127.0.0.1:4"


def test_a_missing_settings_file_has_no_values(tmp_path: Path) -> None:
    assert read_settings_file(tmp_path / "local.settings.json") == {}


def test_values_are_read_as_text_even_after_a_byte_order_mark(tmp_path: Path) -> None:
    """Editors on Windows write one, and the Core Tools read it."""
    file = tmp_path / "local.settings.json"
    file.write_text('\ufeff{"IsEncrypted": false, "Values": {"A": 1, "B": "x"}}', encoding="utf-8")
    assert read_settings_file(file) == {"A": "1", "B": "x"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "local.settings.json is not JSON: "),
        ("[]", 'local.settings.json has no "Values": it must look like local.settings.sample.json'),
        (
            '{"A": 1}',
            'local.settings.json has no "Values": it must look like local.settings.sample.json',
        ),
    ],
)
def test_a_malformed_settings_file_is_named(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "local.settings.json"
    file.write_text(content)
    with pytest.raises(StackError, match=message):
        read_settings_file(file)
