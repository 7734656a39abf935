"""Callers' tokens against a tenant's keys over HTTP: accepted tokens, rejections with their
reasons, and the number of fetches.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Self

import pytest
from starlette.requests import Request
from starlette.responses import Response

from blueprints.access import Guard
from harness import entra_tokens
from harness.entra import Tenant
from harness.entra_tokens import (
    AUDIENCE,
    CALLER,
    FORGED,
    ISSUER_V1,
    ISSUER_V2,
    OPERATOR,
    STRANGER,
    TENANT,
    jwk,
    token,
)
from shared.access.caller_check import CallerCheck
from shared.access.key_renewal import KeyRenewal, RenewalPace
from shared.adapters.identity.entra import EntraKeys, EntraTenant
from shared.core.api_errors import ApiError
from shared.core.records.exchange.exchange_id import started_at
from shared.core.records.operator.erasure_receipt import OperatorIdentity
from shared.core.wire.token.caller_token import LEEWAY_S, Role
from shared.errors import SigningKeysUnavailable
from shared.settings.settings import CallerAuthSettings

pytestmark = pytest.mark.anyio
KEYS_PATH = f"/{TENANT}/discovery/keys"
METADATA_PATH = f"/{TENANT}/v2.0/.well-known/openid-configuration"


@pytest.fixture
def tenant() -> Iterator[Tenant]:
    with Tenant() as running:
        yield running


class CheckWithClock:
    """A caller check whose clock a test can move."""

    def __init__(self, tenant: Tenant, *, remembered: int, **pace: float) -> None:
        settings = CallerAuthSettings(
            authority=tenant.authority,
            tenant_id=TENANT,
            audiences=frozenset({AUDIENCE}),
            caller_object_ids=frozenset({CALLER}),
            operator_object_ids=frozenset({OPERATOR}),
        )
        self.renewal = KeyRenewal(
            EntraTenant(tenant.authority, TENANT).signing_keys, RenewalPace(**pace)
        )
        self.check = CallerCheck(
            settings, self.renewal, lambda: time.time() + self.later_s, max_remembered=remembered
        )
        self.later_s = 0.0

    async def rejection(self, token_text: str, role: Role = Role.CALLER) -> ApiError | None:
        return await self.check.rejection(
            [(b"authorization", f"Bearer {token_text}".encode())], role
        )

    async def code(self, token_text: str, role: Role = Role.CALLER) -> str | None:
        """The error's code, or None if the call is allowed."""
        error = await self.rejection(token_text, role)
        return error.code if error is not None else None

    @property
    def remembered_tokens(self) -> dict[bytes, Any]:
        return self.check.token_cache


@asynccontextmanager
async def checking(
    tenant: Tenant, *, remembered: int = 1000, **pace: float
) -> AsyncIterator[CheckWithClock]:
    checked = CheckWithClock(tenant, remembered=remembered, **pace)
    try:
        yield checked
    finally:
        await checked.renewal.aclose()


@pytest.fixture
async def access_check(tenant: Tenant) -> AsyncIterator[CheckWithClock]:
    async with checking(tenant) as one:
        yield one


# --- what the tenant publishes --------------------------------------------------------------------


async def keys_of(tenant: Tenant) -> EntraKeys:
    return await EntraTenant(tenant.authority, TENANT).signing_keys()


async def test_both_versions_issuers_and_all_keys_are_fetched(tenant: Tenant) -> None:
    tenant.keys = [jwk("first"), jwk("second"), {**jwk("small"), "kty": "EC"}]
    keys = await keys_of(tenant)
    assert keys.issuers == {ISSUER_V1, ISSUER_V2}
    assert [key_id for key_id in ("first", "second", "small") if keys.has(key_id)] == [
        "first",
        "second",
    ]
    assert sorted(tenant.requested) == sorted(
        [f"/{TENANT}/.well-known/openid-configuration", METADATA_PATH, KEYS_PATH]
    )


async def test_what_is_published_unchanged_is_equal(tenant: Tenant) -> None:
    before = await keys_of(tenant)
    assert await keys_of(tenant) == before
    tenant.keys.append(jwk("second"))
    assert await keys_of(tenant) != before


