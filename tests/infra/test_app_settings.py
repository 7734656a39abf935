"""The settings of the deployed app are what shared/settings reads: no more, no less, and each in a
form that it takes.
"""

from __future__ import annotations

import re
from typing import Final

import pytest

from shared.settings.loader import load
from tests.infra import switches
from tests.infra.bicep import TENANT, Deployment
from tests.infra.switches import AUDIENCE, OPERATORS
from tests.support.recording_environment import RecordingEnvironment

SETTINGS: Final = {switches.name(setting): setting for setting in switches.settings()}

# Read by the Functions host, its extensions or the worker, not by the app.
OF_THE_HOST: Final = {
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "AzureWebJobsStorage__blobServiceUri",
    "AzureWebJobsStorage__clientId",
    "AzureWebJobsStorage__credential",
    "AzureWebJobsStorage__queueServiceUri",
    "AzureWebJobsStorage__tableServiceUri",
    "CAPTURES_STORAGE__clientId",
    "CAPTURES_STORAGE__credential",
}

# Read by the app, and never set in Azure: all but the last hold keys, and the last is another
# form of two that are set.
NOT_DEPLOYED: Final = {
    "AZURE_EVENTHUB_CONN_STR",
    "AZURE_OPENAI_KEY",
    "CAPTURES_STORAGE",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "CAPTURES_STORAGE__accountName",
}

# Flex Consumption refuses or ignores them.
NEVER_ON_FLEX: Final = re.compile(
    r"FUNCTIONS_WORKER_RUNTIME|FUNCTIONS_EXTENSION_VERSION|FUNCTIONS_WORKER_PROCESS_COUNT|SCM_DO_BUILD_DURING_DEPLOYMENT"
    r"|ENABLE_ORYX_BUILD|WEBSITE_RUN_FROM_PACKAGE|WEBSITE_CONTENT.*|WEBSITE_TIME_ZONE"
)

# What only Azure knows, as it would be.
KNOWN_TO_AZURE: Final = {
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "ClientId=77777777-7777-4777-8777-777777777777;Authorization=AAD",
    "APPLICATIONINSIGHTS_CONNECTION_STRING": "InstrumentationKey=88888888-8888-4888-8888-888888888888",
    "AZURE_CLIENT_ID": "77777777-7777-4777-8777-777777777777",
    "AZURE_EVENTHUB_NAMESPACE": "contoso.servicebus.windows.net",
    "AZURE_OPENAI_BASE_URL": "https://contoso.openai.azure.com/",
    "AZURE_OPENAI_REGION": "swedencentral",
    "AzureWebJobsStorage__blobServiceUri": "https://sthost.blob.core.windows.net/",
    "AzureWebJobsStorage__clientId": "77777777-7777-4777-8777-777777777777",
    "AzureWebJobsStorage__queueServiceUri": "https://sthost.queue.core.windows.net/",
    "AzureWebJobsStorage__tableServiceUri": "https://sthost.table.core.windows.net/",
    "CALLER_AUTH_AUTHORITY": "https://login.microsoftonline.com/",
    "CALLER_AUTH_CALLER_OBJECT_IDS": "99999999-9999-4999-8999-999999999999",
    "CAPTURES_STORAGE__blobServiceUri": "https://stcapt.blob.core.windows.net/",
    "CAPTURES_STORAGE__clientId": "77777777-7777-4777-8777-777777777777",
    "CAPTURES_STORAGE__queueServiceUri": "https://stcapt.queue.core.windows.net/",
}


@pytest.fixture(params=SETTINGS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def deployed_settings(name: str, deployments: dict[str, Deployment]) -> dict[str, str]:
    return deployments[name].app_settings


def _in_azure(deployed_settings: dict[str, str]) -> dict[str, str]:
    """The settings with what Azure puts in place of each expression."""
    return {
        name: KNOWN_TO_AZURE[name] if value.startswith("[") else value
        for name, value in deployed_settings.items()
    }


def test_the_app_reads_what_is_set_and_all_that_it_reads_is_set(
    deployed_settings: dict[str, str],
) -> None:
    """Both ways: a setting that nothing reads, and one that the template forgot, would both be
    found here.
    """
    environment = RecordingEnvironment(_in_azure(deployed_settings))
    load(environment)
    assert deployed_settings.keys() - OF_THE_HOST == environment.names_read - NOT_DEPLOYED
    assert environment.names_read >= NOT_DEPLOYED


def test_an_omitted_setting_means_its_default(deployed_settings: dict[str, str]) -> None:
    """The defaults that the template writes out are the app's own defaults."""
    in_azure = _in_azure(deployed_settings)
    needed = {
        name: value
        for name, value in in_azure.items()
        if deployed_settings[name].startswith("[") or name.startswith("CALLER_AUTH")
    }
    needed |= {
        name: in_azure[name]
        for name in (
            "AZURE_EVENTHUB_NAME",
            "AZURE_OPENAI_REGION",
            "DEPLOYMENTS",
            "AzureWebJobsStorage__credential",
        )
    }
    assert load(in_azure) == load(needed)


def test_nothing_is_set_that_flex_consumption_does_not_take(
    deployed_settings: dict[str, str],
) -> None:
    """The runtime is a property there, and the package comes from a container."""
    assert [name for name in deployed_settings if NEVER_ON_FLEX.fullmatch(name)] == []


def test_application_insights_is_authenticated_by_the_identity(
    deployed_settings: dict[str, str],
) -> None:
    """The setting has no semicolon at its end, at which the worker's exporter raises."""
    value = deployed_settings["APPLICATIONINSIGHTS_AUTHENTICATION_STRING"]
    assert re.fullmatch(
        r"\[format\('ClientId=\{0\};Authorization=AAD', reference\('[^']+/id-[\w-]+', '[\d-]+'\)\.clientId\)\]",
        value,
    )


def test_the_app_knows_whom_it_serves(name: str, deployed_settings: dict[str, str]) -> None:
    """The settings for Entra are the tenant, the audience in both its forms, API Management's
    identity, and the operators.
    """
    assert deployed_settings["CALLER_AUTH_TENANT_ID"] == TENANT
    if ("callerAuth", "function_key") in SETTINGS[name]:
        assert deployed_settings["CALLER_AUTH"] == "function_key"
        assert (
            deployed_settings["CALLER_AUTH_CALLER_OBJECT_IDS"]
            == deployed_settings["CALLER_AUTH_AUDIENCE"]
            == ""
        )
        return
    assert deployed_settings["CALLER_AUTH"] == "entra"
    assert deployed_settings["CALLER_AUTH_AUDIENCE"] == f"{AUDIENCE},api://{AUDIENCE}"
    assert deployed_settings["CALLER_AUTH_OPERATOR_OBJECT_IDS"] == ",".join(OPERATORS)
    gateway = r"\[reference\('[^']+/Microsoft\.ApiManagement/service/[\w-]+', '[\d-]+', 'full'\)\.identity\.principalId\]"
    assert re.fullmatch(gateway, deployed_settings["CALLER_AUTH_CALLER_OBJECT_IDS"])
