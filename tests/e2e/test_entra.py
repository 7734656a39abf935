"""CALLER_AUTH=entra on both hosts: which tokens are accepted, how other calls are rejected, and how
signing keys change.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import openai
import pytest

from harness import http_client, upstream_record
from harness.chat import API_VERSION, CALLER_KEY, Chat
from harness.entra import Tenant
from harness.entra_tokens import (
    AUDIENCE,
    CALLER,
    FORGED,
    ISSUER_V2,
    OPERATOR,
    STRANGER,
    TENANT,
    jwk,
    token,
)
from harness.event_log import EventLog
from harness.http_client import ReceivedResponse
from harness.waiting import poll_until
from local.stack import FunctionsHost, Stack, free_ports
from tests.e2e.conftest import on_embedded_alone
from tests.support.function_levels import LEVELS

EXCHANGE_ID = "01a20914-84a9-7c73-9ecc-a8d4ec5a3e7d"  # nothing is stored of it

# Every HTTP function that requires a token: a call, and its response to an allowed caller.
FOR_CALLERS = {
    "openai": ("POST", f"/openai/deployments/gpt/chat/completions?api-version={API_VERSION}", 200),
    "unknown_route": ("GET", "/nothing", 404),
}
FOR_OPERATORS = {
    "ops_dead_letters": ("GET", "/ops/dead-letters", 200),
    "ops_requeue": ("POST", f"/ops/dead-letters/{EXCHANGE_ID}", 404),
    "ops_erase": ("DELETE", f"/ops/exchanges/{EXCHANGE_ID}", 404),
    "ops_status": ("GET", "/ops/status", 200),
    "ops_reports": ("GET", "/ops/reports", 200),
    "reconcile_start": ("POST", "/ops/reconcile", 202),
    "replay_start": ("POST", "/ops/replay", 400),
    "erase_start": ("POST", "/ops/erase", 400),
    "ops_erasure": ("GET", f"/ops/erase/{'0' * 32}", 404),
    "ops_erased_ids": ("GET", f"/ops/erase/{'0' * 32}/ids", 404),
}
OPEN = {"health", "health_ready"}
NOT_FETCHED = (
    "The signing keys of the callers' Entra tenant could not be fetched: ClientConnectorError"
)


@pytest.fixture(scope="module")
def tenant() -> Iterator[Tenant]:
    with Tenant() as running:
        yield running


@pytest.fixture(scope="module")
def guarded_stack(functions_host: FunctionsHost, tenant: Tenant) -> Iterator[Stack]:
    """A stack whose app believes `tenant`, and has its keys before anyone calls."""
    before = tenant.fetches()
    with Stack(functions_host=functions_host, settings=tenant.settings) as running:
        poll_until(lambda: tenant.fetches() > before, "keys to be fetched ahead of the first call")
        yield running


def bearer(text: str) -> tuple[str, str]:
    return ("authorization", f"Bearer {text}")


def code_of(response: ReceivedResponse) -> str:
    assert response.header("content-type") == "application/json"
    error = json.loads(response.body)["error"]
    assert error.keys() == {"code", "message", "type"}
    return str(error["code"])


def ask_rejected(stack: Stack, chat: Chat) -> ReceivedResponse:
    """The response to a call that must not have gone any further: it has an id, and nothing of it
    is upstream.
    """
    response = chat.ask(stack)
    assert uuid.UUID(response.exchange_id).version == 7
    assert upstream_record.requests(stack, deployment=chat.deployment) == []
    return response


@pytest.mark.parametrize("changed", [{}, {"iss": ISSUER_V2}], ids=["v1", "v2"])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_callers_token_gets_through(
    guarded_stack: Stack, changed: dict[str, str], scheme: str
) -> None:
    chat = Chat(headers=(("Authorization", f"{scheme} {token(**changed)}"),))
    assert chat.ask(guarded_stack).status == 200
    upstream_record.only_request(guarded_stack, deployment=chat.deployment)


def test_the_token_goes_no_further_than_the_proxy(guarded_stack: Stack) -> None:
    """The token reaches neither the upstream, which gets the proxy's own key, nor the event, nor
    the log.
    """
    good = token()
    signature = good.rpartition(".")[2]
    chat = Chat(stream=True, headers=(bearer(good),))
    with EventLog(guarded_stack) as events:
        response = chat.ask(guarded_stack)
        event = events.one(exchange_id=response.exchange_id)
    upstream_request = upstream_record.only_request(guarded_stack, deployment=chat.deployment)
    assert (upstream_request.all("authorization"), upstream_request.all("api-key")) == (
        [],
        [guarded_stack.settings["AZURE_OPENAI_KEY"]],
    )
    for where in (
        str(upstream_request.headers),
        json.dumps(event),
        guarded_stack.parts["functions_host"].output(),
    ):
        assert signature not in where
        assert CALLER_KEY not in where


@on_embedded_alone
def test_a_rejected_call_leaves_no_event(guarded_stack: Stack) -> None:
    """A rejected call makes no event: one that was accepted later has arrived, and it has not."""
    lost, kept = Chat(), Chat(headers=(bearer(token()),))
    with EventLog(guarded_stack) as events:
        response = ask_rejected(guarded_stack, lost)
        assert response.status == 401
        events.one(exchange_id=kept.ask(guarded_stack).exchange_id)
        assert events.count(deployment=lost.deployment) == 0
        assert events.count(exchange_id=response.exchange_id) == 0


def test_the_log_says_why_a_call_was_rejected(guarded_stack: Stack) -> None:
    """The log names the reason under the id that the caller got, at a level that host.json lets
    through.
    """
    response = ask_rejected(guarded_stack, Chat(headers=(bearer(token(oid=STRANGER)),)))
    line = f"The call {response.exchange_id} was rejected: 403 caller_not_allowed"
    poll_until(lambda: line in output(guarded_stack), "the log to say why")


@on_embedded_alone
@pytest.mark.parametrize("name", FORGED)
def test_every_forged_token_is_rejected(guarded_stack: Stack, name: str) -> None:
    """It gets 401 with the check that it failed; nothing of it is in the response or the log."""
    make, code = FORGED[name]
    text = make()
    response = ask_rejected(guarded_stack, Chat(headers=(bearer(text),)))
    assert (response.status, code_of(response), response.header("www-authenticate")) == (
        401,
        code,
        "Bearer",
    )
    output = response.body.decode() + guarded_stack.parts["functions_host"].output()
    assert [part for part in text.split(".") if len(part) > 20 and part in output] == []
    assert [secret for secret in (CALLER, STRANGER, AUDIENCE) if secret in output] == []


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ((), "token_missing"),
        ((("x-functions-key", "any"),), "token_missing"),
        ((("authorization", "Basic dTpw"),), "token_missing"),
        # the host joins them to one header
        ((bearer("a.b.c"), bearer("a.b.c")), "token_malformed"),
    ],
)
def test_without_one_token_nothing_gets_through(
    guarded_stack: Stack, headers: tuple[tuple[str, str], ...], code: str
) -> None:
    response = ask_rejected(guarded_stack, Chat(headers=headers))
    assert (response.status, code_of(response), response.header("www-authenticate")) == (
        401,
        code,
        "Bearer",
    )


def test_two_good_tokens_are_not_one(guarded_stack: Stack) -> None:
    response = ask_rejected(guarded_stack, Chat(headers=(bearer(token()), bearer(token()))))
    assert (response.status, code_of(response)) == (401, "token_malformed")


def test_every_function_requires_its_own_kind_of_token(guarded_stack: Stack) -> None:
    """Each HTTP function answers 401 without a token, 403 to a token of the other kind or of a
    stranger, and serves a token of its own kind.
    """
    assert FOR_CALLERS.keys() | FOR_OPERATORS.keys() | OPEN == LEVELS.keys()
    for table, own, other, role in (
        (FOR_CALLERS, CALLER, OPERATOR, "caller"),
        (FOR_OPERATORS, OPERATOR, CALLER, "operator"),
    ):
        ids = 1 if role == "caller" else 0  # in each response to a caller
        for method, target, status in table.values():
            body = b"{}" if method == "POST" else b""
            response = http_client.call(guarded_stack.proxy_url, method, target, body=body)
            assert (response.status, code_of(response), len(response.all("x-exchange-id"))) == (
                401,
                "token_missing",
                ids,
            )
            for object_id in (other, STRANGER):
                response = http_client.call(
                    guarded_stack.proxy_url, method, target, [bearer(token(oid=object_id))], body
                )
                assert (response.status, code_of(response)) == (403, f"{role}_not_allowed")
                assert (object_id in response.body.decode(), response.all("www-authenticate")) == (
                    False,
                    [],
                )
                assert len(response.all("x-exchange-id")) == ids
            response = http_client.call(
                guarded_stack.proxy_url, method, target, [bearer(token(oid=own))], body
            )
            assert (response.status, len(response.all("x-exchange-id"))) == (status, ids)


def test_health_stays_open(guarded_stack: Stack) -> None:
    assert http_client.call(guarded_stack.proxy_url, "GET", "/health").status == 200
    response = http_client.call(guarded_stack.proxy_url, "GET", "/health/ready")
    assert json.loads(response.body)["signing_keys"] == "reachable"


@pytest.mark.parametrize("size", [0, 100_000, 5_000_000])
def test_a_rejected_call_is_answered_with_any_body(guarded_stack: Stack, size: int) -> None:
    chat = Chat()
    response = http_client.call(
        guarded_stack.proxy_url, "POST", chat.target, chat.all_headers, b"x" * size
    )
    assert (response.status, code_of(response), bool(response.exchange_id)) == (
        401,
        "token_missing",
        True,
    )


# func itself waits for the body, then answers 500
@on_embedded_alone
def test_a_rejected_call_is_answered_before_its_body_is_read(guarded_stack: Stack) -> None:
    chat = Chat()
    with http_client.Call(
        guarded_stack.proxy_url,
        "POST",
        chat.target,
        [*chat.all_headers, ("content-length", "1000")],
        framed=False,
    ) as call:
        response = call.rest()
    assert (response.status, code_of(response), bool(response.exchange_id)) == (
        401,
        "token_missing",
        True,
    )


@on_embedded_alone
def test_an_openai_sdk_calls_with_a_token(guarded_stack: Stack) -> None:
    """A rejected token is raised as the SDK's own error, with the reason."""

    def ask(text: str) -> str | None:
        with openai.AzureOpenAI(
            azure_endpoint=guarded_stack.proxy_url,
            azure_ad_token=text,
            api_version=API_VERSION,
            max_retries=0,
        ) as client:
            found = client.chat.completions.create(
                model="gpt-4o", messages=[{"role": "user", "content": "?"}]
            )
        return found.choices[0].message.content

    assert ask(token())
    with pytest.raises(openai.AuthenticationError, match="CALLER_AUTH_AUDIENCE") as unauthorized:
        ask(token(aud="https://management.azure.com"))
    assert unauthorized.value.code == "token_audience"
    with pytest.raises(openai.PermissionDeniedError) as forbidden:
        ask(token(oid=STRANGER))
    assert forbidden.value.code == "caller_not_allowed"


