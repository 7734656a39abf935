"""Durable Functions: the same tests for the embedded host's engine and for the real host's
extension.

Both serve durable_app.py. Tests of the embedded host alone are in test_durable_embedded.py.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from harness.functions_host_process import HTTP, HostProcess, running_azurite, running_host
from harness.waiting import poll_until
from tests.integration.functions_host.durable_client import (
    WEBHOOKS,
    StatusLinks,
    app_folder,
    client,
    start,
    start_orchestration,
    status,
    wait_for_end,
    wait_for_status,
)

MANAGEMENT = {
    "statusQueryGetUri": "", "sendEventPostUri": "/raiseEvent/{eventName}", "terminatePostUri": "/terminate",
    "rewindPostUri": "/rewind", "purgeHistoryDeleteUri": "", "restartPostUri": "/restart",
    "suspendPostUri": "/suspend", "resumePostUri": "/resume",
}  # fmt: skip

# How long the real host's queues keep from others what a killed host was working on: 5 minutes
# unless told, at least one.
_SOON_AGAIN = {
    "controlQueueVisibilityTimeout": "00:01:00",
    "workItemQueueVisibilityTimeout": "00:01:00",
}


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_azurite(tmp_path_factory.mktemp("azurite")) as connection_string:
        yield connection_string


@pytest.fixture(scope="module", params=["embedded", "func"])
def host(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, storage: str
) -> Iterator[HostProcess]:
    folder = app_folder(tmp_path_factory.mktemp(request.param))
    with running_host(request.param, folder, {"AzureWebJobsStorage": storage}) as running:
        yield running


def send_event(links: StatusLinks, name: str, **request: Any) -> httpx.Response:
    return HTTP.post(links["sendEventPostUri"].replace("{eventName}", name), **request)


def test_it_prints_the_durable_functions(host: HostProcess) -> None:
    """They are listed by name, after the HTTP functions, with the type of their trigger."""
    host.output_matching(r"(?s)\tadd: activityTrigger.*\tboasts: orchestrationTrigger")


def test_management_urls_have_the_real_hosts_shape(host: HostProcess) -> None:
    """Names, order, paths and parameters are the same; the instance id is in each URL."""
    links = start_orchestration(host, "chain", 1, "links1")

    assert links.pop("id") == "links1"
    assert list(links) == list(MANAGEMENT)
    for name, suffix in MANAGEMENT.items():
        url = urlsplit(links[name])
        assert f"{url.scheme}://{url.netloc}" == f"http://localhost:{host.port}"
        assert url.path == f"{WEBHOOKS}/instances/links1{suffix}"
        query = parse_qs(url.query)
        assert query.pop("reason", ["{text}"]) == ["{text}"]
        assert query.pop("code")[0]
        assert query == {"taskHub": ["TestHubName"], "connection": ["Storage"]}
    wait_for_end({"id": "links1", **links})


def test_a_status_has_name_input_and_output(host: HostProcess) -> None:
    """The input stands there as the client encoded it; moments are whole seconds."""
    response = status(links := start_orchestration(host, "chain", 1, "chain1"))
    body = wait_for_end(links)

    assert list(response.json()) == list(body)
    assert list(body) == ["name", "instanceId", "runtimeStatus", "input", "customStatus", "output",
                          "createdTime", "lastUpdatedTime"]  # fmt: skip
    for moment in ("createdTime", "lastUpdatedTime"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", body.pop(moment))
    assert body == {"name": "chain", "instanceId": "chain1", "runtimeStatus": "Completed", "input": "1",
                    "customStatus": {"at": 1}, "output": {"n": 3, "id": "chain1"}}  # fmt: skip
    assert status(links, "&showInput=false").json()["input"] is None
    assert status(links).headers["content-type"] == "application/json; charset=utf-8"


def test_a_running_instance_says_where_to_ask_again(host: HostProcess) -> None:
    """The response is 202 with Location and Retry-After."""
    links = start_orchestration(host, "waits", instance_id="asks1")
    wait_for_status(links, runtimeStatus="Running")
    response = status(links)

    assert (response.status_code, response.headers["retry-after"]) == (202, "5")
    assert response.headers["location"] == links["statusQueryGetUri"]


def test_an_unknown_instance_is_a_404(host: HostProcess) -> None:
    """Every management call on an unknown instance, and an unknown path, get 404 without a body."""
    url = host.url(f"{WEBHOOKS}/instances/nope")
    event = HTTP.post(f"{url}/raiseEvent/go", json=1)
    responses = [
        HTTP.get(url),
        HTTP.delete(url),
        HTTP.post(f"{url}/terminate"),
        event,
        HTTP.get(host.url(f"{WEBHOOKS}/no")),
    ]

    assert [(response.status_code, response.content) for response in responses] == [(404, b"")] * 5


def test_fan_out_and_retries(host: HostProcess) -> None:
    """Every call's result arrives in its place, after as many attempts as it took."""
    assert wait_for_end(start_orchestration(host, "fan_out", instance_id="fan1"))["output"] == [
        [1, 2, 3, 1],
        [1, 2, 3, 4],
    ]


