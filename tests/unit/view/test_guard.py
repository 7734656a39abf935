"""Access to the page's server, and the headers of its responses."""

from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from view.server.guard import OWN_HEADER, TokenGuard

pytestmark = pytest.mark.anyio

TOKEN = "a-token"


async def _hello(_request: Request) -> Response:
    return PlainTextResponse("hello")


def client(*, token: str | None = None, name: str = "127.0.0.1") -> httpx.AsyncClient:
    routes = [Route("/{path:path}", _hello, methods=["GET", "POST"])]
    app = TokenGuard(Starlette(routes=routes), names={name}, token=token)
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8090")


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8090", "localhost:8090", "[::1]:8090", "10.0.0.7", "Localhost"]
)
async def test_an_address_of_this_server_is_served(host: str) -> None:
    async with client() as http:
        assert (await http.get("/", headers={"host": host})).text == "hello"


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8090", "127.0.0.1.evil.example", "localhost.evil", "[::1", ""],
)
async def test_a_foreign_name_is_rejected(host: str) -> None:
    """A page whose name was pointed at this machine reads nothing (DNS rebinding)."""
    async with client() as http:
        response = await http.get("/", headers={"host": host})
    assert (response.status_code, response.json()["error"]["message"][:15]) == (
        421,
        "the Host header",
    )


async def test_the_servers_own_name_is_served() -> None:
    async with client(name="view.internal") as http:
        assert (await http.get("/", headers={"host": "view.internal:8090"})).text == "hello"


async def test_every_answer_forbids_scripts_of_others() -> None:
    """A prompt that a page showed as HTML could not run anything, either."""
    async with client() as http:
        responses = [await http.get("/"), await http.get("/", headers={"host": "evil.example"})]
    for response in responses:
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {OWN_HEADER: "0"},
        {OWN_HEADER: "1", "origin": "http://evil.example"},
        {OWN_HEADER: "1", "origin": "null"},
        {OWN_HEADER: "1", "origin": "http://127.0.0.1:9999"},
        {OWN_HEADER: "1", "sec-fetch-site": "cross-site"},
        {OWN_HEADER: "1", "sec-fetch-site": "same-site"},
    ],
    ids=["plain", "other_value", "other_origin", "no_origin", "other_port", "cross", "same_site"],
)
async def test_a_foreign_page_cannot_post(headers: dict[str, str]) -> None:
    async with client() as http:
        assert (await http.post("/", headers=headers)).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [{}, {"origin": "http://127.0.0.1:8090", "sec-fetch-site": "same-origin"}],
    ids=["curl", "browser"],
)
async def test_the_page_itself_can_post(headers: dict[str, str]) -> None:
    async with client() as http:
        assert (await http.post("/", headers={OWN_HEADER: "1", **headers})).text == "hello"


# --- with a token


@pytest.mark.parametrize(
    "path", ["/", "/api/exchanges", "/?token=", "/?token=wrong", "/?token=a-toke", "/?token=ä"]
)
async def test_without_the_token_nothing_is_served(path: str) -> None:
    async with client(token=TOKEN) as http:
        response = await http.get(path, headers={"cookie": "fnsse-view=wrong; other=1"})
    assert (response.status_code, "hello" in response.text) == (401, False)


async def test_the_token_of_the_address_moves_into_a_cookie() -> None:
    """The address that is shown then holds none, and the cookie is neither a script's nor a foreign
    page's.
    """
    async with client(token=TOKEN) as http:
        response = await http.get(f"/?q=outcome%3Acompleted&token={TOKEN}&open=1")
        assert (response.status_code, response.headers["location"]) == (
            303,
            "/?q=outcome%3Acompleted&open=1",
        )
        assert "HttpOnly" in response.headers["set-cookie"]
        assert "samesite=strict" in response.headers["set-cookie"].lower()
        assert (await http.get("/api/exchanges")).text == "hello"
        assert (await http.post("/")).status_code == 403
        assert (await http.post("/", headers={OWN_HEADER: "1"})).text == "hello"


async def test_a_post_does_not_take_the_token_of_an_address() -> None:
    async with client(token=TOKEN) as http:
        response = await http.post(f"/?token={TOKEN}", headers={OWN_HEADER: "1"})
    assert response.status_code == 401


async def test_the_redirect_stays_on_this_server() -> None:
    async with client(token=TOKEN) as http:
        response = await http.get(f"http://127.0.0.1:8090//evil.example/?token={TOKEN}")
    assert response.headers["location"] == "/evil.example/"
