"""The storage calls that every exchange makes, sent without the SDK's pipeline.

azure-storage spends 0.75 to 0.9 ms of CPU on a call, nearly all of it in its policies, and fnsse
makes six for an exchange. Six of them here cost 0.58 ms (20 exchanges at once) to 0.76 ms (one
after the other), signing and URLs included. An HTTP client of our own, on httptools, took 0.19 and
0.29 ms (medians of 60 alternating rounds in one process, against a server in another): less than
0.5 ms an exchange is not worth 250 lines and their bugs.

All other calls (listings, reports, probes) stay with the SDK.

Sources: "Authorize with Shared Key", "Put Blob", "Get Blob", "Append Block", "Put Message" of the
Storage REST reference.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import hmac
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Final
from urllib.parse import quote, urlsplit

from shared.adapters.storage.backoff import Backoff
from shared.adapters.storage.errors import error_for_status, storage_errors
from shared.adapters.storage.http_calls import StorageHttp, StorageResponse
from shared.core.wire.http.retry_after import retry_after_s
from shared.errors import StorageError

_API_VERSION: Final = "2023-11-03"
_MESSAGE: Final = b"<?xml version='1.0' encoding='utf-8'?><QueueMessage><MessageText>%s</MessageText></QueueMessage>"

type Token = Callable[[], Awaitable[str]]


@dataclass(frozen=True, kw_only=True)
class Service:
    """One service of an account, and its authorization: exactly one of key, SAS and token."""

    url: str  # https://contoso.blob.core.windows.net, or http://127.0.0.1:10000/devstoreaccount1
    account: str = ""
    key: bytes | None = None
    sas: str = ""  # without the question mark
    token: Token | None = None

    @functools.cached_property
    def origin(self) -> str:
        """Scheme and authority of the address."""
        return self.url.removesuffix(self.path)

    @functools.cached_property
    def path(self) -> str:
        """The beginning of every path: empty in Azure, the account's name in Azurite."""
        return urlsplit(self.url).path


@dataclass(frozen=True, slots=True)
class _StorageRequest:
    """One call to a service; it is signed anew for each try."""

    service: Service
    method: str
    path: str  # without a leading slash, not yet percent-encoded
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class BlobRange:
    """A part of a blob."""

    data: bytes
    blob_bytes: int  # the size of the whole blob
    etag: str  # empty if the blob is empty


