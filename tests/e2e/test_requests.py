"""The upstream gets the same method, path, query, body and headers, and none of the caller's
credentials.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid

import pytest

from harness import http_client, upstream_record
from harness.chat import API_VERSION, CALLER_KEY, Chat, new_deployment
from harness.http_client import Headers
from harness.upstream_record import UpstreamRequest
from local.stack import Stack
from shared.core.wire.http import forwarding_rules
from shared.core.wire.http.forwarding_rules import ForwardingAction

SECRET = "not-for-the-upstream-91be"


def relay(
    stack: Stack, method: str, target: str, headers: Headers = (), body: bytes = b""
) -> UpstreamRequest:
    """The upstream's record of a request sent to the proxy."""
    request_id = str(uuid.uuid4())
    response = http_client.call(
        stack.proxy_url,
        method,
        target,
        [("x-ms-client-request-id", request_id), ("api-key", CALLER_KEY), *headers],
        body,
    )
    assert response.status < 500, response.body
    return upstream_record.only_request(stack, request_id=request_id)


UNRESERVED = "-A-Za-z0-9._~"
IN_A_SEGMENT = UNRESERVED + "!$&'()*+,;=:@"  # RFC 3986, 3.3: pchar


def normalise(text: str, characters: str) -> str:
    """Escapes of these characters decoded, the remaining ones in upper case (RFC 3986, 6.2.2)."""

    def escape(match: re.Match[str]) -> str:
        character = chr(int(match[1], 16))
        return character if re.fullmatch(f"[{characters}]", character) else match[0].upper()

    return re.sub("%([0-9A-Fa-f]{2})", escape, text)


@pytest.mark.parametrize(
    "path",
    [
        "/openai/deployments/a%2Fb/chat/completions",
        "/openai/deployments/%7Etilde/chat/completions",
        "/openai/deployments/gr%C3%BC%C3%9Fe-%E6%9D%B1%E4%BA%AC/chat/completions",
        "/openai/deployments/c%20d+e%2Bf/chat/completions",
        "/openai/deployments/x%3Fy%23z%25/chat/completions",
        "/openai/files/file-1/content",
        "/openai/files/caf%E9%FC",
        "/openai/files/%25C3%25BC",
        "/openai/v1/models/a:b;c=d,e@f$g!h*(i)'j",
        "/openai/whatever/comes//next/",
    ],
)
def test_a_path_names_the_same_upstream_path(stack: Stack, path: str) -> None:
    """An encoded slash stays one. Escapes that a segment does not need may go: the real host
    decodes them (`%2B` as well).
    """
    found = relay(stack, "POST", f"{path}?api-version={API_VERSION}", body=b"{}")
    assert normalise(found.path, IN_A_SEGMENT) == normalise(path, IN_A_SEGMENT)


@pytest.mark.parametrize(
    "query",
    [
        "api-version=2024-10-21",
        "api-version=2024-10-21&a=&b=1&b=2",
        "a=%2F%26%3D%3f&api-version=2025-01-01-preview&b=1+2%202",
        "api-version=2024-10-21&x=%C3%BC&y=%FF&z=a:b/c?d",
        "api-version=2024-10-21&decode=1&codec=2&xcode=3&my-subscription-key-x=4",
        "api-version=2024-10-21&flag&&empty=",
    ],
)
def test_a_query_goes_on_as_it_came(stack: Stack, query: str) -> None:
    """Empty values, repeated names, odd encodings and an order of its own."""
    found = relay(stack, "GET", f"/openai/models?{query}").query
    assert found is not None
    assert normalise(found, UNRESERVED) == normalise(query, UNRESERVED)


def test_a_missing_api_version_takes_the_default(stack: Stack) -> None:
    """A request without an api-version gets AZURE_OPENAI_API_VERSION; the v1 routes, which need
    none, stay as they are.
    """
    assert relay(stack, "GET", "/openai/models?a=1").query == "a=1&api-version=2024-10-21"
    assert relay(stack, "GET", "/openai/models").query == "api-version=2024-10-21"
    assert relay(stack, "GET", "/openai/v1/models").query is None


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_method_and_body_go_on_as_they_came(stack: Stack, method: str) -> None:
    """Method and body reach the upstream unchanged, whatever the operation and the bytes are."""
    body = b"" if method == "GET" else bytes(range(256)) * 1024
    found = relay(stack, method, f"/openai/something/new?api-version={API_VERSION}", body=body)
    assert found.method == method
    assert found.body_sha256 == hashlib.sha256(body).hexdigest()
    assert found.all("content-length") == ([] if method == "GET" else [str(len(body))])


