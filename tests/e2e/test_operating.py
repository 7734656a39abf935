"""The operators' HTTP calls on both hosts: the commands of docs/how-to as written there, and the
requests that are rejected.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient

from harness import envelope_queue, http_client
from harness.chat import Chat, content_of
from harness.event_log import EventLog
from harness.tools import missing
from harness.waiting import poll_until
from local.repository import ROOT
from local.stack import Stack
from shared.completeness.replay import MAX_QUEUED
from shared.core.records.delivery import ledger_entries
from shared.core.records.exchange import capture
from shared.core.records.exchange.exchange_id import new_exchange_id, started_at
from tests.e2e.conftest import on_embedded_alone

_HOW_TO: Final = ROOT / "docs" / "how-to"
_PAGES: Final = (
    "reconcile-and-replay.md",
    "dead-letters.md",
    "erase-an-exchange.md",
    "erase-a-persons-data.md",
)


def commands_of(page: str) -> list[str]:
    """A page's calls of curl, each with the lines that a backslash joins to it."""
    text = (_HOW_TO / page).read_text("utf-8")
    return re.findall(r"^ *(curl (?:.*\\\n)*.*)$", text, re.MULTILINE)


_COMMANDS: Final = [command for page in _PAGES for command in commands_of(page)]
_ENDED_WITHIN_S: Final = 120


def documented_command(part: str) -> str:
    """The one command of the how-to pages that holds this."""
    (found,) = [str(command) for command in _COMMANDS if part in command]
    return found


def run(stack: Stack, what: str, **variables: str) -> Any:
    """Run a documented command in a shell; its JSON."""
    return run_command(stack, documented_command(what), **variables)


