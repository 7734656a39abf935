"""The demonstration's messages if something cannot be reached, and `make parts` for a
func start.
"""

from __future__ import annotations

import pytest

from local.reachable import sentences, unreachable
from local.run.addresses import how_to_start_func
from local.run.demonstration import error_message
from local.stack import Ports, free_ports


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (401, " - check AZURE_OPENAI_KEY"),
        (404, " - check AZURE_OPENAI_BASE_URL and DEPLOYMENT (gpt-4o)"),
        (429, ""),
        (502, " - check AZURE_OPENAI_BASE_URL and AZURE_OPENAI_KEY"),
    ],
)
def test_a_failed_call_names_the_error_and_the_settings_to_check(status: int, remedy: str) -> None:
    assert (
        error_message(status, "No connection.", "gpt-4o")
        == f"the call through the proxy was answered {status}: No connection.{remedy}"
    )


def test_each_unreached_dependency_is_named() -> None:
    """Each dependency that is not reached is a sentence with its settings."""
    states = {
        "status": "not ready",
        "queue": "reachable",
        "blobs": "unreachable",
        "event_hub": "unreachable",
    }
    assert sentences(states, {"AZURE_EVENTHUB_CONN_STR": "Endpoint=..."}) == [
        "event_hub: unreachable - check AZURE_EVENTHUB_CONN_STR and AZURE_EVENTHUB_NAME",
        "blobs: unreachable - check AzureWebJobsStorage and CAPTURES_STORAGE",
    ]


def test_a_managed_identity_needs_the_namespace() -> None:
    """With a managed identity the namespace is what to look at."""
    settings = {
        "AZURE_EVENTHUB_CONN_STR": "",
        "AZURE_EVENTHUB_NAMESPACE": "contoso.servicebus.windows.net",
    }
    assert sentences({"event_hub": "unreachable"}, settings) == [
        "event_hub: unreachable - check AZURE_EVENTHUB_NAMESPACE and AZURE_EVENTHUB_NAME"
    ]


def test_a_proxy_that_does_not_answer_is_what_is_wrong_itself() -> None:
    [sentence] = unreachable(f"http://127.0.0.1:{free_ports().proxy}", {})
    assert (
        sentence
        == "the proxy does not answer GET /health/ready - look into the log of functions_host"
    )


def test_on_the_default_ports_the_sample_is_all_that_func_needs() -> None:
    text = how_to_start_func(Ports())
    assert (
        "\n  cp local.settings.sample.json local.settings.json\n  . .venv/bin/activate && func start\n"
        in text
    )


def test_on_other_ports_the_settings_that_differ_are_shown() -> None:
    text = how_to_start_func(Ports(azure_openai=8082, event_hubs=5700))
    assert '"AZURE_OPENAI_BASE_URL": "http://127.0.0.1:8082"' in text
    assert "Endpoint=sb://127.0.0.1:5700;" in text
    assert "AzureWebJobsStorage" not in text


def test_func_is_started_on_the_port_that_was_chosen() -> None:
    text = how_to_start_func(Ports(proxy=7073))
    assert (
        "\n  cp local.settings.sample.json local.settings.json\n  . .venv/bin/activate && func start --port 7073\n"
        in text
    )