class DirectStorage:
    """Calls to one account's blobs and queues. Every call raises StorageError.

    A call is tried again after no response, and after a status of a busy service (429 and every
    5xx).
    """

    def __init__(
        self,
        blobs: Service,
        queues: Service,
        *,
        http: StorageHttp | None = None,
        backoff: Backoff | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._blobs = blobs
        self._queues = queues
        self._http = http or StorageHttp()
        self._backoff = backoff or Backoff()
        self._sleep = sleep

    async def put_blob(self, path: str, data: bytes) -> None:
        """Replace or create a blob. `path` is container and name."""
        headers = {"x-ms-blob-type": "BlockBlob"}
        await self._call(_StorageRequest(self._blobs, "PUT", path, headers=headers, body=data))

    async def get_range(self, path: str, start: int, count: int, etag: str = "") -> BlobRange:
        """Up to `count` bytes from `start` on. With an `etag`, those of that version of the blob.

        Raises StorageNotFound if there is no blob, and StorageError if it has another ETag.
        """
        headers = {"x-ms-range": f"bytes={start}-{start + count - 1}"}
        if etag:
            headers["if-match"] = etag
        try:
            response = await self._call(_StorageRequest(self._blobs, "GET", path, headers=headers))
        except StorageError as error:
            if error.status != 416 or etag:  # the response to any range of an empty blob
                raise
            return BlobRange(b"", 0, "")
        content_range = response.headers.get("content-range", "")  # bytes 0-99/1000
        total = content_range.rpartition("/")[2]
        blob_bytes = int(total) if total.isdecimal() else start + len(response.body)
        return BlobRange(response.body, blob_bytes, response.headers.get("etag", ""))

    async def get_beginning(self, path: str, count: int) -> bytes:
        """The first `count` bytes, or all if the blob is shorter."""
        return (await self.get_range(path, 0, count)).data

    async def append_block(self, path: str, data: bytes) -> None:
        """Append to an append blob. Raises StorageNotFound if there is none."""
        await self._call(
            _StorageRequest(self._blobs, "PUT", path, {"comp": "appendblock"}, body=data)
        )

    async def put_message(
        self, queue: str, text: str, wait_s: int, *, ttl_s: int | None = None
    ) -> None:
        """Put a message, visible after `wait_s`, that expires after `ttl_s`; None: never.

        Its text is Base64, as host.json's messageEncoding says.
        """
        query = {"messagettl": str(ttl_s or -1), "visibilitytimeout": str(wait_s)}
        headers = {"content-type": "application/xml"}
        body = _MESSAGE % base64.b64encode(text.encode())
        await self._call(
            _StorageRequest(self._queues, "POST", f"{queue}/messages", query, headers, body)
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _call(self, request: _StorageRequest) -> StorageResponse:
        tries = 0
        while True:
            tries += 1
            server_wait_s = 0.0
            try:
                url, headers = await _sign(request)
                response = await self._http.call(request.method, url, headers, request.body)
            except StorageError as error:
                failure = error
            else:
                if response.status < 300:
                    return response
                failure = error_for_status(
                    response.status, response.headers.get("x-ms-error-code", "")
                )
                if not _is_transient(response.status):
                    raise failure
                server_wait_s = retry_after_s(
                    response.headers.get("retry-after"), datetime.now(UTC)
                )
            wait_s = self._backoff.wait_s(tries, server_wait_s)
            if wait_s is None:
                raise failure
            await self._sleep(wait_s)


async def _sign(request: _StorageRequest) -> tuple[str, dict[str, str]]:
    """Sign one try. Returns its URL and its headers. Raises StorageError if there is no token."""
    service = request.service
    path = f"{service.path}/{quote(request.path)}"
    headers = {
        **request.headers,
        "x-ms-date": _http_date(int(time.time())),
        "x-ms-version": _API_VERSION,
    }
    if service.key is not None:
        headers["authorization"] = _shared_key(request, path, headers)
    elif service.token is not None:
        with storage_errors():
            headers["authorization"] = f"Bearer {await service.token()}"
    values = [f"{name}={quote(value, safe='')}" for name, value in request.query.items()]
    query = "&".join([*values, service.sas] if service.sas else values)
    url = f"{service.origin}{path}?{query}" if query else f"{service.origin}{path}"
    return url, headers


@functools.lru_cache(maxsize=1)
def _http_date(second: int) -> str:
    return formatdate(second, usegmt=True)


def _is_transient(status: int) -> bool:
    return status == 429 or status >= 500


def _shared_key(request: _StorageRequest, path: str, headers: Mapping[str, str]) -> str:
    """The value of the Authorization header.

    Of the standard headers that a signature covers, only Content-Length, Content-Type and If-Match
    are sent.
    """
    service, query = request.service, request.query
    canonical_headers = "".join(
        f"{name}:{headers[name]}\n" for name in sorted(headers) if name.startswith("x-ms-")
    )
    canonical_query = "".join(f"\n{name}:{query[name]}" for name in sorted(query))
    text = (
        f"{request.method}\n\n\n{len(request.body) or ''}\n\n"
        f"{headers.get('content-type', '')}\n\n\n{headers.get('if-match', '')}\n\n\n\n"
        f"{canonical_headers}/{service.account}{path}{canonical_query}"
    )
    signature = base64.b64encode(hmac.digest(service.key or b"", text.encode(), "sha256")).decode()
    return f"SharedKey {service.account}:{signature}"
