"""An httpx transport on aiohttp's client: httpx is the interface, aiohttp the engine.

The ready-made bridge (httpx-aiohttp 0.2.0) rewrites queries, ignores the write timeout, calls a
dropped connection a ConnectTimeout, and keeps cookies from one caller to the next. This one sends
the target as it is (`extensions["target"]`, as httpcore reads it), honours all of httpx's timeouts,
raises httpx's own exceptions, keeps no cookie, follows no redirect and decodes nothing.
aiohttp's exceptions never leave it, as httpcore's never leave httpx.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import aiohttp
import httpx
from multidict import CIMultiDict
from yarl import URL

from shared.adapters.http_client import aiohttp_internals
from shared.adapters.http_client.bodies import RequestBody, ResponseBody
from shared.adapters.http_client.connection_pool import ConnectionPool, ReusableConnection
from shared.adapters.http_client.errors import drop_traceback, translate
from shared.adapters.http_client.session import RetrySuppressed, open_session

# The headers of a response. aiohttp's own limit is 128, which counts trailers as well; gateways add
# many. With lines of 64 KB they are 32 MB at the most.
_MAX_HEADERS: Final = 512

# A server that closes its connections after each response, without a word in it, does so within
# milliseconds.
_COOLDOWN_S: Final = 0.05
# The bytes of a header line of a response. aiohttp's own limit is 8190, and policies in front of
# Azure OpenAI can write longer lines.
_MAX_HEADER_BYTES: Final = 64 * 1024


class AiohttpTransport(httpx.AsyncBaseTransport):
    """One connection pool. It belongs to the event loop of its first request. No request is sent
    twice.

    Raises UnsupportedLibrary if aiohttp is not as it is used here.
    """

    def __init__(
        self,
        *,
        max_connections: int,
        cooldown_s: float = _COOLDOWN_S,
        on_reuse: Callable[[ReusableConnection], None] | None = None,
    ) -> None:
        """`cooldown_s`: how long a connection is not used after its last response has ended.
        `on_reuse`: called with a connection before its further requests.
        """
        aiohttp_internals.check()
        self._cooldown_s = cooldown_s
        self._on_reuse = on_reuse
        self._max_connections = max_connections
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send; returns when the headers are there. Raises httpx.TimeoutException and
        httpx.NetworkError subclasses, and UpstreamConnectionLost.
        """
        timeouts: Mapping[str, float | None] = request.extensions.get("timeout", {})
        body = RequestBody(request, timeouts.get("write"))
        try:
            response = await body.sent_by(self._send(request, timeouts, body))
        except RetrySuppressed as suppressed:
            raise translate(suppressed.error, before_headers=True) from drop_traceback(
                suppressed.error
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise translate(error, before_headers=True) from drop_traceback(error)
        stream = ResponseBody(response, timeouts.get("read"))
        return httpx.Response(response.status, headers=list(response.raw_headers), stream=stream)

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _send(
        self, request: httpx.Request, timeouts: Mapping[str, float | None], body: RequestBody
    ) -> aiohttp.ClientResponse:
        connect = timeouts.get("connect")
        return await self._open_session().request(
            request.method,
            _url(request),
            headers=_headers(request),
            data=body.payload(),
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(
                total=None, connect=connect, sock_connect=connect, sock_read=timeouts.get("read")
            ),
        )

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = open_session(
                ConnectionPool(
                    cooldown_s=self._cooldown_s,
                    on_reuse=self._on_reuse,
                    limit=self._max_connections,
                    limit_per_host=0,
                ),
                max_line_size=_MAX_HEADER_BYTES,
                max_field_size=_MAX_HEADER_BYTES,
                max_headers=_MAX_HEADERS,
            )
        return self._session


def _headers(request: httpx.Request) -> CIMultiDict[str]:
    pairs = ((_text(name), _text(value)) for name, value in request.headers.raw)
    # aiohttp frames a body of unknown length by itself, and refuses that header.
    return CIMultiDict(
        (name, value) for name, value in pairs if name.lower() != "transfer-encoding"
    )


def _text(data: bytes) -> str:
    """aiohttp writes headers as UTF-8. Bytes that are not (only ASCII is portable, RFC 9110, 5.5)
    change on the way.
    """
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _url(request: httpx.Request) -> URL:
    target: bytes = request.extensions.get("target", request.url.raw_path)
    path, _, query = target.decode("latin-1").partition("?")
    url = request.url
    return URL.build(
        scheme=url.scheme, host=url.host, port=url.port, path=path, query_string=query, encoded=True
    )
