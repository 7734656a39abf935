"""Several accounts behind one app: the app calls a stand-in of the pool, which calls accounts by
priority and goes on to the next one after a 429 or 5xx.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from harness import entra_tokens, upstream_record
from harness.account_pool import APP_CLIENT_ID, AUDIENCE, PATH, Account, AccountPool
from harness.chat import Chat
from harness.event_log import EventLog
from harness.http_client import Call, ReceivedResponse
from local.stack import FunctionsHost, Stack, free_ports
from tests.e2e.conftest import POLLING, on_embedded_alone

pytestmark = on_embedded_alone


@pytest.fixture(scope="module")
def accounts() -> Iterator[AccountPool]:
    """Provisioned throughput first, then two accounts that share the rest as 3 to 1."""
    members = [
        Account(name="oai-ptu", region="swedencentral"),
        Account(name="oai-sweden", region="swedencentral", priority=2, weight=3),
        Account(name="oai-france", region="francecentral", priority=2),
    ]
    with AccountPool(accounts=members) as running:
        yield running


@pytest.fixture(scope="module")
def stack(functions_host: FunctionsHost, accounts: AccountPool) -> Iterator[Stack]:
    """A stack whose app has no key and calls the pool by its identity."""
    settings = {**POLLING, **accounts.settings}
    with Stack(functions_host=functions_host, settings=settings) as running:
        accounts.upstream_url = running.stand_in_url
        yield running


@pytest.fixture(scope="module")
def events(stack: Stack) -> Iterator[EventLog]:
    with EventLog(stack) as log:
        yield log


@pytest.fixture(autouse=True)
def every_account_answers(accounts: AccountPool) -> None:
    accounts.recover()


def refuse(accounts: AccountPool, refusal: str, *names: str) -> None:
    for account in accounts.accounts:
        if account.name in names:
            account.refusal = refusal


def assert_unchanged(stack: Stack, chat: Chat, response: ReceivedResponse) -> None:
    """The client has what the account that answered wrote, and nothing of the pool."""
    written = upstream_record.requests(stack, deployment=chat.deployment)[-1]
    assert response.whole
    assert response.body == written.response_body
    assert not [name for name, _ in response.headers if name.startswith("x-fnsse-backend")]


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_the_first_account_answers_and_the_event_names_it(
    stack: Stack, events: EventLog, *, stream: bool
) -> None:
    """Its region is in the event if the account itself does not name one."""
    chat = Chat(stream=stream, directives="region=")
    response = chat.ask(stack)
    assert response.status == 200
    assert_unchanged(stack, chat, response)
    event = events.one(exchange_id=response.exchange_id)
    assert event["served"]["backend"] == {
        "account": "oai-ptu",
        "region": "swedencentral",
        "attempts": 1,
    }
    assert (event["region"], event["outcome"]) == ("swedencentral", "completed")


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("refusal", ["status=429; retry_after=60", "status=503", "status=500"])
def test_a_refused_call_goes_on_to_the_next_account(
    stack: Stack, events: EventLog, accounts: AccountPool, refusal: str, *, stream: bool
) -> None:
    """The client sees one response, and there is one event of it. The next call does not try the
    account that refused.
    """
    refuse(accounts, refusal, "oai-ptu")
    chat = Chat(stream=stream)
    response = chat.ask(stack)
    assert response.status == 200
    assert_unchanged(stack, chat, response)
    assert len(upstream_record.requests(stack, deployment=chat.deployment)) == 2
    event = events.one(exchange_id=response.exchange_id)
    assert event["served"]["backend"] == {
        "account": "oai-sweden",
        "region": "swedencentral",
        "attempts": 2,
    }
    assert (event["status_code"], event["outcome"]) == (200, "completed")
    after = Chat()
    second = after.ask(stack)
    assert len(upstream_record.requests(stack, deployment=after.deployment)) == 1
    assert events.one(exchange_id=second.exchange_id)["served"]["backend"]["attempts"] == 1


def test_accounts_of_one_priority_share_the_calls_by_weight(
    stack: Stack, accounts: AccountPool
) -> None:
    refuse(accounts, "status=429; retry_after=60", "oai-ptu")
    for _ in range(8):
        assert Chat().ask(stack).status == 200
    assert (accounts.picked["oai-sweden"], accounts.picked["oai-france"]) == (6, 2)


def test_the_client_gets_the_last_refusal(
    stack: Stack, events: EventLog, accounts: AccountPool
) -> None:
    """If every account refuses, the client gets the last one's retry-after; after that, the pool
    itself answers 503 in Azure's shape.
    """
    names = [account.name for account in accounts.accounts]
    refuse(accounts, "status=429; retry_after=60", *names)
    response = Chat().ask(stack)
    assert (response.status, response.header("retry-after")) == (429, "60")
    event = events.one(exchange_id=response.exchange_id)
    assert event["served"]["backend"]["attempts"] == 3
    assert (event["type"], event["outcome"]) == ("error", "upstream_error")
    exhausted = Chat().ask(stack)
    assert exhausted.status == 503
    assert json.loads(exhausted.body)["error"]["code"] == "503"
    assert events.one(exchange_id=exhausted.exchange_id)["outcome"] == "upstream_error"


def test_an_account_that_cannot_be_reached_is_a_502_of_the_pool(
    stack: Stack, events: EventLog, accounts: AccountPool
) -> None:
    reachable, accounts.upstream_url = (
        accounts.upstream_url,
        f"http://127.0.0.1:{free_ports().blob}",
    )
    try:
        response = Chat().ask(stack)
    finally:
        accounts.upstream_url = reachable
    assert (response.status, json.loads(response.body)["error"]["code"]) == (502, "502")
    assert events.one(exchange_id=response.exchange_id)["outcome"] == "upstream_error"


def test_a_stream_stays_a_stream(stack: Stack) -> None:
    """Its first piece is with the client before the account has written its last."""
    chat = Chat(stream=True, directives="chunk_ms=100")
    response = chat.ask(stack)
    assert_unchanged(stack, chat, response)
    written = upstream_record.only_request(stack, deployment=chat.deployment)
    assert response.pieces[0].at < written.write_times[-1]


def test_a_broken_stream_is_not_repeated(stack: Stack, events: EventLog) -> None:
    """The client has its beginning already."""
    chat = Chat(stream=True, directives="reset_after=5")
    response = chat.ask(stack)
    event = events.one(exchange_id=response.exchange_id)
    assert (event["outcome"], event["served"]["backend"]["attempts"]) == (
        "upstream_interrupted",
        1,
    )
    assert len(upstream_record.requests(stack, deployment=chat.deployment)) == 1


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("", 401),
        (f"Bearer {entra_tokens.token(aud=AUDIENCE, appid=entra_tokens.STRANGER)}", 401),
        (
            f"Bearer {entra_tokens.token(aud='https://management.azure.com', appid=APP_CLIENT_ID)}",
            401,
        ),
        (f"Bearer {entra_tokens.token(aud=AUDIENCE, appid=APP_CLIENT_ID)}", 200),
    ],
    ids=["no token", "another identity", "for another audience", "the app"],
)
def test_the_app_alone_may_call_the_pool(
    stack: Stack, accounts: AccountPool, authorization: str, status: int
) -> None:
    chat = Chat(headers=(("authorization", authorization),))
    url = accounts.url.removesuffix(PATH)
    with Call(url, "POST", PATH + chat.target, chat.all_headers, chat.body) as call:
        assert call.rest().status == status


def test_the_team_is_the_caller_in_the_event(stack: Stack, events: EventLog) -> None:
    """The policy in front of the app overrides the team's header; no account gets it."""
    chat = Chat(headers=(("x-apim-team", "search"),))
    response = chat.ask(stack)
    assert events.one(exchange_id=response.exchange_id)["caller"] == {"team": "search"}
    reached = upstream_record.only_request(stack, deployment=chat.deployment)
    assert reached.all("x-apim-team") == []


def test_an_account_gets_the_gateways_token_and_never_the_apps(stack: Stack) -> None:
    chat = Chat()
    chat.ask(stack)
    reached = upstream_record.only_request(stack, deployment=chat.deployment)
    assert reached.all("authorization") == ["Bearer of-the-gateway"]