async def test_a_missing_or_short_key_is_omitted(tenant: Tenant) -> None:
    numbers = entra_tokens.private_key("short", 1024).public_key().public_numbers()
    short = {**jwk("first"), "kid": "short", "n": entra_tokens.base64url_number(numbers.n)}
    tenant.keys = [
        short,
        {**jwk("first"), "kid": "broken", "n": "!"},
        {**jwk("first"), "kid": "even", "e": "Ag"},
        jwk("second"),
    ]
    keys = await keys_of(tenant)
    assert [key_id for key_id in ("short", "broken", "even", "second") if keys.has(key_id)] == [
        "second"
    ]


@pytest.mark.parametrize(
    ("path", "status", "body", "reason"),
    [
        (METADATA_PATH, 404, b"{}", "status 404"),
        (METADATA_PATH, 302, b"", "status 302"),
        (METADATA_PATH, 200, b"<html>", "the response is not JSON"),
        (METADATA_PATH, 200, b"[" * 100_000, "the response is not JSON"),
        (METADATA_PATH, 200, b"{}", "the response is not the OpenID metadata of that tenant"),
        (
            METADATA_PATH,
            200,
            json.dumps({"issuer": ISSUER_V2, "jwks_uri": "http://keys.example/"}).encode(),
            "the response is not the OpenID metadata of that tenant",
        ),
        (KEYS_PATH, 200, b'{"keys": []}', "the tenant published no RSA key for signatures"),
        (KEYS_PATH, 200, b" " * (2**20 + 1), "more than 1048576 bytes"),
        (KEYS_PATH, 500, b"", "status 500"),
    ],
    ids=lambda value: value[:40] if isinstance(value, (str, bytes)) else None,
)
async def test_what_cannot_be_used_is_named(
    tenant: Tenant, path: str, status: int, body: bytes, reason: str
) -> None:
    tenant.responses[path] = (status, body)
    with pytest.raises(SigningKeysUnavailable, match=reason):
        await keys_of(tenant)


async def test_the_error_of_an_unreachable_tenant() -> None:
    """The error names no address."""
    with Tenant() as stopped:
        pass
    with pytest.raises(SigningKeysUnavailable) as error:
        await keys_of(stopped)
    assert str(error.value) == "ClientConnectorError"


# --- who may do what ------------------------------------------------------------------------------


@pytest.mark.parametrize("issuer", [ISSUER_V1, ISSUER_V2])
async def test_a_callers_token_is_accepted(access_check: CheckWithClock, issuer: str) -> None:
    assert await access_check.rejection(token(iss=issuer)) is None


@pytest.mark.parametrize(
    ("object_id", "role", "expected"),
    [
        (CALLER, Role.CALLER, None),
        (CALLER, Role.OPERATOR, "operator_not_allowed"),
        (OPERATOR, Role.OPERATOR, None),
        (OPERATOR, Role.CALLER, "caller_not_allowed"),
        (STRANGER, Role.CALLER, "caller_not_allowed"),
        (STRANGER, Role.OPERATOR, "operator_not_allowed"),
    ],
)
async def test_callers_and_operators_are_two_lists(
    access_check: CheckWithClock, object_id: str, role: Role, expected: str | None
) -> None:
    """Each token is checked twice: the second time from memory."""
    good = token(oid=object_id)
    assert [await access_check.code(good, role) for _ in range(2)] == [expected] * 2
    if expected:
        error = await access_check.rejection(good, role)
        assert error is not None
        assert error.status == 403
        assert object_id not in error.message


@pytest.mark.parametrize("name", FORGED)
async def test_every_forged_token_is_rejected(access_check: CheckWithClock, name: str) -> None:
    """The error names the check that it failed."""
    make, code = FORGED[name]
    text = make()
    error = await access_check.rejection(text)
    assert error is not None
    assert (error.status, error.code) == (401, code)
    body = error.body().decode()
    assert [part for part in text.split(".") if len(part) > 3 and part in body] == []
    assert not any(
        secret in body
        for secret in (CALLER, STRANGER, AUDIENCE, ISSUER_V1, entra_tokens.OTHER_TENANT)
    )
    assert access_check.remembered_tokens == {}


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ([], "token_missing"),
        ([(b"x-functions-key", b"key")], "token_missing"),
        ([(b"authorization", b"Basic dTpw")], "token_missing"),
        (
            [(b"authorization", b"Bearer a.b.c"), (b"authorization", b"Bearer a.b.c")],
            "token_several",
        ),
    ],
)
async def test_a_call_without_one_token_needs_no_keys(
    tenant: Tenant, access_check: CheckWithClock, headers: list[tuple[bytes, bytes]], code: str
) -> None:
    """It is rejected without them."""
    error = await access_check.check.rejection(headers, Role.CALLER)
    assert error is not None
    assert (error.status, error.code) == (401, code)
    assert tenant.requested == []