def test_an_exhausted_retry_fails_the_orchestration(host: HostProcess) -> None:
    """The output holds the last attempt's error; the status code is 200 unless the caller asked for
    500.
    """
    body = wait_for_end(links := start_orchestration(host, "exhausted", instance_id="exhausted1"))

    assert body["runtimeStatus"] == "Failed"
    assert body["output"].startswith(
        "Orchestrator function 'exhausted' failed: Activity function 'flaky' failed:  RuntimeError: attempt 3 of exhausted1 \n "
    )
    assert status(links, "&returnInternalServerErrorOnFailure=true").status_code == 500


def test_an_orchestrator_can_catch_an_activitys_failure(host: HostProcess) -> None:
    """The exception has the activity's message."""
    body = wait_for_end(start_orchestration(host, "caught", instance_id="caught1"))

    assert body["runtimeStatus"] == "Completed"
    assert body["output"].startswith(
        "Activity function 'flaky' failed:  RuntimeError: attempt 1 of caught1 \n "
    )


def test_a_raising_orchestrator_fails(host: HostProcess) -> None:
    """The output has the message alone, without a traceback."""
    assert (
        wait_for_end(start_orchestration(host, "raises"))["output"]
        == "Orchestrator function 'raises' failed: says no"
    )


@pytest.mark.parametrize(("characters", "outcome"), [(8701, "Completed"), (8702, "Failed")])
def test_a_custom_status_has_a_bound(host: HostProcess, characters: int, outcome: str) -> None:
    """A custom status of 16 KB in UTF-16 is accepted, and one character more is not."""
    body = wait_for_end(start_orchestration(host, "boasts", characters))

    assert body["runtimeStatus"] == outcome
    if outcome == "Failed":
        assert body["output"] == (
            "Orchestrator function 'boasts' failed: The UTF-16 size of the JSON-serialized payload must not exceed 16 KB. "
            "The current payload size is 17 KB."
        )


def test_an_unknown_orchestrator_fails(host: HostProcess) -> None:
    """It is accepted, and then the instance says that there is none."""
    body = wait_for_end(start_orchestration(host, "nothere", 1))

    assert body["runtimeStatus"] == "Failed"
    assert body["output"].startswith(
        "Orchestrator function 'nothere' failed: The function 'nothere' doesn't exist, is disabled, or is not an orchestrator "
        "function. Additional info: The following are the known orchestrator functions: '"
    )


def test_continue_as_new(host: HostProcess) -> None:
    """The last generation's input and output stand in the status."""
    body = wait_for_end(start_orchestration(host, "eternal", 1))

    assert (body["output"], body["input"], body["customStatus"]) == (4, "3", {"generation": 3})


def test_a_timer(host: HostProcess) -> None:
    """It fires after its time. The real host may fire up to a second early: its queue counts in
    seconds.
    """
    assert wait_for_end(start_orchestration(host, "naps", 3))["output"] >= 2


def test_a_timer_and_an_event_race(host: HostProcess) -> None:
    """The orchestration continues with the timer or the event that comes first."""
    by_event = start_orchestration(host, "race", 600)
    wait_for_status(by_event, runtimeStatus="Running")

    assert send_event(by_event, "go", json={"a": 1}).status_code == 202
    assert wait_for_end(start_orchestration(host, "race", 1))["output"] == "timer"
    assert wait_for_end(by_event)["output"] == "event"


