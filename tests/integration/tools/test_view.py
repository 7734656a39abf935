"""The page's server and its sources: an Event Hub, a storage account, an app."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import httpx
import pytest

from harness.event_hubs_emulator import own_emulator, send
from harness.view_server import ViewServer, view_server
from harness.waiting import poll_until_async
from local.stack.ports import free_port
from shared.core.wire.json.json_shape import Json
from tests.unit.view.events import GOLDEN, golden, sample_event, sample_id
from view.exchange.received_event import ReceivedEvent
from view.options import EventHubAddress
from view.sources.event_hub import EventFeed
from view.store import Store

OWN_PAGE = {"x-fnsse-view": "1"}
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small page."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "vendor").mkdir()
    (folder / "styles").mkdir()
    (folder / "node_modules").mkdir()
    (folder / "index.html").write_text('<script type="importmap">{"imports": {}}</script>')
    (folder / "styles" / "base.css").write_text("a {}")
    (folder / "vendor" / "preact.mjs").write_text("export {}")
    for name in ("package.json", "package-lock.json", "vendor.txt", "node_modules/x.js"):
        (folder / name).write_text("{}")
    return folder


@pytest.fixture(scope="module")
def server(page: Path) -> Iterator[ViewServer]:
    """Serves every golden event and one with markup in its texts, without storage and app."""
    events = [golden(case) | {"exchange_id": sample_id(i)} for i, case in enumerate(GOLDEN)]
    prompt: Json = [{"role": "user", "content": MARKUP}]
    hostile = sample_event(1000, prompt=prompt, deployment=MARKUP, session_headers={"x": MARKUP})
    with view_server([*events, hostile], page=page) as running:
        yield running


@pytest.fixture(scope="module")
def http(server: ViewServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30, trust_env=False) as client:
        yield client


def test_the_table_is_read_in_pages(http: httpx.Client) -> None:
    ids: list[str] = []
    before: dict[str, str] = {}
    while True:
        page = http.get("/api/exchanges", params={"limit": 30, **before}).json()
        ids += [row["id"] for row in page["rows"]]
        if page["next"] is None:
            break
        before = {"before": page["next"]}
    assert len(ids) == len(set(ids)) == page["total"] == len(GOLDEN) + 1
    assert page["more"] is False


@pytest.mark.parametrize("number", range(len(GOLDEN)), ids=GOLDEN)
def test_every_event_can_be_looked_at(http: httpx.Client, number: int) -> None:
    """The page shows an event of any operation and any outcome."""
    exchange = http.get(f"/api/exchanges/{sample_id(number)}").json()
    assert exchange["event"]["exchange_id"] == sample_id(number)
    assert exchange["curl"].startswith("curl ")
    assert exchange["timeline"]["chunks"] is None
    assert {"previous", "next", "usage", "cost", "conversation", "row"} <= exchange.keys()


def test_planted_markup_is_data(http: httpx.Client) -> None:
    """No response that holds a prompt is anything that a browser takes for a page."""
    for path in ("/api/exchanges?limit=200", f"/api/exchanges/{sample_id(1000)}"):
        response = http.get(path)
        assert MARKUP.split("<img")[0] in json.dumps(response.json())
        assert response.headers["content-type"] == "application/json"
        assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/api/exchanges?q=outcom:x", 400, 'did you mean "outcome"'),
        ("/api/live?q=outcom:x", 400, 'did you mean "outcome"'),
        ("/api/charts?q=outcom:x", 400, 'did you mean "outcome"'),
        ("/api/exchanges?limit=0", 400, "limit must be a whole number"),
        ("/api/exchanges?limit=x", 400, "limit must be a whole number"),
        ("/api/charts?minutes=-1", 400, "minutes must be a whole number"),
        ("/api/exchanges?before=x", 400, "before must be"),
        (f"/api/exchanges/{sample_id(5000)}", 404, "no event of this exchange"),
        ("/api/exchanges/x", 404, "no event of this exchange"),
        (f"/api/exchanges/{sample_id(5000)}/capture", 404, "no event of this exchange"),
        (f"/api/exchanges/{sample_id(1)}/capture", 409, "set CAPTURES_STORAGE"),
        (f"/api/exchanges/{sample_id(1)}/capture/request", 409, "set CAPTURES_STORAGE"),
        (f"/api/exchanges/{sample_id(1)}/capture/other", 404, "neither request nor response"),
        ("/api/ops/status", 501, "FNSSE_OPERATOR_KEY"),
        ("/api/ops/other", 404, "not one of"),
        ("/api/ops/runs/x", 404, "did not begin"),
        ("/api/nothing", 404, "Not Found"),
    ],
)
def test_what_cannot_be_answered_is_named(
    http: httpx.Client, path: str, status: int, message: str
) -> None:
    response = http.get(path)
    assert (response.status_code, message in response.json()["error"]["message"]) == (status, True)


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("playground", b'{"prompt": "x"}', 501, "--app"),
        ("playground", b"[]", 501, "--app"),
        ("ops/erase", b'{"id": "x"}', 501, "--app"),
        ("ops/erase", b"no", 400, "a JSON object"),
        ("ops/other", b"{}", 404, "not one of"),
        ("ops/replay", b'{"x": "' + b"x" * 1_100_000 + b'"}', 413, "bytes"),
    ],
    ids=["playground", "first_things_first", "no_app", "no_json", "no_route", "long"],
)
def test_what_cannot_be_done_is_named(
    http: httpx.Client, path: str, body: bytes, status: int, message: str
) -> None:
    response = http.post(f"/api/{path}", content=body, headers=OWN_PAGE)
    assert (response.status_code, message in response.json()["error"]["message"]) == (status, True)


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/", "text/html"),
        ("/styles/base.css", "text/css"),
        ("/vendor/preact.mjs", "text/javascript"),
    ],
)
def test_files_of_the_page_are_served_and_revalidated(
    http: httpx.Client, path: str, media_type: str
) -> None:
    response = http.get(path)
    assert response.headers["content-type"].startswith(media_type)
    assert response.headers["cache-control"] == "no-cache"
    again = http.get(path, headers={"if-none-match": response.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    "path",
    [
        "/package.json",
        "/package-lock.json",
        "/vendor.txt",
        "/node_modules/x.js",
        "/.hidden",
        "/../events.py",
        "/%2e%2e/server/app.py",
        "/..%2fserver/app.py",
    ],
)
def test_no_other_file_is_served(http: httpx.Client, path: str) -> None:
    assert http.get(path).status_code == 404


def test_only_the_import_map_may_run(http: httpx.Client) -> None:
    """The import map is the one script in the page that may run."""
    policy = http.get("/").headers["content-security-policy"]
    assert policy.startswith("script-src 'self' 'sha256-")
    assert "unsafe" not in policy


def test_a_page_that_is_not_installed_says_so(tmp_path: Path) -> None:
    with view_server(page=tmp_path) as running, httpx.Client(trust_env=False) as client:
        response = client.get(running.url)
        assert (response.status_code, "make install" in response.text) == (503, True)


# --- what is not there


def test_an_exchange_is_shown_while_storage_is_away() -> None:
    """The times of its chunks are missing; its capture says what is wrong."""
    away = (
        f"DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;"
        f"BlobEndpoint=http://127.0.0.1:{free_port()}/a;"
    )
    with (
        view_server([sample_event(1)], environment={"CAPTURES_STORAGE": away}) as running,
        httpx.Client(base_url=running.url, timeout=60, trust_env=False) as client,
    ):
        exchange = client.get(f"/api/exchanges/{sample_id(1)}")
        assert (exchange.status_code, exchange.json()["timeline"]["chunks"]) == (200, None)
        capture = client.get(f"/api/exchanges/{sample_id(1)}/capture")
        assert capture.status_code == 409
        assert "the storage account cannot be reached" in capture.json()["error"]["message"]


def test_a_missing_capture_is_reported(azurite: str) -> None:
    with (
        view_server([sample_event(1)], environment={"CAPTURES_STORAGE": azurite}) as running,
        httpx.Client(base_url=running.url, timeout=60, trust_env=False) as client,
    ):
        for path in ("capture", "capture/request"):
            response = client.get(f"/api/exchanges/{sample_id(1)}/{path}")
            assert response.status_code == 404
            assert "the capture is gone" in response.json()["error"]["message"]


def test_an_app_that_is_away_is_named() -> None:
    arguments = ("--local", "--app", f"http://127.0.0.1:{free_port()}")
    with (
        view_server(arguments=arguments) as running,
        httpx.Client(base_url=running.url, trust_env=False, headers=OWN_PAGE) as client,
    ):
        prompt = client.post("/api/playground", json={"prompt": "x"})
        status = client.get("/api/ops/status")
        wrong = client.post("/api/playground", json={"prompt": "x", "fault": "none"})
        empty = client.post("/api/playground", json={})
    for response in (prompt, status):
        assert response.status_code == 502
        assert "did not answer (ConnectError)" in response.json()["error"]["message"]
    assert (wrong.status_code, empty.status_code) == (400, 400)


# --- the Event Hub


async def _feed(address: EventHubAddress, store: Store, *, until: int) -> EventFeed:
    """Receive until the store holds so many exchanges."""
    enough = asyncio.Event()

    async def take(received: Sequence[ReceivedEvent], positions: Mapping[str, int]) -> None:
        store.add(received, positions)
        if store.count(()) >= until:
            enough.set()

    feed = EventFeed(address, take, positions=store.positions(), since_minutes=None)
    task = asyncio.create_task(feed.run())
    try:
        async with asyncio.timeout(60):
            await enough.wait()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return feed


@pytest.mark.anyio
async def test_the_view_goes_on_where_it_had_stopped(tmp_path: Path) -> None:
    """The SDK's consumer gets every partition's events, also those that came while it was away, and
    none twice.
    """
    async with own_emulator("--hub", "logs", "--partitions", "3") as emulator:
        address = EventHubAddress(
            connection_string=emulator.connection_string,
            namespace=None,
            name="logs",
            consumer_group="view",
        )
        store = Store(tmp_path / "view.sqlite", max_exchanges=100)
        async with emulator.producer("logs") as producer:
            for number in range(6):
                await send(producer, json.dumps(sample_event(number)), partition_id=str(number % 3))
            await send(producer, "not JSON", "[1]", partition_id="0")
            first = await _feed(address, store, until=6)
            await send(producer, json.dumps(sample_event(6)), partition_id="1")
            second = await _feed(address, store, until=7)
        assert (second.state.state, second.state.error, second.state.received) == (
            "receiving",
            None,
            1,
        )
        assert first.state.received >= 6
        row = store.page((), limit=1).rows[0]
        assert (row.id, row.lag_ms is not None) == (sample_id(6), True)
        store.close()


@pytest.mark.anyio
async def test_an_event_hub_that_is_away_is_named(tmp_path: Path) -> None:
    address = EventHubAddress(
        connection_string=f"Endpoint=sb://127.0.0.1:{free_port()};SharedAccessKeyName=x;"
        "SharedAccessKey=secret;UseDevelopmentEmulator=true;",
        namespace=None,
        name="logs",
        consumer_group="view",
    )

    async def take(_received: Sequence[ReceivedEvent], _positions: Mapping[str, int]) -> None:
        raise AssertionError("nothing can come")

    feed = EventFeed(address, take, positions={}, since_minutes=None)
    task = asyncio.create_task(feed.run())
    try:
        await poll_until_async(lambda: feed.state.state == "failed", "the feed has failed")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert feed.state.error is not None
    assert feed.state.error.startswith("logs cannot be reached")
    assert "secret" not in feed.state.error
