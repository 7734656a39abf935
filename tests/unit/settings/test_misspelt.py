"""Names that resemble a setting are reported; the settings of others are not."""

from __future__ import annotations

import json
import logging

import pytest

from local.repository import ROOT
from shared.settings.loader import load
from shared.settings.misspelt import find, notices
from tests.support.recording_environment import RecordingEnvironment
from tests.unit.settings.least_settings import LEAST

# Of other programs, often set on the same machine or in the same app.
HOST_SETTINGS = (
    "AzureFunctionsJobHost__logging__logLevel__Function",
    "AzureWebJobsFeatureFlags",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "WEBSITE_SITE_NAME",
)
OF_OTHERS = (
    "AZURE_OPENAI_API_KEY",
    "AZURE_OPENAI_ENDPOINT",
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_SECRET",
    "AzureWebJobsDashboard",
    "AzureWebJobsStorage__accountName",
    "EVENTHUB_NAME",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "OTEL_TRACES_SAMPLER_ARG",
    "PYTHON_ENABLE_INIT_INDEXING",
    "FUNCTIONS_WORKER_RUNTIME",
    "FUNCTIONS_WORKER_PROCESS_COUNT",
)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("CAPTURE_POLCY", "CAPTURE_POLICY"),
        ("CAPTURES_POLICY", "CAPTURE_POLICY"),
        ("capture_policy", "CAPTURE_POLICY"),
        ("UPSTREAM_READ_TIMEOUT", "UPSTREAM_READ_TIMEOUT_S"),
        ("AZURE_EVENTHUB_NAMESPCE", "AZURE_EVENTHUB_NAMESPACE"),
    ],
)
def test_a_misspelt_name_is_reported(name: str, meant: str) -> None:
    """The notice names the setting that was probably meant."""
    assert load(LEAST | {name: "required"}).misspelt == {name: meant}


def test_other_programs_settings_are_not_taken_for_misspelt_ones() -> None:
    assert load(LEAST | dict.fromkeys(OF_OTHERS, "value")).misspelt == {}


def test_usual_names_are_not_misspelt() -> None:
    """The sample and the Functions hosts set them."""
    environment = RecordingEnvironment(LEAST)
    load(environment)
    sample = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]
    assert find([*sample, *HOST_SETTINGS], environment.names_read) == {}


def test_the_notice_names_both_and_no_value(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        notices_by_name = notices({"CAPTURE_POLCY": "CAPTURE_POLICY"})
    sentence = (
        "CAPTURE_POLCY is not a setting of fnsse and has no effect: did you mean CAPTURE_POLICY?"
    )
    assert notices_by_name == {"settings": sentence}
    assert sentence in caplog.text


def test_there_is_no_notice_without_a_misspelt_name() -> None:
    assert notices({}) == {}