def test_events_by_url_and_by_client(host: HostProcess) -> None:
    """By URL they are values; the client library encodes them twice, and so they arrive as JSON
    text.
    """
    links = start_orchestration(host, "waits", instance_id="events1")
    wait_for_status(links, runtimeStatus="Running")
    plain = send_event(links, "go", content=b"x", headers={"content-type": "text/plain"})
    broken = send_event(links, "go", content=b"{no", headers={"content-type": "application/json"})
    response = send_event(links, "go", json={"x": 1})
    wait_for_status(links, customStatus={"got": {"x": 1}})

    assert (plain.status_code, plain.json()) == (
        400,
        {"Message": "Only application/json request content is supported"},
    )
    assert (broken.status_code, broken.json()["Message"]) == (400, "Invalid JSON content")
    assert (response.status_code, response.content) == (202, b"")
    assert (
        client(host, "raise_event", instance_id="events1", event_name="go", event_data={"k": 2})
        == {}
    )
    assert wait_for_end(links)["output"] == [{"x": 1}, '{"k": 2}']
    assert send_event(links, "go", json=1).status_code == 410
    assert "gone" in client(host, "raise_event", instance_id="events1", event_name="go")
    assert "No instance" in client(host, "raise_event", instance_id="nope", event_name="go")


def test_an_id_that_still_runs_is_not_started_again(host: HostProcess) -> None:
    """The client library raises; the running instance goes on."""
    links = start_orchestration(host, "waits", instance_id="once1")
    wait_for_status(links, runtimeStatus="Running")

    again = start(host, "chain", 1, "once1")
    assert again.status_code == 500
    assert (
        "An Orchestration instance with the status Running already exists." in again.json()["error"]
    )
    by_url = HTTP.post(host.url(f"{WEBHOOKS}/orchestrators/chain/once1"), json="1")
    assert (by_url.status_code, by_url.json()) == (
        409, {"Message": "An Orchestration instance with the status Running already exists."}
    )  # fmt: skip
    assert status(links).json()["name"] == "waits"


def test_a_finished_id_starts_anew(host: HostProcess) -> None:
    """The status has the name, input and output of the new instance."""
    wait_for_end(start_orchestration(host, "chain", 1, "anew1"))
    links = start_orchestration(host, "eternal", 3, "anew1")

    wait_for_status(links, name="eternal", runtimeStatus="Completed", output=4)


def test_terminate(host: HostProcess, tmp_path: Path) -> None:
    """A running activity does not hinder it. The first response is 202, the next one 410; the
    reason becomes the output.
    """
    links = start_orchestration(host, "slowly", str(tmp_path / "never"))
    host.output_matching(f"UNTIL {tmp_path / 'never'}")
    first = HTTP.post(links["terminatePostUri"].replace("{text}", "enough%20now"))

    body = wait_for_end(links)
    assert (first.status_code, first.content) == (202, b"")
    assert (body["runtimeStatus"], body["output"]) == ("Terminated", "enough now")
    again = HTTP.post(links["terminatePostUri"])
    assert (again.status_code, again.content) == (410, b"")
    assert "No instance with ID 'nope' found." in client(
        host, "terminate", instance_id="nope", reason="x"
    )
    (tmp_path / "never").touch()


def test_purge(host: HostProcess) -> None:
    """An instance that has ended can be purged, by URL and by client; a running one cannot."""
    running = start_orchestration(host, "waits", instance_id="purge1")
    wait_for_status(running, runtimeStatus="Running")
    refused = HTTP.delete(running["purgeHistoryDeleteUri"])
    ended = start_orchestration(host, "chain", 1, "purge2")
    wait_for_end(ended)
    purged = HTTP.delete(ended["purgeHistoryDeleteUri"])

    assert refused.status_code == 412
    assert refused.json() == (
        "Only orchestrations in a terminal state can be purged, "
        "but the orchestration with instance ID purge1 has status Running"
    )
    assert (purged.status_code, purged.json()) == (200, {"instancesDeleted": 1})
    assert status(ended).status_code == 404
    assert client(host, "purge_instance_history", instance_id="purge2") == {"deleted": 0}
    wait_for_end(start_orchestration(host, "chain", 1, "purge2"))
    assert client(host, "purge_instance_history", instance_id="purge2") == {"deleted": 1}