def test_a_json_body_is_not_written_anew(stack: Stack) -> None:
    """White space, key order, escapes and repeated keys stay."""
    body = b'{ "stream":false,\n "messages" : [{"role":"user","content":"\\u00fc \xc3\xbc"}],\t"n":1,"n":1.0 }\n'
    chat = Chat()
    response = http_client.call(stack.proxy_url, "POST", chat.target, chat.all_headers, body)
    assert response.status == 200
    found = upstream_record.only_request(stack, deployment=chat.deployment)
    assert found.body == body
    assert found.body_sha256 == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize("operation", ["chat/completions", "something/new"])
def test_a_chunked_body_arrives_whole(stack: Stack, operation: str) -> None:
    """A body without content-length reaches the upstream whole, both when the proxy holds it for
    inspection and when it streams it.
    """
    chat = Chat()
    body = chat.body
    headers = [*chat.all_headers, ("transfer-encoding", "chunked")]
    target = chat.target.replace("chat/completions", operation)
    with http_client.Call(stack.proxy_url, "POST", target, headers, framed=False) as call:
        for start in range(0, len(body), 50):
            call.send(b"%x\r\n%b\r\n" % (len(body[start : start + 50]), body[start : start + 50]))
        call.send(b"0\r\n\r\n")
        assert call.rest().status == 200
    assert upstream_record.only_request(stack, deployment=chat.deployment).body == body


@pytest.mark.direct_upstream("the account receives the gateway's credential")
def test_headers_that_no_rule_names_go_on(stack: Stack) -> None:
    """The caller's own headers, among them those of the SDKs; no header beside them but the proxy's
    credential and HTTP's.
    """
    own = {
        "accept": "application/json",
        "content-type": "application/json; charset=utf-8",
        "user-agent": "AzureOpenAI/Python 1.0",
        "openai-organization": "org",
        "x-stainless-retry-count": "1",
        "x-my-header": 'a, b;c="d"',
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "tracestate": "a=1",
    }
    found = relay(stack, "POST", f"/openai/x?api-version={API_VERSION}", list(own.items()), b"{}")
    arrived = {name.lower(): value for name, value in found.headers}
    assert {name: arrived.get(name) for name in own} == own
    assert arrived.keys() - own.keys() == {
        "host",
        "api-key",
        "accept-encoding",
        "content-length",
        "x-ms-client-request-id",
    }
    assert arrived["host"] == stack.stand_in_url.removeprefix("http://")


@pytest.mark.direct_upstream("the account receives the gateway's credential")
def test_no_header_of_the_table_reaches_the_upstream(stack: Stack) -> None:
    """Each header that the table drops or replaces stays out of the upstream's request, in any case
    of its name.
    """
    framing = {
        "connection",
        "transfer-encoding",
        "content-length",
        "expect",
        "host",
        "upgrade",
        "trailer",
        "te",
    }
    # the real host adds its own to it, and never stops waiting for the worker
    answered_by_nobody = {"x-ms-invocation-id"}
    rules = [
        rule
        for rule in forwarding_rules.REQUEST_HEADERS
        if rule.name not in framing | answered_by_nobody
    ]
    headers = [(rule.name.replace("*", "anything").title(), SECRET) for rule in rules]
    found = relay(stack, "POST", f"/openai/x?api-version={API_VERSION}", headers[:30], b"{}")
    rest = relay(stack, "POST", f"/openai/x?api-version={API_VERSION}", headers[30:], b"{}")
    for record in (found, rest):
        assert [
            name for name, value in record.headers if SECRET in value or CALLER_KEY in value
        ] == []
        assert record.all("api-key") == [stack.settings["AZURE_OPENAI_KEY"]]
    dropped = {
        rule.name.replace("*", "anything") for rule in rules if rule.action is ForwardingAction.DROP
    }
    assert not dropped & (http_client.names(found.headers) | http_client.names(rest.headers))


