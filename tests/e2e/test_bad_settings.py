"""Settings that the app cannot start with: one message, on either host, that names all of them."""

from __future__ import annotations

from typing import Final

import pytest

from local.stack import FunctionsHost, Stack, StackError

SECRET: Final = "not-even-in-an-error-4c1d"
BAD: Final = {
    "AZURE_OPENAI_BASE_URL": "",
    "AZURE_OPENAI_API_VERSION": "2024",
    "AZURE_EVENTHUB_CONN_STR": f"SharedAccessKey={SECRET}",
    "UPSTREAM_READ_TIMEOUT_S": "soon",
    "MAX_REQUEST_BODY_MB": "101",
}
MESSAGE: Final = (
    "5 settings of fnsse need attention:",
    "  AZURE_OPENAI_BASE_URL is missing: the address of Azure OpenAI: https://, a host, at most a path (http:// for a "
    "local stand-in only), without what callers add to it after /openai, such as /deployments, "
    "e.g. https://contoso.openai.azure.com",
    "  AZURE_OPENAI_API_VERSION is malformed ('2024'): it must be an api-version of Azure OpenAI, e.g. 2024-10-21",
    "  AZURE_EVENTHUB_CONN_STR is malformed: it must be an Event Hubs connection string, e.g. "
    "Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKeyName=send;SharedAccessKey=...",
    "  UPSTREAM_READ_TIMEOUT_S is malformed ('soon'): it must be a number of seconds from 0.05 to 1740, e.g. 600",
    "  MAX_REQUEST_BODY_MB is malformed ('101'): it must be megabytes from 0.001 to 100, e.g. 100",
)


def test_bad_settings_are_all_named_at_the_start(functions_host: FunctionsHost) -> None:
    """The start names each missing or malformed setting with its expected form and an example, and
    repeats no secret.
    """
    printed: list[str] = []
    stack = Stack(
        functions_host=functions_host,
        settings=BAD,
        only={"azurite", "functions_host"},
        on_line=lambda _part, line: printed.append(line),
    )
    with pytest.raises(StackError) as raised, stack:
        pass
    output = "\n".join(printed)
    assert [line for line in MESSAGE if line not in output] == []
    assert "AZURE_OPENAI_BASE_URL is missing" in str(raised.value)
    assert SECRET not in output + str(raised.value)