def test_many_instances(host: HostProcess) -> None:
    """Instances are listed and purged by prefix, status and time of creation."""
    url = host.url(f"{WEBHOOKS}/instances/")
    for number in range(3):
        wait_for_end(start_orchestration(host, "chain", number, f"many{number}"))
    wait_for_status(
        start_orchestration(host, "waits", instance_id="many3"), runtimeStatus="Running"
    )

    listed = HTTP.get(url, params={"instanceIdPrefix": "many"}).json()
    running = HTTP.get(url, params={"instanceIdPrefix": "many", "runtimeStatus": "Running"}).json()
    assert [status["instanceId"] for status in listed] == ["many0", "many1", "many2", "many3"]
    assert [status["instanceId"] for status in running] == ["many3"]
    assert {status["instanceId"] for status in client(host, "get_status_by", instance_id_prefix="many")} == {
        "many0", "many1", "many2", "many3"
    }  # fmt: skip
    assert {status["instanceId"] for status in client(host, "get_status_all")} >= {"many0", "many3"}
    nothing = HTTP.delete(url)
    assert (nothing.status_code, nothing.json()) == (
        400,
        "Please provide value for 'createdTimeFrom' parameter.",
    )
    assert HTTP.delete(url, params={"createdTimeFrom": "2100-01-01T00:00:00Z"}).status_code == 404


def test_the_client_library_reads_a_status(host: HostProcess) -> None:
    """The client library parses every field of the status."""
    wait_for_end(start_orchestration(host, "chain", 5, "client1"))
    body = client(host, "get_status", instance_id="client1", show_input=True)

    assert (body["runtimeStatus"], body["output"], body["customStatus"]) == (
        "Completed",
        {"n": 7, "id": "client1"},
        {"at": 5},
    )


def test_starting_by_url(host: HostProcess) -> None:
    """The response is 202 with the links of this address, and says when to ask."""
    response = HTTP.post(host.url(f"{WEBHOOKS}/orchestrators/chain/url1"), json="7")
    links = response.json()

    assert (response.status_code, response.headers["retry-after"]) == (202, "10")
    assert response.headers["location"] == links["statusQueryGetUri"]
    assert links["statusQueryGetUri"].startswith(host.url(f"{WEBHOOKS}/instances/url1?"))
    assert set(links) == {"id", *MANAGEMENT} - {"rewindPostUri"}
    assert wait_for_end(links)["output"] == {"n": 9, "id": "url1"}
    assert HTTP.post(host.url(f"{WEBHOOKS}/orchestrators/chain"), content=b"{no").status_code == 400


def test_a_killed_worker_does_not_end_an_orchestration(host: HostProcess, tmp_path: Path) -> None:
    """If the worker is killed during an activity, that attempt alone has failed. Its retry runs in
    another worker.
    """
    path = tmp_path / "there"
    links = start_orchestration(host, "slowly", str(path))
    once = start_orchestration(host, "slowly_once", str(tmp_path / "never"))
    host.output_matching(f"UNTIL {path}")
    host.output_matching(f"UNTIL {tmp_path / 'never'}")
    os.kill(host.worker_pid(), signal.SIGKILL)
    poll_until(
        lambda: host.output().count(f"UNTIL {path}") == 2,
        lambda: status(links).text,
        within_s=120,
    )
    path.touch()

    assert wait_for_end(links)["output"] == [1, "there"]
    assert wait_for_end(once)["output"].startswith(
        "Orchestrator function 'slowly_once' failed: Activity function 'until' failed: "
    )


# On func this waits for the visibility timeouts of a killed host's messages: two minutes. `make
# prove` does so.
@pytest.mark.parametrize("kind", ["embedded", pytest.param("func", marks=pytest.mark.slow)])
def test_an_orchestration_goes_on_after_a_restart_of_the_host(
    kind: str, tmp_path: Path, storage: str
) -> None:
    """All processes of the host are killed. The activity that ran runs again, the one before it
    does not, and a timer fires.
    """
    path = tmp_path / "there"
    folder = app_folder(tmp_path, {"hubName": "Restarted", "storageProvider": _SOON_AGAIN})
    data_options = ["--data-dir", str(tmp_path / "data")] if kind == "embedded" else []
    with running_host(kind, folder, {"AzureWebJobsStorage": storage}, *data_options) as host:
        slow = start_orchestration(host, "slowly", str(path))
        nap = start_orchestration(host, "naps", 4)
        wait_for_status(nap, runtimeStatus="Running")
        host.output_matching(f"UNTIL {path}")
        port = host.port
    path.touch()
    with running_host(kind, folder, {"AzureWebJobsStorage": storage}, *data_options, port=port):
        assert wait_for_end(slow, within_s=120)["output"] == [1, "there"]
        assert wait_for_end(nap, within_s=60)["output"] >= 3
    assert "taskHub=Restarted" in slow["statusQueryGetUri"]