@pytest.mark.direct_upstream("the account receives the gateway's credential")
@pytest.mark.parametrize(
    "headers",
    [
        [("AUTHORIZATION", f"Bearer {SECRET}")],
        [("Api-Key", SECRET), ("aPI-kEY", SECRET)],
        [("X-Functions-Key", SECRET), ("x-functions-KEY", SECRET)],
        [("OCP-APIM-Subscription-Key", SECRET)],
        [("Cookie", f"session={SECRET}"), ("cookie", f"other={SECRET}")],
    ],
    ids=lambda headers: headers[0][0],
)
def test_no_credential_in_a_header_reaches_the_upstream(stack: Stack, headers: Headers) -> None:
    """Credentials in headers never reach the upstream, in any case and number; the proxy's own
    credential is the only one there.
    """
    chat = Chat()
    plain = [("content-type", "application/json"), *headers]
    assert http_client.call(stack.proxy_url, "POST", chat.target, plain, chat.body).status == 200
    found = upstream_record.only_request(stack, deployment=chat.deployment)
    assert SECRET not in str(found)
    assert found.all("api-key") == [stack.settings["AZURE_OPENAI_KEY"]]
    assert not http_client.names(found.headers) & {
        "authorization",
        "x-functions-key",
        "ocp-apim-subscription-key",
        "cookie",
    }


@pytest.mark.parametrize(
    "name", ["code", "CODE", "c%6Fde", "subscription-key", "Subscription-Key", "subscription%2Dkey"]
)
@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
def test_no_credential_in_the_query_reaches_the_upstream(
    stack: Stack, name: str, *, first: bool
) -> None:
    """A function key or an API Management key is removed from the query, in any case or encoding;
    everything else stays.
    """
    key, version = f"{name}={SECRET}", f"api-version={API_VERSION}"
    found = relay(
        stack,
        "GET",
        "/openai/models?" + "&".join([key, "a=", version] if first else [version, "a=", key]),
    )
    assert found.query == (f"a=&{version}" if first else f"{version}&a=")
    assert SECRET not in str(found)


def test_one_callers_cookie_never_reaches_anothers_request(stack: Stack) -> None:
    """A response that sets a cookie passes, and the proxy's next request on the same connection
    does not carry it.
    """
    setting = Chat(directives=f"set_cookie={SECRET}")
    assert SECRET in setting.ask(stack).header("set-cookie")
    for _ in range(3):
        chat = Chat()
        response = chat.ask(stack)
        assert (response.status, response.all("set-cookie")) == (200, [])
        assert SECRET not in str(upstream_record.only_request(stack, deployment=chat.deployment))


def test_a_redirect_is_the_callers_to_follow(stack: Stack) -> None:
    """Nothing in a request makes the proxy call another host: a path that looks like an address is
    a path.
    """
    found = relay(
        stack, "GET", f"/openai//evil.example/@other.example:80/?api-version={API_VERSION}"
    )
    assert found.all("host") == [stack.stand_in_url.removeprefix("http://")]


def test_the_responses_headers_pass(stack: Stack) -> None:
    """Azure's own headers as the upstream wrote them, the exchange's id beside them, none of them
    twice.
    """
    chat = Chat(headers=(("x-ms-client-request-id", "my-own-id"),))
    response = chat.ask(stack)
    assert response.header("x-ms-region") == "North Central US"
    assert response.header("x-ms-client-request-id") == "my-own-id"
    assert response.header("x-ratelimit-remaining-tokens") == "99000"
    assert re.fullmatch(
        r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", response.header("apim-request-id")
    )
    assert response.header("x-ms-deployment-name") == chat.deployment
    assert response.header("content-length") == str(len(response.body))
    assert json.loads(response.body)["choices"]
    assert len(response.headers) == len(http_client.names(response.headers))


@pytest.mark.direct_upstream("the stand-in of the pool writes UTF-8")
def test_a_header_beyond_ascii_reaches_the_client(stack: Stack) -> None:
    """Percent-encoded: the Functions host would answer an empty 500."""
    response = Chat(deployment=f"{new_deployment()}--set_cookie=Z%C3%BCrich").ask(stack)
    assert response.status == 200
    assert response.header("set-cookie").startswith("stand_in=Z%FCrich;")
    assert json.loads(response.body)["choices"]
