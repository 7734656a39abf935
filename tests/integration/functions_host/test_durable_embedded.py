"""Durable Functions on the embedded host: what it rejects, and the messages that say so. The tests
that run on both hosts are in test_durable.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.functions_host_process import HTTP, HostProcess, running_host
from tests.integration.functions_host.durable_client import (
    WEBHOOKS,
    app_folder,
    client,
    start_orchestration,
    status,
    wait_for_end,
    wait_for_status,
)

# Nothing here uses storage.
SETTINGS = {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostProcess]:
    with running_host(
        "embedded", app_folder(tmp_path_factory.mktemp("embedded")), SETTINGS
    ) as running:
        yield running


def test_the_start_says_that_orchestrations_end_with_the_host(host: HostProcess) -> None:
    """Without a data folder, the host warns at its start and names the option that sets one."""
    host.output_matching(
        r"Durable Functions: orchestrations end with this host \(--data-dir keeps them\)"
    )


def test_sub_orchestrations_are_refused_by_name(host: HostProcess) -> None:
    """The orchestration fails at once; its output and the console give the reason."""
    body = wait_for_end(start_orchestration(host, "parent"))

    assert body["output"] == (
        "Orchestrator function 'parent' failed: Sub-orchestrations are not supported by the embedded Functions host; "
        "use `func start` for that"
    )
    host.output_matching(
        "ERROR: Orchestration [0-9a-f]+ of parent: Sub-orchestrations are not supported"
    )


def test_an_activity_that_does_not_exist_fails_the_orchestration(host: HostProcess) -> None:
    """On the real host the call never ends."""
    assert wait_for_end(start_orchestration(host, "calls_nothing"))["output"] == (
        "Orchestrator function 'calls_nothing' failed: The function 'no_such' doesn't exist, is disabled, "
        "or is not an activity function."
    )


@pytest.mark.parametrize("operation", ["rewind", "restart", "suspend", "resume"])
def test_what_management_lacks_is_refused_by_name(host: HostProcess, operation: str) -> None:
    """The response is 501 with a message, and the client library raises."""
    links = start_orchestration(host, "waits")
    wait_for_status(links, runtimeStatus="Running")
    response = HTTP.post(links[f"{operation}PostUri"])

    assert response.status_code == 501
    assert (
        f"Durable Functions' {operation} is not supported by the embedded Functions host"
        in response.json()["Message"]
    )
    arguments = {} if operation == "restart" else {"reason": "x"}
    assert "501" in client(host, operation, instance_id=links["id"], **arguments)


def test_histories_versions_and_entities_are_refused_by_name(host: HostProcess) -> None:
    """The message names each of them."""
    links = start_orchestration(host, "chain", 1)
    wait_for_end(links)
    version = HTTP.post(host.url(f"{WEBHOOKS}/orchestrators/chain?version=2"), json="1")
    entity = HTTP.get(host.url(f"{WEBHOOKS}/entities/counter/a"))

    assert [
        response.status_code for response in (status(links, "&showHistory=true"), version, entity)
    ] == [501] * 3
    assert "showHistory" in status(links, "&showHistory=true").json()["Message"]
    assert "versions" in version.json()["Message"]
    assert "entities" in entity.json()["Message"]


def test_without_a_folder_another_host_knows_nothing(tmp_path: Path) -> None:
    """The host has announced that at its start."""
    folder = app_folder(tmp_path)
    with running_host("embedded", folder, SETTINGS) as first:
        wait_for_end(start_orchestration(first, "chain", 1, "gone"))
    with running_host("embedded", folder, SETTINGS) as second:
        assert HTTP.get(second.url(f"{WEBHOOKS}/instances/gone")).status_code == 404
