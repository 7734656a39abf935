"""The command line and the environment of the view."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from view.errors import OptionsError
from view.options import parse

HUB = {
    "AZURE_EVENTHUB_CONN_STR": "Endpoint=sb://x/;SharedAccessKey=secret",
    "AZURE_EVENTHUB_NAME": "logs",
}


def test_the_default_options() -> None:
    """By default only this machine reaches it and nothing stays."""
    options = parse([], HUB)
    assert (options.is_loopback, options.store, options.mode) == (True, None, "deployment")
    assert (options.captures, options.app, options.since_minutes) == (None, None, None)
    assert options.event_hub.consumer_group == "view"


def test_the_namespace_is_read_as_an_identity() -> None:
    names = {"AZURE_EVENTHUB_NAMESPACE": "ns.servicebus.windows.net", "AZURE_EVENTHUB_NAME": "logs"}
    hub = parse([], names).event_hub
    assert (hub.connection_string, hub.namespace) == (None, "ns.servicebus.windows.net")


def test_a_connection_string_goes_before_an_identity() -> None:
    environment = {
        **HUB,
        "AZURE_EVENTHUB_NAMESPACE": "ns",
        "CAPTURES_STORAGE": "AccountKey=secret",
        "CAPTURES_STORAGE__blobServiceUri": "https://x",
    }
    options = parse([], environment)
    assert options.event_hub.namespace is None
    assert options.captures is not None
    assert options.captures.blob_service_uri is None


def test_a_hub_may_be_named_by_its_connection_string() -> None:
    environment = {"AZURE_EVENTHUB_CONN_STR": "Endpoint=sb://x/;EntityPath=logs"}
    assert parse([], environment).event_hub.name is None


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        ([], {}, "no Event Hub is named: set AZURE_EVENTHUB_NAMESPACE"),
        ([], {"AZURE_EVENTHUB_CONN_STR": " "}, "no Event Hub is named"),
        ([], {"AZURE_EVENTHUB_NAMESPACE": "ns"}, "AZURE_EVENTHUB_NAME is not set"),
        ([], {**HUB, "CAPTURES_STORAGE__blobServiceUri": "account"}, "must be an address, such as"),
        (["--app", "my-app"], HUB, "--app must be an address"),
        (["--port", "70000"], HUB, "--port must be a port"),
        (["--keep", "0"], HUB, "--keep must be at least 1"),
        (["--trace-url", "http://viewer/"], HUB, "--trace-url must be an address with {trace_id}"),
        ([], {**HUB, "TRACE_URL": "javascript:{trace_id}"}, "--trace-url must be an address"),
    ],
    ids=[
        "none",
        "blank",
        "no_name",
        "bad_uri",
        "bad_app",
        "bad_port",
        "bad_keep",
        "no_id",
        "no_web",
    ],
)
def test_what_is_missing_or_malformed_is_named_with_its_remedy(
    arguments: list[str], environment: dict[str, str], message: str
) -> None:
    with pytest.raises(OptionsError, match=re.escape(message)):
        parse(arguments, environment)


def test_secrets_are_not_printed_with_the_options() -> None:
    environment = {
        **HUB,
        "CAPTURES_STORAGE": "AccountKey=secret",
        "FNSSE_CALLER_KEY": "secret",
        "FNSSE_OPERATOR_KEY": "secret",
    }
    options = parse(["--app", "https://app.example/", "--store", "x.sqlite"], environment)
    assert options.app is not None
    assert (options.app.url, options.store) == ("https://app.example", Path("x.sqlite"))
    assert "secret" not in repr(options)


def test_help_names_settings_and_roles(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parse(["--help"], {})
    text = " ".join(capsys.readouterr().out.split())
    assert end.value.code == 0
    for word in (
        "AZURE_EVENTHUB_NAMESPACE",
        "CAPTURES_STORAGE__blobServiceUri",
        "Data Receiver",
        "Blob Data Reader",
    ):
        assert word in text