def run_command(stack: Stack, command: str, **variables: str) -> Any:
    """Run a command in a shell; its JSON."""
    if shutil.which("curl") is None:
        missing("needs curl, with which docs/how-to talks to the app")
    environment = {
        "PATH": os.environ["PATH"],
        "APP": stack.proxy_url,
        "KEY": "any",
        "no_proxy": "*",
        **variables,
    }
    done = subprocess.run(
        ["sh", "-c", command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return json.loads(done.stdout)


def post(stack: Stack, target: str, fields: Any = None) -> tuple[int, Any]:
    body = b"" if fields is None else json.dumps(fields).encode()
    response = http_client.call(
        stack.proxy_url, "POST", target, [("content-type", "application/json")], body
    )
    return response.status, json.loads(response.body) if response.body else None


def target_of(url: str) -> str:
    """Path and query: each host has a name of its own for this machine."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def status_of(stack: Stack, links: dict[str, str]) -> dict[str, Any]:
    status: dict[str, Any] = json.loads(
        http_client.call(stack.proxy_url, "GET", target_of(links["statusQueryGetUri"])).body
    )
    return status


def wait_for_end(stack: Stack, links: dict[str, str]) -> dict[str, Any]:
    """The status of an orchestration that has ended."""

    def probe() -> dict[str, Any] | None:
        status = status_of(stack, links)
        return status if status["runtimeStatus"] not in {"Pending", "Running"} else None

    return poll_until(probe, "the orchestration's end", within_s=_ENDED_WITHIN_S)


@contextmanager
def captures_of(stack: Stack) -> Iterator[ContainerClient]:
    with BlobServiceClient.from_connection_string(stack.storage_connection_string) as blobs:
        yield blobs.get_container_client(capture.CONTAINER)


def dead_lettered_ids(stack: Stack) -> dict[str, str]:
    return {
        dead_letter["exchange_id"]: dead_letter["reason"]
        for dead_letter in run(stack, '$APP/ops/dead-letters"')["dead_letters"]
    }


def queue_message(stack: Stack, content: object) -> None:
    with envelope_queue.queue(stack) as queue:
        queue.send_message(base64.b64encode(json.dumps(content).encode()).decode())


def deliver_exchange(stack: Stack, events: EventLog) -> tuple[str, str]:
    """Its id and content."""
    response = Chat().ask(stack)
    events.one(exchange_id=response.exchange_id)
    return response.exchange_id, content_of(response.body)


def has_captures(stack: Stack, exchange_id: str) -> bool:
    prefix = capture.request_name(exchange_id).removesuffix(".request")
    with captures_of(stack) as captures:
        return bool(list(captures.list_blob_names(name_starts_with=prefix)))


def captured_between(stack: Stack, start: datetime, end: datetime) -> set[str]:
    """The exchanges that started in this time and are stored. The app may have recorded some of
    its own, which follow the background responses of other tests.
    """
    with captures_of(stack) as captures:
        names = list(captures.list_blob_names())
    exchange_ids = {name.rpartition("/")[2].rpartition(".")[0] for name in names}
    return {one for one in exchange_ids if start <= started_at(one) < end}


def blobs_with(stack: Stack, text: str) -> list[str]:
    """The names of the blobs of the last hours, captures and ledger, that hold this text."""
    hours = {f"{datetime.now(UTC) - timedelta(hours=back):%Y/%m/%d/%H}" for back in (0, 1)}
    found = []
    with BlobServiceClient.from_connection_string(stack.storage_connection_string) as blobs:
        for container in (capture.CONTAINER, ledger_entries.CONTAINER):
            client = blobs.get_container_client(container)
            found += [
                name
                for name in client.list_blob_names()
                if (container == ledger_entries.CONTAINER or name[:13] in hours)
                and text.encode() in client.download_blob(name).readall()
            ]
    return found


def test_envelopes_that_share_a_message_are_all_delivered(stack: Stack, events: EventLog) -> None:
    """Both hosts hand the array over as it was queued, whatever they do to its white space."""
    exchange_ids = [deliver_exchange(stack, events)[0] for _ in range(2)]
    with captures_of(stack) as captures:
        blobs = [
            captures.download_blob(capture.response_name(exchange_id)).readall()
            for exchange_id in exchange_ids
        ]
    queue_message(stack, [capture.load_header(blob)["envelope"] for blob in blobs])
    poll_until(
        lambda: [events.count(exchange_id=exchange_id) for exchange_id in exchange_ids] == [2, 2],
        "each event once more",
    )


@on_embedded_alone
def test_the_commands_of_the_runbook_run_as_they_stand(stack: Stack) -> None:
    """The commands of docs/how-to/alerts answer, and none with an error."""
    pages = sorted((_HOW_TO / "alerts").iterdir())
    commands = sorted({command for page in pages for command in commands_of(f"alerts/{page.name}")})
    assert len(commands) == 5
    for command in commands:
        response = run_command(stack, command)
        if "/ops/reconcile" in command:
            assert wait_for_end(stack, response)["runtimeStatus"] == "Completed"
        elif "/ops/dead-letters" in command:
            assert isinstance(response["dead_letters"], list)
        elif "/ops/status" in command:
            assert response["dead_letters"]["count"] >= 0
        elif "/health/ready" in command:
            assert response["status"] == "ready"
        else:
            assert response > 0  # seconds


@on_embedded_alone
def test_a_dead_letter_is_requeued_and_erased(stack: Stack, events: EventLog) -> None:
    """The second delivery follows a fix of what failed."""
    exchange_id, content = deliver_exchange(stack, events)
    name = capture.response_name(exchange_id)
    with captures_of(stack) as captures:
        whole = captures.download_blob(name).readall()
        captures.upload_blob(name, b"garbage", overwrite=True)
        queue_message(stack, capture.load_header(whole)["envelope"])
        poll_until(
            lambda: dead_lettered_ids(stack).get(exchange_id) == "corrupt_capture",
            "the exchange to be dead-lettered",
        )
        rejection = run(stack, '-X POST "$APP/ops/dead-letters', ID=exchange_id)
        assert rejection["error"]["code"] == "still_unreadable"
        assert exchange_id in dead_lettered_ids(stack)

        captures.upload_blob(name, whole, overwrite=True)
        assert run(stack, '-X POST "$APP/ops/dead-letters', ID=exchange_id) == {
            "queued": exchange_id
        }
        assert exchange_id not in dead_lettered_ids(stack)
        poll_until(
            lambda: events.count(exchange_id=exchange_id, content=content) == 2,
            "the event once more",
        )

        erased = run(stack, "-X DELETE", ID=exchange_id)
        assert erased["erased"] == exchange_id
        assert "out of reach" in erased["note"]
        assert list(captures.list_blob_names(name_starts_with=name.removesuffix(".response"))) == []
        assert run(stack, "-X DELETE", ID=exchange_id)["error"]["code"] == "unknown_exchange"


def test_a_time_range_is_delivered_again_under_the_same_ids(stack: Stack, events: EventLog) -> None:
    start = datetime.now(UTC)
    ids = {deliver_exchange(stack, events)[0] for _ in range(2)}
    end = datetime.now(UTC)
    envelope_queue.wait_until_empty(stack)
    moments = {"FROM": start.isoformat().replace("+00:00", "Z"), "TO": end.isoformat()}
    selected = captured_between(stack, start, end)
    assert ids <= selected
    status = wait_for_end(stack, run(stack, "/ops/replay", **moments))
    assert (status["runtimeStatus"], status["output"]["queued"]) == ("Completed", len(selected))
    assert status["customStatus"]["windows_done"] == status["customStatus"]["windows_total"]
    for exchange_id in ids:
        event = events.one(exchange_id=exchange_id, replayed=True)
        assert event["problems"] == []  # the captures are those that were relayed and delivered


def test_a_persons_exchanges_are_erased_with_a_receipt(stack: Stack, events: EventLog) -> None:
    """A dry run erases nothing, and another person's exchanges stay. A replay leaves the erased
    ones out.
    """
    start = datetime.now(UTC)
    who, other = f"{uuid.uuid4()}@example.com", f"{uuid.uuid4()}@example.com"
    erased, _ = (Chat(headers=(("x-apim-user-id", who),)).ask(stack) for _ in range(2))
    remaining = Chat(headers=(("x-apim-user-id", other),)).ask(stack)
    for response in (erased, remaining):
        events.one(exchange_id=response.exchange_id)
    envelope_queue.wait_until_empty(stack)
    end = datetime.now(UTC)
    variables = {
        "WHO": who,
        "FROM": start.isoformat(),
        "TO": end.isoformat(),
        "REFERENCE": "DSR-17",
    }

    counted = run(
        stack, '\\"user\\": \\"$WHO\\", \\"from\\": \\"$FROM\\", \\"to\\": \\"$TO\\"}"', **variables
    )
    receipt = wait_for_end(stack, counted)["output"]
    assert (receipt["dry_run"], receipt["matched"], receipt["erased"]) == (True, 2, 0)
    assert has_captures(stack, erased.exchange_id)

    started = run(stack, '\\"dry_run\\": false', **variables)
    status = wait_for_end(stack, started)
    assert (status["runtimeStatus"], status["output"]["erased"]) == ("Completed", 2)
    assert status["customStatus"]["parts_done"] == status["customStatus"]["parts_total"]
    shown = run(stack, '"$APP/ops/erase/$RUN"', RUN=started["run"])
    assert (shown["status"], shown["receipt"]) == ("Completed", status["output"])
    assert shown["receipt"]["requested_by"] == {"auth": "function_key", "object_id": None}
    ids = run(stack, "/ids", RUN=started["run"])
    assert erased.exchange_id in ids["exchange_ids"]
    assert hashlib.sha256(who.encode()).hexdigest() in json.dumps(status["input"])
    assert who not in json.dumps([status, shown, ids])  # Durable's history among them
    assert blobs_with(stack, who) == []
    assert blobs_with(stack, other) != []
    assert not has_captures(stack, erased.exchange_id)
    assert has_captures(stack, remaining.exchange_id)

    others = captured_between(stack, start, end)
    assert remaining.exchange_id in others
    replayed = wait_for_end(stack, run(stack, "/ops/replay", **variables))
    assert (replayed["output"]["queued"], replayed["output"]["erased"]) == (len(others), 2)


def test_reconcile_is_run_and_its_sums_are_in_its_status(stack: Stack, events: EventLog) -> None:
    deliver_exchange(stack, events)
    envelope_queue.wait_until_empty(stack)
    status = wait_for_end(stack, run(stack, "/ops/reconcile"))
    assert status["runtimeStatus"] == "Completed"
    assert status["output"]["waiting"] is None
    assert {
        "captured",
        "delivered",
        "redelivered",
        "aborted",
        "dead_lettered",
        "not_requeued",
    } <= status["customStatus"].keys()


@on_embedded_alone
def test_reconcile_that_has_to_wait_queues_nothing_and_says_why(stack: Stack) -> None:
    envelope_queue.wait_until_empty(stack)
    with envelope_queue.queue(stack) as queue:
        queue.send_message("", visibility_timeout=3600)
        try:
            status = wait_for_end(stack, run(stack, "/ops/reconcile"))
        finally:
            queue.clear_messages()
    expected = "the queue still holds 1 envelopes"
    assert status["customStatus"] == {"waiting": expected}
    assert status["output"] == {"waiting": expected, "windows": []}


def test_reconcile_that_runs_is_not_started_twice(stack: Stack) -> None:
    """It answers 409 until the one that runs has ended, and that one goes on undisturbed."""
    envelope_queue.wait_until_empty(stack)
    with envelope_queue.queue(stack) as queue:
        # which it looks at for two seconds before it ends
        queue.send_message("", visibility_timeout=3600)
        try:
            links = run(stack, "/ops/reconcile")

            def rejection() -> dict[str, Any] | None:
                code, response = post(stack, "/ops/reconcile")
                # 202: the machine was so slow that the one before had ended
                return response if code == 409 else None

            assert poll_until(rejection, "the answer 409")["error"]["code"] == "reconcile_running"
            assert (
                wait_for_end(stack, links)["output"]["waiting"]
                == "the queue still holds 1 envelopes"
            )
            assert post(stack, "/ops/reconcile")[0] == 202
            wait_for_end(stack, links)
        finally:
            queue.clear_messages()


def test_a_replay_waits_for_other_work_and_can_be_terminated(
    stack: Stack, events: EventLog
) -> None:
    exchange_id, _ = deliver_exchange(stack, events)
    envelope_queue.wait_until_empty(stack)
    envelope_queue.fill(stack, MAX_QUEUED + 1)
    try:
        code, links = post(stack, "/ops/replay", {"ids": [exchange_id]})
        assert code == 202

        def waits() -> bool:
            waiting = (status_of(stack, links)["customStatus"] or {}).get("waiting")
            return waiting == f"the queue still holds {MAX_QUEUED + 1} envelopes"

        poll_until(waits, "the replay to say why it waits", within_s=_ENDED_WITHIN_S)
        target = target_of(links["terminatePostUri"]).replace("{text}", "enough")
        assert http_client.call(stack.proxy_url, "POST", target).status == 202
        assert wait_for_end(stack, links)["runtimeStatus"] == "Terminated"
    finally:
        envelope_queue.empty(stack)
    assert events.count(exchange_id=exchange_id, replayed=True) == 0


@on_embedded_alone
@pytest.mark.parametrize(
    ("fields", "says"),
    [
        (None, "must be JSON"),
        ([], "must be a JSON object"),
        ({}, "'from'"),
        ({"from": "yesterday", "to": "2026-11-23T10:00:00Z"}, "ISO 8601"),
        ({"from": "2001-01-01T10:00:00Z", "to": "2001-01-01T11:00:00Z"}, "CAPTURE_RETENTION_DAYS"),
        (
            {
                "from": (datetime.now(UTC)).isoformat(),
                "to": (datetime.now(UTC) - timedelta(hours=1)).isoformat(),
            },
            "later",
        ),
        ({"from": datetime.now(UTC).isoformat(), "to": "2999-01-01T00:00:00Z"}, "future"),
        ({"ids": ["no id"]}, "exchange ids"),
        (
            {
                "ids": [
                    new_exchange_id(int(datetime.now(UTC).timestamp() * 1000) - 60_000, bytes(10))
                ],
                "outcome": "fine",
            },
            "one of",
        ),
        ({"until": 1}, "Unknown: until"),
    ],
)
def test_an_impossible_replay_gets_the_reason(stack: Stack, fields: Any, says: str) -> None:
    code, response = post(stack, "/ops/replay", fields)
    assert (code, response["error"]["code"]) == (400, "invalid_replay")
    assert says in response["error"]["message"]


@on_embedded_alone
def test_malformed_ids_and_unknown_exchanges_get_errors(stack: Stack) -> None:
    unknown = new_exchange_id(1_700_000_000_000, os.urandom(10))
    for method, target in (("POST", "/ops/dead-letters/"), ("DELETE", "/ops/exchanges/")):
        for exchange_id, expected in (
            ("nonsense", (400, "invalid_exchange_id")),
            (unknown, (404, "unknown_exchange")),
        ):
            response = http_client.call(stack.proxy_url, method, target + exchange_id)
            assert (response.status, json.loads(response.body)["error"]["code"]) == expected
