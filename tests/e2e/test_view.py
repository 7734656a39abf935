"""The page's server beside a stack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest

from harness import http_client
from harness.view_process import view_process
from harness.waiting import poll_until
from local.stack import Stack
from tests.e2e.conftest import on_embedded_alone

pytestmark = on_embedded_alone

_OWN_PAGE: Final = {"x-fnsse-view": "1"}


@pytest.fixture(scope="module")
def view(stack: Stack) -> Iterator[httpx.Client]:
    """The server's routes."""
    with (
        view_process(stack) as address,
        httpx.Client(base_url=address, timeout=60, trust_env=False) as client,
    ):
        yield client


def ask(view: httpx.Client, **members: Any) -> httpx.Response:
    """A prompt from the playground."""
    return view.post("/api/playground", json=members, headers=_OWN_PAGE)


def wait_for_exchange(view: httpx.Client, exchange_id: str) -> dict[str, Any]:
    """Wait for the event of an exchange; return all that the page shows of it."""

    def find() -> dict[str, Any] | None:
        response = view.get(f"/api/exchanges/{exchange_id}")
        return response.json() if response.status_code == 200 else None

    return poll_until(find, f"the view shows {exchange_id}")


def test_a_prompt_of_the_playground_becomes_an_exchange(view: httpx.Client, stack: Stack) -> None:
    """It is answered as by the proxy, and its event, its times and its capture are shown."""
    response = ask(view, prompt="What is the weather in Athens?")
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.text.endswith("data: [DONE]\n\n")
    exchange = wait_for_exchange(view, response.headers["x-exchange-id"])
    row, timeline = exchange["row"], exchange["timeline"]
    assert (row["outcome"], row["deployment"], row["stream"]) == ("completed", "gpt-4o", True)
    assert row["cost"] > 0
    question, reply = exchange["conversation"]
    assert question["parts"] == [{"kind": "text", "text": "What is the weather in Athens?"}]
    assert reply["parts"][0]["text"] == exchange["event"]["content"]
    names = [mark["name"] for mark in timeline["marks"]]
    # storage says to the second when it took the capture: that mark may seem to come earlier
    assert [name for name in names if name not in {"recorded", "delivered"}] == [
        "request",
        "headers",
        "first chunk",
        "first token",
        "last byte",
    ]
    assert {"recorded", "delivered"} <= set(names)
    assert 1 <= len(timeline["chunks"]) <= timeline["chunk_count"]
    assert timeline["chunks"][-1][1] <= exchange["event"]["response_bytes"]
    assert stack.proxy_url in exchange["curl"]

    capture = view.get(f"/api/exchanges/{row['id']}/capture").json()
    assert json.loads(capture["request"]["body"])["messages"][0]["role"] == "user"
    frames = capture["response"]["frames"]
    assert "".join(f"data: {frame['text']}\n\n" for frame in frames) == capture["response"]["body"]
    assert frames[-1]["text"] == "[DONE]"
    assert all(frame["at_ms"] is not None for frame in frames[:10])
    body = view.get(f"/api/exchanges/{row['id']}/capture/response")
    assert body.headers["content-disposition"].startswith("attachment")
    assert body.text == capture["response"]["body"]


def test_a_fault_is_shown_as_what_it_is(view: httpx.Client) -> None:
    """A stream that the upstream breaks off; the filter finds it by its outcome."""
    response = ask(view, prompt="Break, please", fault="breaks")
    exchange = wait_for_exchange(view, response.headers["x-exchange-id"])
    assert exchange["row"]["outcome"] == "upstream_interrupted"
    assert exchange["row"]["usage_source"] == "estimated"
    line = 'outcome:upstream_interrupted "break, please"'
    rows = view.get("/api/exchanges", params={"q": line}).json()["rows"]
    assert [row["id"] for row in rows] == [exchange["row"]["id"]]


def test_an_error_is_relayed_with_its_status(view: httpx.Client) -> None:
    response = ask(view, prompt="Refuse, please", fault="rate_limited", stream=False)
    assert (response.status_code, response.headers["retry-after"]) == (429, "7")
    assert wait_for_exchange(view, response.headers["x-exchange-id"])["row"]["status"] == 429


def test_a_page_that_follows_gets_new_rows(view: httpx.Client) -> None:
    """They come as server-sent events, and only those that match the page's filter."""
    query = {"q": '"follow this"'}
    with view.stream("GET", "/api/live", params=query) as live:
        lines = live.iter_lines()
        assert next(lines) == "event: status"
        ask(view, prompt="Not this one", stream=False)
        wanted = ask(view, prompt="Follow this one", stream=False).headers["x-exchange-id"]
        row = next(line for line in lines if line.startswith('data: {"id"'))
    assert json.loads(row.removeprefix("data: "))["id"] == wanted


def test_the_state_of_delivery_comes_along(view: httpx.Client) -> None:
    """The page gets the status that operators see of the app, and how the view itself receives."""
    with view.stream("GET", "/api/live") as live:
        states = (
            json.loads(line.removeprefix("data: "))
            for line in live.iter_lines()
            if line.startswith('data: {"hub"')
        )
        state = next(state for state in states if state["ops"] is not None)
    assert state["hub"]["state"] == "receiving"
    assert state["ops"]["worker"]["recording"]["lost"] == 0
    assert state["completeness"]["dead_letters"] == state["ops"]["dead_letters"]["count"]
    assert view.get("/api/ops/status").json().keys() == state["ops"].keys()
    assert "reports" in view.get("/api/ops/reports", params={"hours": 2}).json()


def test_an_erased_exchange_is_shown_no_more(view: httpx.Client) -> None:
    """The app erases its captures, and the view what it had read of it."""
    exchange_id = ask(view, prompt="Erase me", stream=False).headers["x-exchange-id"]
    wait_for_exchange(view, exchange_id)
    erased = view.post("/api/ops/erase", json={"id": exchange_id}, headers=_OWN_PAGE)
    assert erased.status_code == 200
    assert view.get(f"/api/exchanges/{exchange_id}").status_code == 404
    again = view.post("/api/ops/erase", json={"id": exchange_id}, headers=_OWN_PAGE)
    assert again.status_code == 404


def test_an_erased_exchange_disappears_from_the_page(view: httpx.Client, stack: Stack) -> None:
    """It was erased by POST /ops/erase, which knows nothing of the page's file."""
    exchange_id = ask(view, prompt="Erase me", stream=False).headers["x-exchange-id"]
    wait_for_exchange(view, exchange_id)
    assert (
        http_client.call(stack.proxy_url, "DELETE", f"/ops/exchanges/{exchange_id}").status == 200
    )
    erased = view.post("/api/ops/erase", json={"id": exchange_id}, headers=_OWN_PAGE)
    assert (erased.status_code, erased.json()["erased"]) == (200, exchange_id)
    assert view.get(f"/api/exchanges/{exchange_id}").status_code == 404


def test_a_run_is_followed_without_its_link(view: httpx.Client) -> None:
    """Durable's links hold the host's key, so the page gets an id in their place."""
    started = view.post("/api/ops/reconcile", json={}, headers=_OWN_PAGE)
    assert started.status_code in {202, 409}
    if started.status_code == 202:
        assert list(started.json()) == ["id"]
        run = view.get(f"/api/ops/runs/{started.json()['id']}").json()
        assert run["runtimeStatus"] in {"Pending", "Running", "Completed"}
    assert view.get("/api/ops/runs/unknown").status_code == 404
