"""Access to the page's server, and the headers of every response.

The page shows prompts, so its server answers nobody else than its own page:

* The name in `Host` must be an IP address, `localhost` or the name that the server was given. A
  foreign page whose name was pointed at this machine (DNS rebinding) has neither.
* If other machines can reach the server, a token is needed. It comes once in the address, and stays
  in a cookie that scripts and foreign pages cannot read or send.
* A request that changes or costs something is a POST, and needs a header that a foreign page cannot
  set.

The Content-Security-Policy lets the page load scripts and styles from its own address alone, and
run none that stands in its text.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Collection
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OWN_HEADER: Final = "x-fnsse-view"
_COOKIE: Final = "fnsse-view"
_TOKEN: Final = "token"  # noqa: S105 - the name of a parameter
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class TokenGuard:
    """Middleware in front of all routes."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        names: Collection[str],
        token: str | None,
        script_source: str | None = None,
    ) -> None:
        """`names`: host names, in lower case, by which the server may be addressed, beside IP
        addresses. `token`: None if only this machine reaches the server. `script_source`: a source
        of the policy, for the one script that stands in the page.
        """
        sources = " ".join(filter(None, ("'self'", script_source)))
        self._headers = {
            "content-security-policy": f"script-src {sources}; {_POLICY}",
            **_HEADERS,
        }
        self._app = app
        self._names = frozenset(names) | {"localhost"}
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on to the routes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self._headers)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        own_response = self._own_response(scope, Headers(scope=scope))
        await (own_response or self._app)(scope, receive, send_with_headers)

    def _own_response(self, scope: Scope, headers: Headers) -> Response | None:
        """The response of the guard itself; None: the request may pass."""
        if not self._is_own_host(headers.get("host", "")):
            return _error(421, "the Host header names neither an IP address nor this server")
        if scope["method"] not in {"GET", "HEAD"} and not _is_own_page(headers):
            return _error(
                403, f"only the page itself may do this: the header {OWN_HEADER}: 1 is needed"
            )
        return None if self._token is None else self._token_response(scope, headers, self._token)

    def _is_own_host(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in self._names or _is_ip_address(name)

    def _token_response(self, scope: Scope, headers: Headers, token: str) -> Response | None:
        """None if the cookie has the token, a redirect that sets the cookie if the address has it,
        otherwise a 401.
        """
        if hmac.compare_digest(_cookie(headers).encode(), token.encode()):
            return None
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        presented = dict(query).get(_TOKEN, "")
        if scope["method"] != "GET" or not hmac.compare_digest(presented.encode(), token.encode()):
            return PlainTextResponse(
                "A token is needed: open the address that the view printed when it started.\n", 401
            )
        rest = urlencode([(name, value) for name, value in query if name != _TOKEN])
        # without the token, so that the address can be shown and sent
        response = RedirectResponse(f"{_own_path(scope['path'])}{'?' if rest else ''}{rest}", 303)
        response.set_cookie(_COOKIE, token, httponly=True, samesite="strict")
        return response


def _own_path(path: str) -> str:
    """The path as this server's own: one that begins with two slashes would name another."""
    return "/" + path.lstrip("/\\")


def _is_own_page(headers: Headers) -> bool:
    """A browser sends the header from this server's pages alone, and says where a call comes
    from.
    """
    if headers.get(OWN_HEADER) != "1":
        return False
    origin = headers.get("origin")
    is_own_origin = origin is None or urlsplit(origin).netloc == headers.get("host")
    return is_own_origin and headers.get("sec-fetch-site", "none") in {"same-origin", "none"}


def _is_ip_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _cookie(headers: Headers) -> str:
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookies[_COOKIE].value if _COOKIE in cookies else ""


def _error(status: int, message: str) -> Response:
    return JSONResponse({"error": {"message": message}}, status)
