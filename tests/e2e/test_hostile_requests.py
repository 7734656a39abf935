"""No path, query or header makes the proxy call another host, requests that it cannot relay get a
clear error, and no request hides another one.
"""

from __future__ import annotations

import json
import uuid

import pytest

from harness import hostile_requests, http_client, upstream_record
from harness.chat import API_VERSION
from harness.event_log import EventLog
from harness.hostile_requests import HIDDEN_ID, REQUESTS
from harness.http_client import Headers, ReceivedResponse
from local.stack import FunctionsHost, Stack
from local.stack.ports import HOST

EVIL = "evil.example"
WEBSOCKET = [
    ("upgrade", "websocket"),
    ("connection", "Upgrade"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("sec-websocket-version", "13"),
]


def send(
    stack: Stack, target: str, headers: Headers = ()
) -> tuple[ReceivedResponse, list[upstream_record.UpstreamRequest]]:
    """The response, and what arrived at the upstream."""
    request_id = str(uuid.uuid4())
    response = http_client.call(
        stack.proxy_url, "GET", target, [("x-ms-client-request-id", request_id), *headers]
    )
    return response, upstream_record.requests(stack, request_id=request_id)


def own_host(stack: Stack) -> str:
    return stack.stand_in_url.removeprefix("http://")


@pytest.mark.parametrize(
    "path",
    [
        f"/openai//{EVIL}/x",
        f"/openai/@{EVIL}/x",
        f"/openai/;@{EVIL}:80/x",
        f"/openai/http://{EVIL}/x",
        f"/openai/%5c%5c{EVIL}%5cx",
        f"/openai/x%20HTTP/1.1%0d%0aHost:%20{EVIL}",
        "/openai/x%0a",
        f"/openai/./../openai/{EVIL}",
        f"/openai/%23@{EVIL}",
        f"/openai/%3f@{EVIL}",
    ],
)
def test_a_path_is_a_path(stack: Stack, path: str) -> None:
    """It arrives at the one upstream, below /openai/, as one request."""
    response, upstream_requests = send(stack, f"{path}?api-version={API_VERSION}")
    assert response.status == 200
    assert [request.path.startswith("/openai/") for request in upstream_requests] == [True]
    assert upstream_requests[0].all("host") == [own_host(stack)]


def test_a_path_that_could_climb_out_reaches_no_upstream(stack: Stack, events: EventLog) -> None:
    """Decoded once more, `..%2f..` would leave /openai/ with the proxy's credential."""
    response, upstream_requests = send(
        stack, f"/openai/..%2f..%2f..%2f{EVIL}?api-version={API_VERSION}"
    )
    assert (response.status, b"unknown_route" in response.body) == (404, True)
    assert upstream_requests == []
    assert events.one(exchange_id=response.exchange_id)["outcome"] == "rejected"


@pytest.mark.parametrize(
    "query",
    [f"u=http://{EVIL}", f"@{EVIL}", "a=%0d%0aHost:%20x", f"a=1#@{EVIL}/", "a=1%26b?c=/../d"],
)
def test_a_query_is_a_query(stack: Stack, query: str) -> None:
    """A query that looks like a URL stays a query."""
    response, upstream_requests = send(stack, f"/openai/x?api-version={API_VERSION}&{query}")
    assert response.status == 200
    assert [(request.path, request.all("host")) for request in upstream_requests] == [
        ("/openai/x", [own_host(stack)])
    ]


@pytest.mark.parametrize(
    "name",
    [
        "x-forwarded-host",
        "x-forwarded-for",
        "forwarded",
        "x-original-url",
        "x-ms-original-url",
        "x-rewrite-url",
        "x-original-host",
        "proxy-connection",
    ],
)
def test_a_header_names_no_other_upstream(stack: Stack, name: str) -> None:
    """Forwarding headers are not passed on: they direct neither the proxy nor the upstream."""
    response, upstream_requests = send(
        stack, f"/openai/x?api-version={API_VERSION}", [(name, f"http://{EVIL}/")]
    )
    assert response.status == 200
    assert [request.all("host") for request in upstream_requests] == [[own_host(stack)]]
    assert EVIL not in str(upstream_requests[0].headers)


@pytest.mark.parametrize(
    "request_line",
    [
        f"GET http://{EVIL}/openai/x?api-version={API_VERSION} HTTP/1.1",
        f"GET //{EVIL}/openai/x?api-version={API_VERSION} HTTP/1.1",
        f"CONNECT {EVIL}:443 HTTP/1.1",
        f"GET @{EVIL}/openai/x HTTP/1.1",
        f"OPTIONS * HTTP/1.1\r\nx-target: {EVIL}",
    ],
    ids=["absolute", "two slashes", "CONNECT", "no slash", "asterisk"],
)
def test_an_odd_request_line_stays_with_the_host(stack: Stack, request_line: str) -> None:
    """It is refused, or taken for its path at the one upstream."""
    request_id = str(uuid.uuid4())
    method, _, rest = request_line.partition(" ")
    target = rest.removesuffix(" HTTP/1.1")
    if " " in target:
        method, target = "OPTIONS", "*"
    response = http_client.call(
        stack.proxy_url, method, target, [("x-ms-client-request-id", request_id)]
    )
    upstream_requests = upstream_record.requests(stack, request_id=request_id)
    assert response.status in {200, 400, 404, 405}
    assert [request.all("host") for request in upstream_requests] == [[own_host(stack)]] * (
        response.status == 200
    )


def test_another_host_header_changes_nothing(stack: Stack) -> None:
    """The proxy's upstream is a setting."""
    request_id = str(uuid.uuid4())
    with http_client.Call(
        stack.proxy_url.replace("127.0.0.1", "localhost"),
        "GET",
        f"/openai/x?api-version={API_VERSION}",
        [
            ("x-ms-client-request-id", request_id),
        ],
    ) as call:
        assert call.rest().status == 200
    assert upstream_record.only_request(stack, request_id=request_id).all("host") == [
        own_host(stack)
    ]


@pytest.mark.parametrize(
    "target",
    [
        "/openai/realtime?api-version=2024-10-01-preview&deployment=gpt",
        "/openai/v1/realtime?model=gpt",
    ],
)
def test_a_websocket_gets_a_clear_501(stack: Stack, events: EventLog, target: str) -> None:
    """It has Azure's shape; nothing goes upstream, and the event says that the call was
    rejected.
    """
    response, upstream_requests = send(stack, target, WEBSOCKET)
    assert response.status == 501
    error = json.loads(response.body)["error"]
    assert error["code"] == "websocket_not_supported"
    assert "Realtime" in error["message"]
    assert upstream_requests == []
    event = events.one(exchange_id=response.exchange_id)
    assert (event["type"], event["outcome"], event["status_code"]) == ("error", "rejected", 501)
    assert event["error"]["code"] == "websocket_not_supported"


def test_a_path_with_a_line_end_does_not_keep_its_invocation(
    stack: Stack, events: EventLog
) -> None:
    """It is relayed and recorded as any other; the host would replace a worker whose invocation
    never ends.
    """
    response, upstream_requests = send(stack, f"/openai/a%0Ab%0D%0A?api-version={API_VERSION}")
    assert (response.status, [request.path for request in upstream_requests]) == (
        200,
        ["/openai/a%0Ab%0D%0A"],
    )
    assert events.one(exchange_id=response.exchange_id)["outcome"] == "completed"


@pytest.mark.parametrize("kind", list(dict.fromkeys(request.kind for request in REQUESTS)))
def test_unclean_http_is_at_most_one_request(
    stack: Stack, functions_host: FunctionsHost, kind: str
) -> None:
    """Each request of the table gets the statuses that the table states, reaches the upstream as
    often as it states, and the host goes on.
    """
    found, expected = {}, {}
    for request in (request for request in REQUESTS if request.kind == kind):
        reply = hostile_requests.send(HOST, stack.ports.proxy, request.data)
        calls = upstream_record.requests(stack, request_id=reply.request_id)
        of_host = request.expectation(functions_host)
        found[request.name] = reply.statuses, len(calls)
        expected[request.name] = of_host.statuses, of_host.upstream_calls
    assert found == expected
    assert upstream_record.requests(stack, request_id=HIDDEN_ID) == []
    assert send(stack, f"/openai/x?api-version={API_VERSION}")[0].status == 200
