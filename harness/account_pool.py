"""A stand-in for the pool of Azure OpenAI accounts on API Management: it does what
infra/policies/pool.xml says, and what Microsoft documents of backend pools and circuit breakers.

It is also the identity endpoint of App Service, so that the app gets a token of its identity by
the same way as in Azure.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self
from xml.etree import ElementTree

import aiohttp
import jwt
from aiohttp import web
from multidict import CIMultiDict, MultiMapping
from yarl import URL

from harness import entra_tokens
from harness.loop_thread import LoopThread
from local.repository import ROOT

PATH: Final = "/fnsse-test-pool"
# The app's identity, and one that may not call.
APP_CLIENT_ID: Final = "a77c11e7-2222-4333-8444-555566667777"
AUDIENCE: Final = "https://cognitiveservices.azure.com"
IDENTITY_SECRET: Final = "identity-header-9b1e"
_TRIP_S: Final = 10.0
_HEAD_BYTES: Final = 64 * 1024  # a line of a request's head may be as long as the app lets it
_POLICY: Final = ROOT / "infra" / "policies" / "pool.xml"
# They belong to one connection, or are written again for the next.
_CONNECTION: Final = {"host", "connection", "transfer-encoding", "keep-alive", "content-length"}


@dataclass(kw_only=True)
class Account:
    """A member of the pool. `refusal` holds directives of the stand-in for Azure OpenAI, such as
    `status=429; retry_after=30`; empty: it answers.
    """

    name: str
    region: str
    priority: int = 1
    weight: int = 1
    refusal: str = ""
    open_until: float = 0.0  # of its circuit breaker, time.monotonic()


@dataclass(kw_only=True)
class AccountPool:
    """Serves the pool on loopback inside a `with` block."""

    accounts: list[Account]
    upstream_url: str = ""  # of the stand-in for Azure OpenAI, which answers for all accounts
    settings: dict[str, str] = field(init=False)  # of an app that calls the pool
    picked: Counter[str] = field(default_factory=Counter)  # requests by account
    accepted: int = 0  # requests from the app

    def __enter__(self) -> Self:
        self._policy = _Policy()
        self._loop = LoopThread()
        port = self._loop.run(self._start())
        self.url = f"http://127.0.0.1:{port}{PATH}"
        self.settings = {
            "AZURE_OPENAI_BASE_URL": self.url,
            "AZURE_OPENAI_KEY": "",
            "AZURE_OPENAI_REGION": "",
            "AZURE_CLIENT_ID": APP_CLIENT_ID,
            "IDENTITY_ENDPOINT": f"http://127.0.0.1:{port}/identity",
            "IDENTITY_HEADER": IDENTITY_SECRET,
        }
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.run(self._stop())
        self._loop.close()

    def recover(self) -> None:
        """Every account answers again, and no circuit breaker is open."""
        for account in self.accounts:
            account.refusal, account.open_until = "", 0.0
        self.picked.clear()

    async def _start(self) -> int:
        app = web.Application(client_max_size=100 * 2**20)
        app.router.add_get("/identity", _identity)
        app.router.add_route("*", PATH + r"/{rest:[\s\S]*}", self._relay)
        self._session = aiohttp.ClientSession(
            auto_decompress=False, skip_auto_headers=("user-agent", "accept-encoding")
        )
        self._runner = web.AppRunner(
            app, handler_cancellation=True, max_line_size=_HEAD_BYTES, max_field_size=_HEAD_BYTES
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port: int = self._runner.addresses[0][1]
        return port

    async def _stop(self) -> None:
        await self._session.close()
        await self._runner.cleanup()

    async def _relay(self, request: web.Request) -> web.StreamResponse:
        if not self._policy.accepts(request.headers.get("authorization", "")):
            return web.json_response(_error(401), status=401)
        self.accepted += 1
        body = await request.read()  # buffer-request-body
        last = self._policy.retries(len(self.accounts)) + 1
        for attempt in range(1, last + 1):
            account = self._pick()
            if account is None:
                return web.json_response(_error(503), status=503)
            try:
                called = await self._call(request, body, account)
            except aiohttp.ClientConnectionError:
                return web.json_response(_error(502), status=502)
            async with called as response:
                refused = response.status == 429 or response.status >= 500
                if refused:
                    account.open_until = time.monotonic() + float(
                        response.headers.get("retry-after", _TRIP_S)
                    )
                if not refused or attempt == last:
                    return await self._pass_on(request, response, account, attempt)
        raise AssertionError("the last attempt answers")

    async def _call(
        self, request: web.Request, body: bytes, account: Account
    ) -> aiohttp.ClientResponse:
        return await self._session.request(
            request.method,
            URL(self.upstream_url + request.raw_path.removeprefix(PATH), encoded=True),
            headers=_forwarded_headers(request, account),
            data=body or None,
        )

    def _pick(self) -> Account | None:
        """One of the lowest priority that is available: the one that has had least of its share."""
        now = time.monotonic()
        available = [account for account in self.accounts if account.open_until <= now]
        if not available:
            return None
        first = min(account.priority for account in available)
        picked = min(
            (account for account in available if account.priority == first),
            key=lambda account: self.picked[account.name] / account.weight,
        )
        self.picked[picked.name] += 1
        return picked

    async def _pass_on(
        self,
        request: web.Request,
        response: aiohttp.ClientResponse,
        account: Account,
        attempt: int,
    ) -> web.StreamResponse:
        headers = _without_connection(response.headers)
        if "content-length" in response.headers:
            headers["content-length"] = response.headers["content-length"]
        values = (account.name, account.region, str(attempt))
        headers.update(zip(self._policy.backend_headers, values, strict=True))
        relayed = web.StreamResponse(status=response.status, headers=headers)
        await relayed.prepare(request)
        try:
            async for piece in response.content.iter_any():  # buffer-response is off
                await relayed.write(piece)
        except aiohttp.ClientError:
            assert request.transport is not None
            request.transport.abort()
            return relayed
        await relayed.write_eof()
        return relayed


class _Policy:
    """The values that the stand-in reads from the policy itself."""

    def __init__(self) -> None:
        policy = ElementTree.parse(_POLICY).getroot()  # noqa: S314 - a file of this repository
        self._audiences = [element.text or "" for element in policy.iter("audience")]
        self._retry = next(policy.iter("retry"))
        outbound = policy.find("outbound")
        assert outbound is not None
        self.backend_headers = [
            element.get("name", "")
            for element in outbound.iter("set-header")
            if element.get("name", "").startswith("x-fnsse-backend-")
        ]

    def retries(self, accounts: int) -> int:
        """RETRIES stands for the number of further accounts (api-management-pool.bicep)."""
        return int((self._retry.get("count") or "").replace("RETRIES", str(accounts - 1)))

    def accepts(self, authorization: str) -> bool:
        """validate-azure-ad-token: signature, tenant, audience and client application."""
        try:
            claims = jwt.decode(
                authorization.removeprefix("Bearer "),
                entra_tokens.private_key("first").public_key(),
                ["RS256"],
                audience=self._audiences,
                issuer=[entra_tokens.ISSUER_V1, entra_tokens.ISSUER_V2],
            )
        except jwt.InvalidTokenError:
            return False
        return claims["tid"] == entra_tokens.TENANT and claims.get("appid") == APP_CLIENT_ID


async def _identity(request: web.Request) -> web.Response:
    """A token for the identity that AZURE_CLIENT_ID names, as App Service's endpoint gives it."""
    if request.headers.get("x-identity-header") != IDENTITY_SECRET:
        return web.json_response({"statusCode": 401, "message": "no identity header"}, status=401)
    resource, client_id = request.query["resource"], request.query["client_id"]
    return web.json_response(
        {
            "access_token": entra_tokens.token(aud=resource, appid=client_id),
            "expires_on": str(int(time.time()) + 3600),
            "resource": resource,
            "token_type": "Bearer",
        }
    )


def _forwarded_headers(request: web.Request, account: Account) -> CIMultiDict[str]:
    headers = _without_connection(request.headers)
    headers["authorization"] = "Bearer of-the-gateway"  # authentication-managed-identity
    if account.refusal:
        headers["x-stand-in"] = account.refusal
    return headers


def _without_connection(headers: MultiMapping[str]) -> CIMultiDict[str]:
    return CIMultiDict(
        (name, value) for name, value in headers.items() if name.lower() not in _CONNECTION
    )


def _error(status: int) -> dict[str, object]:
    return {"error": {"code": str(status), "message": "of the pool", "type": "gateway_error"}}