# --- what a rejected call is answered -------------------------------------------------------------


def of_caller(text: str | None) -> Request:
    headers = [(b"authorization", f"Bearer {text}".encode())] if text is not None else []

    async def receive() -> dict[str, Any]:
        raise AssertionError("the body of a rejected call is not read")

    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


@pytest.mark.parametrize(
    ("changed", "status"),
    [(None, 401), ({"oid": STRANGER}, 403), ({"exp": 1}, 401), ({}, None)],
    ids=str,
)
async def test_a_rejected_call_has_an_id_and_a_line_in_the_log(
    access_check: CheckWithClock,
    changed: dict[str, Any] | None,
    status: int | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A new one for each, of the time of the call; what may be relayed has neither yet."""
    text = token(**changed) if changed is not None else None
    guard = Guard(access_check.check)
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    with caplog.at_level(logging.INFO, "fnsse"):
        responses = [await guard.caller(of_caller(text)) for _ in range(2)]
    rejected = [response for response in responses if response is not None]
    ids = [response.headers["x-exchange-id"] for response in rejected]
    assert [response.status_code for response in rejected] == [status] * 2 * (status is not None)
    assert len(set(ids)) == len(ids)
    assert all(before <= started_at(exchange_id) <= datetime.now(UTC) for exchange_id in ids)
    codes = [json.loads(response.body)["error"]["code"] for response in rejected]
    assert caplog.messages == [
        f"The call {exchange_id} was rejected: {status} {code}"
        for exchange_id, code in zip(ids, codes, strict=True)
    ]


async def test_without_keys_a_rejected_call_has_an_id_too(tenant: Tenant) -> None:
    async with checking(tenant) as checked:
        tenant.responses[KEYS_PATH] = (503, b"")
        response = await Guard(checked.check).caller(of_caller(token()))
    assert response is not None
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert started_at(response.headers["x-exchange-id"])


async def test_operators_are_answered_without_an_id(access_check: CheckWithClock) -> None:
    """Answers to operators' calls carry no exchange id, because these calls are not exchanges."""
    response = await Guard(access_check.check).operator(of_caller(None))
    assert response is not None
    assert (response.status_code, "x-exchange-id" in response.headers) == (401, False)


async def test_an_operator_is_the_tokens_object_id(access_check: CheckWithClock) -> None:
    """A receipt names it. With a key the host does not say whose it is."""
    guard = Guard(access_check.check)
    known = await guard.identify_operator(of_caller(token(oid=OPERATOR)))
    assert known == OperatorIdentity(auth="entra", object_id=OPERATOR)
    for text, status in ((None, 401), (token(), 403)):
        rejected = await guard.identify_operator(of_caller(text))
        assert isinstance(rejected, Response)
        assert rejected.status_code == status
    by_key = await Guard(None).identify_operator(of_caller(None))
    assert by_key == OperatorIdentity(auth="function_key", object_id=None)


# --- what is remembered ---------------------------------------------------------------------------


async def test_a_token_is_examined_once(access_check: CheckWithClock) -> None:
    """Known tokens are found by their hash; the token itself is kept nowhere."""
    good = token()
    assert await access_check.code(good) is None
    assert list(access_check.remembered_tokens) == [hashlib.sha256(good.encode()).digest()]
    known = access_check.remembered_tokens[hashlib.sha256(good.encode()).digest()]
    for _ in range(5):
        assert await access_check.code(good) is None
    assert list(access_check.remembered_tokens.values()) == [known]
    assert good not in repr(access_check.remembered_tokens)


async def test_it_is_forgotten_when_it_expires(
    access_check: CheckWithClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds for the leeway longer."""
    good = token(exp=int(time.time()) + 3600)
    assert await access_check.code(good) is None
    access_check.later_s = 3600 + LEEWAY_S / 2
    assert await access_check.code(good) is None
    assert len(access_check.remembered_tokens) == 1
    access_check.later_s = 3600 + 2 * LEEWAY_S
    monkeypatch.setattr("jwt.api_jwt.datetime", later_datetime(access_check.later_s))
    assert await access_check.code(good) == "token_expired"
    assert access_check.remembered_tokens == {}


def later_datetime(later_s: float) -> type[datetime]:
    """PyJWT takes no clock: it asks this class for the time."""

    class LaterDatetime(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return super().now(tz) + timedelta(seconds=later_s)

    return LaterDatetime


async def test_an_expired_token_is_examined_again(
    access_check: CheckWithClock,
) -> None:
    """Its acceptance was remembered."""
    good = token()
    await access_check.code(good)
    (known,) = access_check.remembered_tokens.values()
    access_check.later_s = 3600 + 30  # of 60 s of leeway: this machine may be slow
    await access_check.code(good)
    assert next(iter(access_check.remembered_tokens.values())) is known
    access_check.later_s = 3600 + 61
    await access_check.code(good)
    (again,) = access_check.remembered_tokens.values()
    assert again is not known


async def test_strangers_are_not_remembered(access_check: CheckWithClock) -> None:
    assert await access_check.code(token(oid=STRANGER)) == "caller_not_allowed"
    assert access_check.remembered_tokens == {}


async def test_memory_is_bounded(tenant: Tenant) -> None:
    """The oldest goes first, those that have expired before it."""
    async with checking(tenant, remembered=3) as checked:
        tokens = [
            token(exp=int(time.time()) + (60 if number == 1 else 3600), jti=str(number))
            for number in range(5)
        ]
        digests = [hashlib.sha256(one.encode()).digest() for one in tokens]
        for one in tokens[:3]:
            assert await checked.code(one) is None
        checked.later_s = 200
        assert await checked.code(tokens[3]) is None
        assert list(checked.remembered_tokens) == [digests[0], digests[2], digests[3]]
        assert await checked.code(tokens[4]) is None
        assert list(checked.remembered_tokens) == [digests[2], digests[3], digests[4]]


# --- when keys change -----------------------------------------------------------------------------


async def test_a_rollover_costs_callers_nothing(tenant: Tenant) -> None:
    """The new key is published before it signs, and fetched in the background by then."""
    async with checking(tenant, renew_s=0.02) as checked:
        assert await checked.code(token()) is None
        tenant.keys.append(jwk("second"))
        async with asyncio.timeout(20):
            while not (await checked.renewal.current()).has("second"):  # noqa: ASYNC110 - a timer's work
                await asyncio.sleep(0.005)
        tenant.held = threading.Event()  # from now on the tenant does not answer
        try:
            async with asyncio.timeout(10):  # the tenant is held for 20
                assert await checked.code(token("second")) is None
                assert await checked.code(token("first")) is None
        finally:
            tenant.held.set()


async def test_a_key_that_was_never_announced(tenant: Tenant, access_check: CheckWithClock) -> None:
    """It costs one fetch and no error."""
    assert await access_check.code(token()) is None
    tenant.keys = [jwk("second")]
    assert await access_check.code(token("second")) is None
    assert tenant.fetches() == 2


async def test_a_token_whose_key_was_withdrawn(
    tenant: Tenant, access_check: CheckWithClock
) -> None:
    """It is rejected although it had been accepted before."""
    old = token()
    assert await access_check.code(old) is None
    tenant.keys = [jwk("second")]
    assert await access_check.code(token("second")) is None
    assert await access_check.code(old) == "token_key_unknown"


async def test_many_unknown_keys_are_one_fetch(
    tenant: Tenant, access_check: CheckWithClock
) -> None:
    assert await access_check.code(token()) is None
    codes = await asyncio.gather(
        *(access_check.code(token("another", kid=f"made up {number}")) for number in range(50))
    )
    assert set(codes) == {"token_key_unknown"}
    assert tenant.fetches() == 2


async def test_without_keys_callers_get_503(tenant: Tenant) -> None:
    """They get it until the keys are there."""
    async with checking(tenant, first_retry_s=0.05) as checked:
        tenant.responses[KEYS_PATH] = (503, b"")
        error = await checked.rejection(token())
        assert error is not None
        assert (error.status, error.code) == (503, "signing_keys_unavailable")
        assert "CALLER_AUTH_TENANT_ID, CALLER_AUTH_AUTHORITY and the network" in error.message
        assert TENANT not in error.message
        with pytest.raises(SigningKeysUnavailable):
            await checked.check.probe()
        del tenant.responses[KEYS_PATH]
        async with asyncio.timeout(20):
            while await checked.code(token()) is not None:  # noqa: ASYNC110 - a timer's work
                await asyncio.sleep(0.01)
        await checked.check.probe()