@on_embedded_alone
def test_keys_that_come_late_and_keys_that_change(functions_host: FunctionsHost) -> None:
    """Calls get 503 while the tenant cannot be reached, and readiness reports it; later calls pass.
    A new key causes no error for any caller.
    """
    tenant = Tenant(port=free_ports().proxy)
    with Stack(functions_host=functions_host, settings=tenant.settings) as stack:

        def ready() -> tuple[int, str]:
            response = http_client.call(stack.proxy_url, "GET", "/health/ready")
            return response.status, json.loads(response.body)["signing_keys"]

        response = ask_rejected(stack, Chat(headers=(bearer(token()),)))
        assert (response.status, code_of(response), response.header("retry-after")) == (
            503,
            "signing_keys_unavailable",
            "5",
        )
        assert TENANT not in response.body.decode()
        assert ready() == (503, "unreachable")
        poll_until(lambda: NOT_FETCHED in output(stack), "the log to say why")
        with tenant:
            poll_until(lambda: ready() == (200, "reachable"), "the tenant's keys", within_s=40)
            old = token()
            assert Chat(headers=(bearer(old),)).ask(stack).status == 200
            tenant.keys = [jwk("second")]
            assert Chat(headers=(bearer(token("second")),)).ask(stack).status == 200
            assert code_of(ask_rejected(stack, Chat(headers=(bearer(old),)))) == "token_key_unknown"
        # the tenant is down, its keys are known
        assert Chat(headers=(bearer(token("second")),)).ask(stack).status == 200


def output(stack: Stack) -> str:
    return stack.parts["functions_host"].output()
